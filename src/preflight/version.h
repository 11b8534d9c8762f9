// The TensorRT versions whose rules are known: data. Not aware of: the rules themselves. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vlaq::preflight {

struct Version {
  std::string_view name;                       // "8.6"
  int number = 0;                              // 806: major * 100 + minor
  std::string_view where;                      // on which boards
  int64_t oldest_opset = 0, newest_opset = 0;  // of ai.onnx, as its documentation says
};

std::span<const Version> Versions();
// "8.6, 10.0, ..."
std::string VersionNames(std::string_view between = ", ");
// "8.6" or a patch of it ("8.6.2"). Errors: kUsage listing the known ones.
Result<const Version*> FindVersion(std::string_view name);

}  // namespace vlaq::preflight

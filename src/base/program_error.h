// Why the system refused something that a program needs which is to be started. Private to this module.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <string>

#include "base/status.h"

namespace vlaq {

inline Error ProgramError(const std::string& program, const std::string& what, int code) {
  const char* why = std::strerror(code);  // NOLINT(concurrency-mt-unsafe)
  return {ErrorCode::kBackend, fmt::format("{}: {}", what, why), program, ""};
}

}  // namespace vlaq

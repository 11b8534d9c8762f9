// The options of commands that work out what a model costs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cost/model_cost.h"

namespace vlaq::cli {

// NAME=NUMBER texts of --extent. Errors: kUsage for one that is none.
Result<onnx::Extents> ReadExtents(const std::vector<std::string>& texts);

struct CostArguments {
  std::filesystem::path path;
  std::optional<int64_t> window;
  std::vector<std::string> extents;

  void AddTo(CLI::App& app, const std::string& what);
  // Errors: kUsage for an extent that is none.
  Result<cost::CostOptions> Options() const;
};

}  // namespace vlaq::cli

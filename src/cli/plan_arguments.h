// The options from which a plan is made, for `plan quantize` and for `quantize` without a plan.
#pragma once

#include <optional>

#include "cli/verb.h"
#include "planning/planner.h"

namespace vlaq::cli {

struct PlanArguments {
  std::string target = "cpu";
  std::string precision = "int8";
  std::filesystem::path stats;
  std::string activation_range = "mse";
  std::string weight_range = "min_max";
  int64_t block = 32;
  double smooth = 0.5;
  bool weight_only = false;
  bool bias_correction = false;
  std::vector<std::string> keep_float;

  // `instead`: an option that excludes these (--plan), or null.
  void AddTo(CLI::App& app, CLI::Option* instead = nullptr);
  // The statistics of --stats, if it was given. Errors: kInput.
  Result<std::optional<quantization::ActivationStatistics>> ReadStats() const;
  // Warnings go to `log`. Errors: as planning::MakePlan.
  Result<quantization::Plan> MakePlan(const bundle::Bundle& bundle,
                                      const quantization::ActivationStatistics* statistics, Log& log) const;

 private:
  CLI::Option* smooth_option_ = nullptr;
};

}  // namespace vlaq::cli

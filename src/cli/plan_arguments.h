// The options from which a plan is made, for `plan quantize` and for `quantize` without a plan.
#pragma once

#include <optional>

#include "cli/command.h"
#include "quantize/plan/planner.h"

namespace vlaq::cli {

struct PlanArguments {
  std::string target = "cpu";
  std::string precision = "int8";
  std::filesystem::path stats;
  std::string activation_range = "mse";
  std::string weight_range = "min_max";
  int64_t block = 64;
  std::string smooth;  // empty: none; "auto": by estimate, or the best of several; else alpha
  bool weight_only = false;
  bool bias_correction = false;
  std::vector<std::string> keep_float;

  // `instead`: an option that excludes these (--plan), or null.
  void AddTo(CLI::App& app, CLI::Option* instead = nullptr);
  // The statistics of --stats, if it was given. Errors: kInput.
  Result<std::optional<numerics::ActivationStatistics>> ReadStats() const;
  // Warnings go to `log`. With --smooth auto the one whose alphas come of the estimate. Errors: as plan::MakePlan.
  Result<numerics::Plan> MakePlan(const bundle::Bundle& bundle, const numerics::ActivationStatistics* statistics,
                                  Log& log) const;
  // Plans that differ in smoothing, for --smooth auto: by estimate (the first), without any, and with alphas from 0.2
  // to 0.8; else one plan.
  Result<std::vector<numerics::Plan>> MakePlans(const bundle::Bundle& bundle,
                                                const numerics::ActivationStatistics* statistics, Log& log) const;

 private:
  Result<plan::PlanOptions> Options() const;
  Result<numerics::Plan> MakeOne(const bundle::Bundle& bundle, const numerics::ActivationStatistics* statistics,
                                 const plan::PlanOptions& options, Log& log) const;
};

}  // namespace vlaq::cli

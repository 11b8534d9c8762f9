// The options of `plan quantize` that look at what the policy does: which group moves the actions, and the plan that
// holds a limit on that.
#pragma once

#include <optional>

#include "bundle/bundle.h"
#include "cli/verb.h"
#include "planning/accuracy.h"
#include "quantization/statistics.h"

namespace vlaq::cli {

struct PlanAccuracyArguments {
  std::filesystem::path episodes, tokenizer, work;
  bool sensitivity = false;
  bool bgr = false;
  std::optional<double> max_mae_increase, max_action_diff;
  int64_t ranking_steps = 300;
  int max_plans = 200;
  BackendChoice backend;

  void AddTo(CLI::App& app);
  bool any() const { return sensitivity || max_mae_increase || max_action_diff; }
};

struct PlanAccuracy {
  std::vector<planning::GroupEffect> ranking;
  planning::AccuracyGoal goal;
  std::optional<planning::HeldAccuracy> held;  // if there was a goal
};

// Ranks the groups of `plan`, and makes it hold the limits. `output`: the plan's file, beside which bundles are tried.
// Errors: kUsage for options that do not go together; kInput if episodes were calibrated on; kVerification if no plan
// holds the limits.
Result<PlanAccuracy> LookAtActions(const PlanAccuracyArguments& arguments, const bundle::Bundle& bundle,
                                   const quantization::ActivationStatistics* statistics,
                                   const std::filesystem::path& output, quantization::Plan& plan, Log& log);

// For people: the bar chart, and what was reverted.
std::string Text(const PlanAccuracy& accuracy);
Json ToJson(const PlanAccuracy& accuracy);

}  // namespace vlaq::cli

// The options of `plan quantize` that look at what the policy does: which group moves the actions, and the plan that
// holds a limit on that.
#pragma once

#include <optional>

#include "bundle/bundle.h"
#include "cli/command.h"
#include "cli/episode_choice.h"
#include "quantize/numerics/statistics.h"
#include "quantize/plan/accuracy.h"

namespace vlaq::cli {

struct PlanAccuracyArguments {
  EpisodeChoice episodes;
  std::filesystem::path tokenizer, work;
  bool sensitivity = false;
  std::optional<double> max_mae_increase, max_action_diff;
  int64_t ranking_steps = 300;
  int max_plans = 200;
  BackendChoice backend;

  void AddTo(CLI::App& app);
  // Whether one plan is to be looked at; several always are, where there are episodes.
  bool any() const { return sensitivity || max_mae_increase || max_action_diff; }
};

// With which alpha the actions move how far.
struct TriedSmoothing {
  std::string alpha;  // "none", "0.5", "each its own"
  plan::ActionError effect;
  bool taken = false;
};

struct PlanAccuracy {
  numerics::Plan plan;
  std::vector<TriedSmoothing> smoothing;  // if there were several plans
  std::vector<plan::GroupSensitivity> ranking;
  plan::AccuracyGoal goal;
  std::optional<plan::MixedPrecision> held;  // if there was a goal
};

// Takes that of `plans` which moves the actions least, ranks its groups, and makes it hold the limits. `output`: the
// plan's file, beside which bundles are tried. Errors: kUsage for options that do not go together; kInput if episodes
// were calibrated on; kVerification if no plan holds the limits.
Result<PlanAccuracy> LookAtActions(const PlanAccuracyArguments& arguments, const bundle::Bundle& bundle,
                                   const numerics::ActivationStatistics* statistics,
                                   const std::filesystem::path& output, std::vector<numerics::Plan> plans, Log& log);

// For people: the bar chart, and what was reverted.
std::string Text(const PlanAccuracy& accuracy);
Json ToJson(const PlanAccuracy& accuracy);

}  // namespace vlaq::cli

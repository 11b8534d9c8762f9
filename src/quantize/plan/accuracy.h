// What quantizing each group does to the actions, and the plan that quantizes as much as a limit on that allows.
//
// In scope: ranking, and the search by reverting the worst first. Not aware of: how an effect is measured (a
// SensitivityEvaluator, sensitivity_evaluator.h), bundles, episodes. Deterministic for a deterministic evaluator.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "quantize/numerics/plan.h"

namespace vlaq::plan {

// What a plan does to the actions of the policy, all normalized to [-1, 1]. On the same frames as the float32 policy.
struct ActionError {
  int64_t steps = 0;
  double mae = 0;                // |a - recorded|
  double mae_increase = 0;       // of it over float32's
  double mae_increase_most = 0;  // upper end of its 95 % interval; infinite with one episode
  double moved_rms = 0;          // a - float32's
  double moved_mean = 0;         // |a - float32's|
  double moved_most = 0;         // the largest of them
  double directions = 1;         // share of steps that go the same of nine ways as float32's

  // No action was NaN or infinite.
  bool is_finite() const;
};

class SensitivityEvaluator {
 public:
  virtual ~SensitivityEvaluator() = default;
  // kRanking: on a part of the samples, enough to compare groups. Errors: those of making and running the policy.
  enum class Scope { kRanking, kAll };
  virtual Result<ActionError> Measure(const numerics::Plan& plan, Scope scope) = 0;
};

struct GroupSensitivity {
  std::string group;
  std::string format;  // "dynamic_int8 int8"
  int64_t macs = 0;
  ActionError effect;  // with only this group quantized
};
// Every quantized group alone, the one that moves the actions most (RMS) first.
Result<std::vector<GroupSensitivity>> RankGroups(const numerics::Plan& plan, SensitivityEvaluator& evaluator, Log& log);

// The place of the plan that moves the actions least (RMS), with the effects of all, in their order. `plans`: one at
// least.
struct LeastActionError {
  size_t index = 0;
  std::vector<ActionError> effects;
};
Result<LeastActionError> FindLeastActionError(const std::vector<numerics::Plan>& plans, SensitivityEvaluator& evaluator,
                                              Log& log);

// Absent: no limit. Both are above 0.
struct AccuracyGoal {
  std::optional<double> max_mae_increase;  // for the upper end of the 95 % interval
  std::optional<double> max_action_diff;   // for the largest |a - float32's| of any action

  bool any() const { return max_mae_increase || max_action_diff; }
  // The largest share of a limit that `effect` takes; above 1 the goal is missed. Infinite if it is not finite.
  double ShareOf(const ActionError& effect) const;
};

struct Reversion {
  std::string group;
  std::string from, to;  // formats
  ActionError after;
  bool kept = true;  // false: it made things worse and was taken back
};

struct MixedPrecision {
  numerics::Plan plan;
  bool reached = false;
  ActionError before, after;  // of the plan that was given, and of `plan`
  std::vector<Reversion> reversions;
  std::vector<std::string> restored;  // groups that turned out to need no reverting
  int measurements = 0;               // of whole plans; rankings not counted
};

struct AccuracyOptions {
  int max_measurements = 200;
};

// Reverts groups of `plan`, worst of `ranking` first, until `goal` is met; where that makes things worse, takes it
// back, ranks what is left in its place, and goes on. Then gives back, most work first, what the goal allows. With
// nothing left to revert, or after max_measurements, `reached` is false.
Result<MixedPrecision> SearchMixedPrecision(const numerics::Plan& plan, const std::vector<GroupSensitivity>& ranking,
                                            const AccuracyGoal& goal, const AccuracyOptions& options,
                                            SensitivityEvaluator& evaluator, Log& log);

}  // namespace vlaq::plan

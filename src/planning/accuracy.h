// What quantising each group does to the actions, and the plan that quantises as much as a limit on that allows.
//
// In scope: ranking, and the search by reverting the worst first. Not aware of: how an effect is measured (a Meter,
// action_meter.h), bundles, episodes. Deterministic for a deterministic meter.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "quantization/plan.h"

namespace vlaq::planning {

// What a plan does to the actions of the policy, all normalised to [-1, 1]. On the same frames as the float32 policy.
struct Effect {
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

class Meter {
 public:
  virtual ~Meter() = default;
  // kRanking: on a part of the samples, enough to compare groups. Errors: those of making and running the policy.
  enum class Scope { kRanking, kAll };
  virtual Result<Effect> Measure(const quantization::Plan& plan, Scope scope) = 0;
};

struct GroupEffect {
  std::string group;
  std::string format;  // "dynamic_int8 int8"
  int64_t macs = 0;
  Effect effect;  // with only this group quantised
};
// Every quantised group alone, the one that moves the actions most (RMS) first.
Result<std::vector<GroupEffect>> RankGroups(const quantization::Plan& plan, Meter& meter, Log& log);

// The place of the plan that moves the actions least (RMS), with the effects of all, in their order. `plans`: one at
// least.
struct LeastMoving {
  size_t index = 0;
  std::vector<Effect> effects;
};
Result<LeastMoving> FindLeastMoving(const std::vector<quantization::Plan>& plans, Meter& meter, Log& log);

// Absent: no limit. Both are above 0.
struct AccuracyGoal {
  std::optional<double> max_mae_increase;  // for the upper end of the 95 % interval
  std::optional<double> max_action_diff;   // for the largest |a - float32's| of any action

  bool any() const { return max_mae_increase || max_action_diff; }
  // The largest share of a limit that `effect` takes; above 1 the goal is missed. Infinite if it is not finite.
  double ShareOf(const Effect& effect) const;
};

struct Reversion {
  std::string group;
  std::string from, to;  // formats
  Effect after;
  bool kept = true;  // false: it made things worse and was taken back
};

struct HeldAccuracy {
  quantization::Plan plan;
  bool reached = false;
  Effect before, after;  // of the plan that was given, and of `plan`
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
Result<HeldAccuracy> HoldAccuracy(const quantization::Plan& plan, const std::vector<GroupEffect>& ranking,
                                  const AccuracyGoal& goal, const AccuracyOptions& options, Meter& meter, Log& log);

}  // namespace vlaq::planning

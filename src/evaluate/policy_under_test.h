// The policy under test: somebody who is shown observations and says what to do. A policy of ours, another program, a
// fake in a test.
//
// What all evaluations drive. In scope: task and observations in, actions out. Not aware of: worlds, episodes, scores.
// A policy is used by one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/stream.h"
#include "families/traits.h"
#include "policy/policy.h"
#include "tensor/tensor.h"

namespace vlaq::evaluate {

using data::Observation;

// What a policy's actions mean.
struct ActionSpace {
  int64_t chunk = 1;       // actions per step
  int64_t action_dim = 2;  // values per action
  // A value a means offset + scale a in the units of what is recorded: one number for all, or one a value. Without an
  // offset it is 0.
  std::vector<double> scale{1.0};
  int64_t window = 8;  // observations that a policy may remember
  // Names and units of the values, if known.
  std::vector<std::string> names = {}, units = {};
  std::vector<double> offset = {};
  bool clipped = true;  // values lie in [-1, 1], and what was recorded beyond is meant as the nearest of them
  const families::Traits* traits = &families::TraitsOf("");
  policy::Control control = {};  // how a chunk is played

  double ScaleOf(size_t axis) const { return scale.size() == 1 ? scale[0] : scale[axis]; }
  double OffsetOf(size_t axis) const { return offset.empty() ? 0.0 : offset.size() == 1 ? offset[0] : offset[axis]; }
  // A recorded value as the policy should have said it: clipped, if this space is.
  double Normalized(size_t axis, double recorded) const;
  double InUnits(size_t axis, double value) const { return OffsetOf(axis) + ScaleOf(axis) * value; }
  // "shoulder", or "action[0]" where names are not known.
  std::string AxisName(size_t axis) const;
  // "m/s", "m/s, rad/s", or "recorded units" where they are not known.
  std::string UnitText() const;
  // "1 is 0.6 m/s" where one scale says all, else "in the policy's normalization".
  std::string ScaleText() const;
};

class PolicyUnderTest {
 public:
  virtual ~PolicyUnderTest() = default;
  // A new episode with this task: all observations are forgotten. Errors: kUsage for a task that the policy cannot
  // take; kBackend.
  virtual Status Begin(const std::string& task) = 0;
  // One step: float32 [chunk, action_dim], as the space says. Errors: kInput for an observation without what the policy
  // observes, naming it and what there is.
  virtual Result<Tensor> Act(const Observation& observation) = 0;
  // Forgets the observations, not the task.
  virtual Status Forget() = 0;
  virtual const ActionSpace& space() const = 0;
  virtual std::string Description() const = 0;
};

// Makes policies that behave alike, one for each thread.
class PolicyFactory {
 public:
  virtual ~PolicyFactory() = default;
  virtual Result<std::unique_ptr<PolicyUnderTest>> Make() const = 0;
  // For messages and reports: "bundle mini", "program python3 pytorch_policy.py".
  virtual std::string name() const = 0;
};

// The elements of a recorded action that the space's values are, in their order: by name where both sides have names,
// else all of them. Errors: kInput naming the value that is not recorded, or that there are more or fewer.
Result<std::vector<size_t>> RecordedColumns(const ActionSpace& space, const data::Stream& action);
// The space with what the recorded action says of names and units where it does not itself. Errors: as above.
Result<ActionSpace> CompletedBy(ActionSpace space, const data::Stream& action);

}  // namespace vlaq::evaluate

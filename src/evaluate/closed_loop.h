// Closed loop: a policy acts in an environment, seed by seed. Results are in the order of the seeds and the same for
// any number of threads. Not aware of: which environment, success rates (summary.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "evaluate/ablation.h"
#include "evaluate/environment.h"
#include "evaluate/policy_under_test.h"
#include "runtime/action_queue.h"

namespace vlaq::evaluate {

struct ClosedLoopOptions {
  std::vector<uint64_t> seeds;
  Ablation ablation = Ablation::kNone;  // kShuffled shows what other episodes begin with
  int threads = 1;                      // episodes at a time
};

// Errors: those of the environments and the policies, naming the seed; kUsage if the policy's actions are not the
// environment's, or for kSwapped if no opposite of a task is known of its family.
Result<std::vector<EpisodeResult>> RunEpisodes(const PolicyFactory& policies, const EnvironmentFactory& environments,
                                               const ClosedLoopOptions& options, Log& log);

// The same for the environment's expert; ablations kNormal and kSwapped only. Errors: kUsage also if there is none.
Result<std::vector<EpisodeResult>> RunExpert(const EnvironmentFactory& environments, const ClosedLoopOptions& options,
                                             Log& log);

// Which of an environment's values each value of an action is. Errors: kUsage naming the policy and what is taken.
Result<std::vector<size_t>> ActionColumns(const ActionSpace& space, const data::Stream& action,
                                          const std::string& tested);
// An action [action_dim] for an environment of `width` values, in units: clamped to [-1, 1] where the space is; what
// the policy does not command is 0. Errors: kBackend if it is no number, as those of a badly quantized policy may be.
Result<std::vector<double>> ActionInUnits(const ActionSpace& space, const std::vector<size_t>& columns, size_t width,
                                          const Tensor& action);

// A policy that acts: its chunks are played as its space says.
class Actor {
 public:
  // `name`: for messages.
  Actor(std::unique_ptr<PolicyUnderTest> tested, std::string name)
      : tested_(std::move(tested)), name_(std::move(name)), queue_(tested_->space().control) {}

  Status Begin(const std::string& task);
  // The next action for an environment that takes `taken`, in its units. Observes only where a new chunk is needed.
  // Errors: those of ActionColumns(), ActionInUnits(), the policy and `observe`.
  Result<std::vector<double>> Act(const data::Stream& taken, const std::function<Result<Observation>()>& observe);

 private:
  std::unique_ptr<PolicyUnderTest> tested_;
  std::string name_;
  runtime::ActionQueue queue_;
  std::vector<size_t> columns_;
};

}  // namespace vlaq::evaluate

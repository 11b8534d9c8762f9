// Plays chunks of actions: which action moves the robot now, and whether a new chunk is needed for it. As LeRobot does
// it: the first n_action_steps of a chunk one after the other, or ACT's temporal ensemble, where a chunk is computed at
// every step and an action is the weighted mean of all predictions for its time. In scope: order and means. Not aware
// of: clocks, normalization (a mean of actions may be taken before or after it: it is affine), robots.
//
//   while (true) {
//     if (queue.NeedsChunk()) queue.Push(chunk of the newest observation);
//     robot.Do(queue.Pop());
//   }
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "policy/policy.h"
#include "tensor/tensor.h"

namespace vlaq::runtime {

class ActionQueue {
 public:
  // Reads n_action_steps and temporal_ensemble_coeff of `control`; fewer than one step counts as one.
  explicit ActionQueue(const policy::Control& control);

  // True if there is no action to pop: at first, after the last one of a chunk, and in an ensemble after each.
  bool NeedsChunk() const;
  // `chunk`: float32 [chunk, dim], the action of this step first. What is left of an older chunk is dropped (in an
  // ensemble it is kept as an earlier prediction); of more than n_action_steps rows the rest is not played, and of
  // fewer, all. The tensor is kept, not copied. Errors, after which nothing has changed: kUsage for another type or
  // shape, in an ensemble also for another shape than the one before, and for a second chunk before Pop().
  Status Push(const Tensor& chunk);
  // The action of this step, float32 [dim]. Only where !NeedsChunk().
  Tensor Pop();
  // Forgets all chunks: a new episode begins.
  void Reset();

 private:
  void Ensemble(const Tensor& chunk);

  size_t n_action_steps_;
  std::optional<double> coefficient_;  // of a temporal ensemble
  Tensor chunk_;                       // the one that is played; of an ensemble the last
  size_t next_ = 0, end_ = 0;          // rows of chunk_ that are still to be played; of an ensemble one
  // An ensemble, for the times from now on: the mean of the predictions, and how many there are.
  std::vector<float> means_;
  std::vector<size_t> counts_;
  std::vector<float> weights_, sums_;  // exp(-coefficient i), and the sum of those up to i
};

}  // namespace vlaq::runtime

// Who turns observations into chunks: a policy in this process, in another, a recording, a fault in a test. In scope:
// the interface, and what a policy's actions become on their way to the axes. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "robot/chunk_player.h"
#include "robot/settings.h"
#include "vlaq/policy.h"

namespace vlaq::robot {

class Inference {
 public:
  virtual ~Inference() = default;
  // A new episode: what was seen is forgotten. `task`: the instruction; empty: it stays. Errors: as Policy::Reset.
  virtual Status Reset(const std::string& task) = 0;
  // The policy's first output, float32 [chunk, dim] or [dim], in its units. Errors: as Policy::Step.
  virtual Result<Tensor> Step(const Observation& observation) = 0;
  // A step on nothing, which makes ready what the first step would have to wait for; then Reset() follows.
  virtual Result<Tensor> WarmUp() { return Step({}); }
  // True once nobody computes any more: the process or the server is gone.
  virtual bool gone() const { return false; }
  // Ends a step that runs, if that is possible: nobody waits for it any more. From any thread.
  virtual void Abort() {}
};

// A policy in this process.
std::unique_ptr<Inference> InferenceOf(Policy policy);

// From the policy's actions to those of the axes: which value of an action each is, and its scale.
class ActionMap {
 public:
  // Errors: kUsage for an axis that the policy's action does not have, with those that it has.
  static Result<ActionMap> Make(const std::vector<Axis>& axes, const Feature& action);

  // Actions of a chunk: 1, or those of the policy.
  size_t max_steps() const { return max_steps_; }
  // `actions`: float32 [chunk, dim] or [dim]. Errors: kBackend for another shape.
  Status Fill(const Tensor& actions, Chunk& chunk) const;

 private:
  struct Column {
    size_t index;
    double scale, offset;
  };
  std::vector<Column> columns_;
  size_t dim_ = 0, max_steps_ = 1;
};

}  // namespace vlaq::robot

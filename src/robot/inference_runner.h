// When to compute, and on what: the newest observation, when the last inference began long enough ago, never a queue
// (SAFE-06). In scope: the order of steps. Not aware of: threads (loop.h), what is computed. Used by the inference
// thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "robot/histogram.h"
#include "robot/inference.h"
#include "robot/intake.h"
#include "robot/settings.h"

namespace vlaq::robot {

// What became of one inference.
struct Inferred {
  const Sighting* sighting = nullptr;  // valid during the call only
  const Chunk* chunk = nullptr;        // null: it failed
  std::string error = {};              // why
  bool played = true;                  // false: a step that fills the policy's window (warmup_steps)
  bool begins = false;                 // the policy was reset before it
  Time started = 0, finished = 0;
};

class InferenceRunner {
 public:
  // `inference` must outlive it.
  InferenceRunner(const Settings& settings, ActionMap map, Inference& inference);

  // One step on nothing, before the robot is armed (SAFE-10), and a new episode after it. Errors: those of the step.
  Status WarmUp(const std::string& task);

  // When the next inference may begin, of an observation that is there: kNever: at once.
  Time due_at() const { return due_at_; }
  // Whether one should begin now on `newest`.
  bool IsDue(const Sighting& newest, Time now) const;
  // Begins it at `now`: the policy is reset where the task changed, or the window would have a gap; then computes.
  // `finished()` is asked for the time at its end.
  template <typename Clock>
  Inferred Run(const Sighting& newest, Time now, Clock finished, Chunk& chunk) {
    Inferred result = Compute(newest, now, chunk);
    result.finished = finished();
    chunk.took = result.finished - result.started;
    Count(result);
    return result;
  }
  // A new episode begins with the next step.
  void Forget() { forget_ = true; }

  uint64_t completed() const { return completed_; }
  uint64_t failed() const { return failed_; }
  uint64_t missed_deadlines() const { return missed_; }
  std::shared_ptr<const Histogram> latencies() const { return latencies_; }

 private:
  Inferred Compute(const Sighting& newest, Time now, Chunk& chunk);
  void Count(const Inferred& result);
  bool HasNewFrames(const Sighting& newest) const;

  Settings settings_;
  ActionMap map_;
  Inference& inference_;
  std::vector<uint64_t> seen_;  // numbers of the frames of the last inference
  std::string task_;
  bool forget_ = false;
  Time due_at_ = kNever, last_observed_ = kNever;
  int64_t steps_ = 0;  // of this episode
  int64_t next_id_ = 0;
  uint64_t completed_ = 0, failed_ = 0, missed_ = 0;
  std::shared_ptr<Histogram> latencies_ = std::make_shared<Histogram>();
};

}  // namespace vlaq::robot

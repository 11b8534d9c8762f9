// Which action of which chunk is due now (ChunkRule). In scope: order, times, merging. Not aware of: limits, states.
// Asks for no memory after it was made; for the control tick.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "robot/settings.h"
#include "robot/time.h"

namespace vlaq::robot {

// What an inference gave, in the robot's units and order of axes.
struct Chunk {
  int64_t id = -1;             // counts up
  Time observed = kNever;      // when the newest observation of it came
  Time took = 0;               // how long its inference took
  size_t steps = 0;            // actions
  std::vector<double> values;  // [steps, axes]; may be longer
};

class ChunkPlayer {
 public:
  // For chunks of at most `max_steps` actions of `axes` values.
  ChunkPlayer(const TimingSettings& timing, size_t axes, size_t max_steps);

  // A new chunk at `now`; its values are copied. Of one that is too long the end is left out.
  void Push(const Chunk& chunk, Time now);
  // Forgets every chunk.
  void Clear();

  struct Due {
    bool due = false;    // else no action is left, and the values are those that were played last
    bool any = false;    // whether there ever was one
    int64_t chunk = -1;  // where it is from (of merged actions the newest)
    int64_t index = -1;
  };
  // The action of `now` into `values` [axes].
  Due At(Time now, std::span<double> values);
  // Until when the last action that was due held; kNever before the first.
  Time covered_until() const { return covered_until_; }
  // Whether another inference is wanted now: always, but by the rules that wait until actions are used up.
  bool WantsChunk(Time now) const;

 private:
  void Merge(const Chunk& chunk, Time now);
  std::span<double> Row(size_t step) { return std::span(values_).subspan(step * axes_, axes_); }

  ChunkRule rule_;
  size_t axes_, max_steps_;
  Time period_;
  double new_weight_;
  double refill_at_;
  std::vector<double> values_, merged_;  // [max_steps, axes]
  std::vector<double> last_;             // [axes], the action that was played last
  size_t steps_ = 0;
  Time start_ = kNever;  // when action 0 is due
  int64_t chunk_ = -1;
  int64_t first_ = 0;  // the index in its chunk of action 0
  Time covered_until_ = kNever;
  bool any_ = false;
};

}  // namespace vlaq::robot

#include "robot/chunk_player.h"

#include <algorithm>

namespace vlaq::robot {
namespace {

double NewWeight(const TimingSettings& timing) {
  switch (timing.merge) {
    case Merge::kLatest:
      return 1;
    case Merge::kAverage:
      return 0.5;
    case Merge::kWeighted:
      break;
  }
  return timing.merge_new_weight;
}

// Whole periods in `time`, rounded down.
int64_t FloorDiv(Time time, Time period) {
  const int64_t quotient = time / period;
  return time % period < 0 ? quotient - 1 : quotient;
}

}  // namespace

ChunkPlayer::ChunkPlayer(const TimingSettings& timing, size_t axes, size_t max_steps)
    : rule_(timing.chunk_rule),
      axes_(axes),
      max_steps_(max_steps),
      period_(FromMs(timing.action_period_ms)),
      new_weight_(NewWeight(timing)),
      refill_at_(timing.refill_at),
      values_(max_steps * axes),
      merged_(max_steps * axes),
      last_(axes) {}

void ChunkPlayer::Push(const Chunk& chunk, Time now) {
  if (chunk.steps == 0) return;
  if (rule_ == ChunkRule::kMerge && steps_ > 0) {
    Merge(chunk, now);
    return;
  }
  chunk_ = chunk.id;
  first_ = 0;
  steps_ = rule_ == ChunkRule::kFirstOnly ? 1 : std::min(chunk.steps, max_steps_);
  std::copy_n(chunk.values.begin(), steps_ * axes_, values_.begin());
  // The actions before `now` lie in the past: the chunk was begun when its observation was made.
  const bool aligned = rule_ == ChunkRule::kReplaceAligned || rule_ == ChunkRule::kMerge;
  const int64_t passed = aligned ? std::max<int64_t>(0, FloorDiv(now - chunk.observed, period_)) : 0;
  start_ = now - passed * period_;
}

// Both chunks lie on one grid of times, that of the first. What is due now or was is not touched, since it is on its
// way; a time that both know gets the mean of both.
void ChunkPlayer::Merge(const Chunk& chunk, Time now) {
  const int64_t current = FloorDiv(now - start_, period_);
  // Rounded, since observations do not come on the grid.
  const int64_t offset = FloorDiv(chunk.observed - start_ + period_ / 2, period_);
  const auto steps = static_cast<int64_t>(std::min(chunk.steps, max_steps_));
  const auto old_steps = static_cast<int64_t>(steps_);
  const bool playing = current < old_steps;
  const int64_t from = playing ? current : std::max(current, offset);  // the slot that becomes action 0
  const int64_t end = std::max(offset + steps, old_steps);
  size_t count = 0;
  for (int64_t slot = from; slot < end && count < max_steps_; ++slot, ++count) {
    const bool in_old = slot < old_steps;
    const bool in_new = slot >= offset && slot < offset + steps;
    const bool frozen = playing && slot == current;  // it is being played
    const double weight = !in_new || (frozen && in_old) ? 0 : in_old ? new_weight_ : 1;
    for (size_t axis = 0; axis < axes_; ++axis) {
      const double older = in_old ? values_[static_cast<size_t>(slot) * axes_ + axis] : 0;
      const double newer = in_new ? chunk.values[static_cast<size_t>(slot - offset) * axes_ + axis] : 0;
      merged_[count * axes_ + axis] = (1 - weight) * older + weight * newer;
    }
    if (!in_old && !in_new) break;  // a gap between both: what lies beyond it is not reached
  }
  values_.swap(merged_);
  steps_ = count;
  start_ += from * period_;
  first_ = from - offset;
  chunk_ = chunk.id;
}

void ChunkPlayer::Clear() {
  steps_ = 0;
  covered_until_ = kNever;
  any_ = false;
}

ChunkPlayer::Due ChunkPlayer::At(Time now, std::span<double> values) {
  const int64_t step = steps_ == 0 ? -1 : std::max<int64_t>(0, FloorDiv(now - start_, period_));
  const bool due = steps_ > 0 && step < static_cast<int64_t>(steps_);
  if (due) {
    std::ranges::copy(Row(static_cast<size_t>(step)), last_.begin());
    covered_until_ = start_ + (step + 1) * period_;
    any_ = true;
  }
  std::ranges::copy(last_, values.begin());
  return {due, any_, chunk_, due ? first_ + step : -1};
}

bool ChunkPlayer::WantsChunk(Time now) const {
  if (rule_ != ChunkRule::kExhaust && rule_ != ChunkRule::kMerge) return true;
  if (steps_ == 0) return true;
  const auto left = static_cast<double>(static_cast<int64_t>(steps_) - FloorDiv(now - start_, period_));
  if (rule_ == ChunkRule::kExhaust) return left <= 0;
  return left <= refill_at_ * static_cast<double>(max_steps_);
}

}  // namespace vlaq::robot

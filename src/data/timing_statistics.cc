#include "data/timing_statistics.h"

#include <algorithm>
#include <optional>

#include "data/timing.h"

namespace vlaq::data {
namespace {

void AddRate(const std::optional<double>& hz, RateRange& range) {
  ++range.episodes;
  if (!hz) return;
  range.lowest_hz = range.lowest_hz == 0 ? *hz : std::min(range.lowest_hz, *hz);
  range.highest_hz = std::max(range.highest_hz, *hz);
}

}  // namespace

void TimingStatistics::Add(const Episode& episode) {
  const Timing& timing = episode.timing();
  if (timing.wrong) wrong.push_back({episode.path(), *timing.wrong});
  const std::optional<Intervals> intervals = timing.wrong ? std::nullopt : IntervalsOf(timing);
  switch (timing.source) {
    case TimeSource::kTimeStamps:
      AddRate(intervals ? std::optional(1 / intervals->median) : std::nullopt, recorded);
      break;
    case TimeSource::kStatedRate:
      AddRate(timing.stated_hz, stated);
      break;
    case TimeSource::kUnknown:
      ++unknown;
      break;
  }
  if (!intervals) return;
  p99_s = std::max(p99_s, intervals->p99);
  gaps += intervals->gaps;
  if (intervals->longest <= longest_s) return;
  longest_s = intervals->longest;
  longest_file = episode.path().filename().string();
  longest_step = intervals->longest_step;
}

}  // namespace vlaq::data

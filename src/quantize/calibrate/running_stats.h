// One value of a graph over some of the samples, as running totals that can go on, be merged and be written down.
// Not synchronized.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json_field.h"
#include "base/status.h"
#include "quantize/numerics/statistics.h"

namespace vlaq::calibrate {

// How closely a value is looked at.
enum class Detail {
  kRange,      // minimum, maximum and sums
  kHistogram,  // also a histogram
  kChannels,   // also max|x| and sum by index along the last axis
};

struct RunningStats {
  int64_t count = 0;
  int64_t not_finite = 0;
  double minimum = 0;  // of what is finite
  double maximum = 0;
  double sum = 0;
  double sum_of_squares = 0;
  numerics::Histogram histogram;
  std::vector<float> channel_absmax;
  std::vector<double> channel_sum;

  // `values`: rows of `channels` elements for kChannels. Of a part with values that are not finite only their number is
  // kept.
  void Add(std::span<const float> values, Detail detail, size_t channels);

  bool operator==(const RunningStats&) const = default;
};

// Both halves of the samples as one.
numerics::ValueStatistics Finish(const std::array<RunningStats, 2>& halves);

// Every number comes back exactly.
Json ToJson(const RunningStats& stats);
RunningStats ReadRunningStats(const JsonField& field);

}  // namespace vlaq::calibrate

// From what was seen of a value to the range that its integer codes shall span.
//
// In scope: the four methods of docs/calibration.md. Not aware of: graphs, targets. Pure functions.
#pragma once

#include "quantize/numerics/numeric_type.h"
#include "quantize/numerics/statistics.h"

namespace vlaq::numerics {

// The share of values that kPercentile keeps inside.
inline constexpr double kDefaultPercentile = 0.99999;

struct RangeOptions {
  double percentile = kDefaultPercentile;  // above 0, at most 1
};

// The range for codes of `number`. For kUint8 both sides are chosen apart; for every other number the range is
// symmetric, {-T, T}. It always holds zero and never reaches beyond what was seen.
//   kMinMax      everything that was seen
//   kPercentile  symmetric: the smallest T that keeps the share `percentile` of |x|; kUint8 cuts half of the rest on
//                each side
//   kEntropy     the T at which |x|, clipped to T and rounded to 128 levels, is least different from what was seen
//                (Kullback-Leibler); kUint8 cuts both sides at T
//   kMse         the least squared error of clipping and rounding together, over a grid of 0.2 to 1 of what was seen
// Ranges end at bins of the histogram (or at the extremes). A value without a histogram gets kMinMax. What was not seen
// at all, or only as zero, has the range {0, 0}.
ClipRange ChooseRange(const ValueStatistics& value, RangeMethod method, NumericType number,
                      const RangeOptions& options = {});

// The mean squared error of x over `range` in codes of `number`, from the histogram: clipping and rounding.
double MeanSquaredError(const ValueStatistics& value, ClipRange range, NumericType number);

}  // namespace vlaq::numerics

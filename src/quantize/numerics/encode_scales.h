// Which scale eight lanes of weights get, and what was lost with it (encode_kernels.h counts, this decides).
#pragma once

#include <functional>

#include "quantize/numerics/encode_kernels.h"
#include "quantize/numerics/numeric_type.h"
#include "tensor/difference.h"

namespace vlaq::numerics {

using Trials = std::array<OfLanes<float>, kTrials>;
using TrialErrors = std::array<OfLanes<double>, kTrials>;
// Sums of squares of w / scale - code for each of the scales.
using ErrorsOf = std::function<TrialErrors(const Trials& scales)>;

// `number`: kInt8 or kInt4.
Levels LevelsOf(NumericType number);
// kMinMax: max|w| gets the highest code. kMse: of that and some smaller ranges the one with the least squared error; 8
// shares of max|w| are tried, then 8 between the neighbors of the best. On normal, Laplace and t (3) data the best of
// 300 ranges is better by 0.02 dB (int8) and 0.01 dB (int4) on the average. Negligible lanes get 1.
OfLanes<float> ChooseScales(const OfLanes<float>& most, Levels levels, RangeMethod method, const ErrorsOf& errors);
// The difference over the `count` values of one lane.
Difference DifferenceOf(const LaneSums& sums, size_t lane, size_t count, float most, float scale);

}  // namespace vlaq::numerics

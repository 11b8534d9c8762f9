// What was seen of a policy's intermediate values while it ran over samples: the material for ranges (ranges.h),
// SmoothQuant (smooth.h) and bias correction (bias.h).
//
// In scope: the numbers, and whose they are. Not aware of: how they were taken (calibration), files
// (statistics_file.h). Plain data.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "quantize/numerics/histogram.h"
#include "quantize/numerics/numeric_type.h"
#include "quantize/numerics/plan.h"

namespace vlaq::numerics {

// One value of a graph, over all samples. Rows that stand for padding are not in it.
struct ValueStatistics {
  int64_t count = 0;       // elements seen
  int64_t not_finite = 0;  // of them NaN or infinite; calibration stops at these, so 0 in a finished file
  double minimum = 0;
  double maximum = 0;
  double sum = 0;
  double sum_of_squares = 0;
  // Below: only of the inputs of operators with weights; of other values (LayerNormalization, Softmax, residual Add),
  // which are watched for float16, they are empty.
  Histogram histogram;
  // By index along the last axis, where that axis meets a weight (onnx/operator_catalog.h); else empty.
  std::vector<float> channel_absmax;
  std::vector<float> channel_mean;
  // Minimum and maximum over each half of the samples.
  std::array<ClipRange, 2> halves;
  // How far the ranges of the halves are apart: |T0 - T1| / max(T0, T1), where T keeps 99.9 % of |x| of a half inside
  // (without histogram: max|x|). Between 0 and 1.
  double drift = 0;

  double absmax() const;
  double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
  double rms() const;
};

// An episode that samples came from.
struct CalibrationEpisode {
  std::string name;  // for people
  std::string hash;  // of its content, as `vlaq data split` writes it
};

struct ActivationStatistics {
  PlanSource source;  // the bundle that ran
  int64_t samples = 0;
  int64_t windows = 0;  // of the samples, those that the head ran at
  uint64_t seed = 0;
  int64_t batch = 1;
  std::string runs_on;  // "onnxruntime, cpu"
  std::vector<CalibrationEpisode> episodes;
  std::map<std::string, ValueStatistics, std::less<>> values;  // by name in the graphs

  const ValueStatistics* Find(std::string_view value) const;
};

// Ranges of the halves that are further apart than this say that more samples would move the ranges.
inline constexpr double kToleratedDrift = 0.1;

struct Drift {
  std::string value;   // the worst; empty if no value has a histogram
  double worst = 0;    // ValueStatistics::drift
  double median = 0;   // over values with a histogram
  int64_t values = 0;  // with a histogram
  int64_t beyond = 0;  // of them, those whose drift is above kToleratedDrift

  // Whether the samples suffice: at most one value in ten drifts beyond what is tolerated. The few that do, often
  // narrow ones with few elements, are worth a look.
  bool enough() const { return beyond * 10 <= values; }
};
Drift DriftOf(const ActivationStatistics& statistics);

// Errors: kInput saying what differs, if the statistics are of another bundle than `source`.
Status CheckBelongsTo(const ActivationStatistics& statistics, const PlanSource& source);

}  // namespace vlaq::numerics

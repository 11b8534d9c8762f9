#include "quantize/calibrate/running_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "quantize/numerics/ranges.h"
#include "quantize/numerics/statistics_file.h"

namespace vlaq::calibrate {
namespace {

using numerics::ClipRange;
using numerics::ValueStatistics;

// Ranges of halves are compared where 99.9 % of |x| lie: the very largest of many values differs from half to half
// however many samples there are.
constexpr double kDriftShare = 0.999;

struct Totals {
  float minimum = std::numeric_limits<float>::infinity();
  float maximum = -std::numeric_limits<float>::infinity();
  double sum = 0, sum_of_squares = 0;
  bool finite = true;
};

// One pass in a fixed number of lanes, so that compilers can use vector registers; the order of additions, and with it
// the result, does not depend on them.
Totals TotalsOf(std::span<const float> values) {
  constexpr size_t kLanes = 16;
  std::array<float, kLanes> low{}, high{}, poison{};
  std::array<double, kLanes> sum{}, squares{};
  low.fill(std::numeric_limits<float>::infinity());
  high.fill(-std::numeric_limits<float>::infinity());
  const auto take = [&](size_t lane, float x) {
    low[lane] = x < low[lane] ? x : low[lane];
    high[lane] = x > high[lane] ? x : high[lane];
    poison[lane] += x - x;  // 0, or NaN for what is not finite
    const auto wide = static_cast<double>(x);
    sum[lane] += wide;
    squares[lane] += wide * wide;
  };
  size_t at = 0;
  for (; at + kLanes <= values.size(); at += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) take(lane, values[at + lane]);
  }
  for (; at < values.size(); ++at) take(at % kLanes, values[at]);
  Totals totals;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    totals.minimum = std::min(totals.minimum, low[lane]);
    totals.maximum = std::max(totals.maximum, high[lane]);
    totals.sum += sum[lane];
    totals.sum_of_squares += squares[lane];
    totals.finite = totals.finite && poison[lane] == 0;
  }
  return totals;
}

double HalfReach(const ValueStatistics& half) {
  if (half.count == 0) return 0;
  return numerics::ChooseRange(half, numerics::RangeMethod::kPercentile, numerics::NumericType::kInt8, {kDriftShare})
      .high;
}

ValueStatistics StatisticsOf(const RunningStats& stats) {
  ValueStatistics statistics;
  statistics.count = stats.count;
  statistics.not_finite = stats.not_finite;
  statistics.minimum = stats.minimum;
  statistics.maximum = stats.maximum;
  statistics.sum = stats.sum;
  statistics.sum_of_squares = stats.sum_of_squares;
  statistics.histogram = stats.histogram;
  return statistics;
}

// Channels are told apart by their place, so a value that has none, or other ones now and then, has none.
void FinishChannels(const std::array<RunningStats, 2>& halves, ValueStatistics& statistics) {
  const RunningStats& wider = halves[0].channel_sum.empty() ? halves[1] : halves[0];
  const size_t channels = wider.channel_sum.size();
  if (channels == 0) return;
  const double rows = static_cast<double>(statistics.count) / static_cast<double>(channels);
  statistics.channel_absmax.assign(channels, 0);
  std::vector<double> sum(channels);
  for (const RunningStats& half : halves) {
    for (size_t i = 0; i < half.channel_sum.size(); ++i) {
      statistics.channel_absmax[i] = std::max(statistics.channel_absmax[i], half.channel_absmax[i]);
      sum[i] += half.channel_sum[i];
    }
  }
  for (const double x : sum) statistics.channel_mean.push_back(static_cast<float>(x / rows));
}

}  // namespace

void RunningStats::Add(std::span<const float> values, Detail detail, size_t channels) {
  if (values.empty()) return;
  const Totals totals = TotalsOf(values);
  if (!totals.finite) {
    not_finite += std::count_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
    return;
  }
  const auto low = static_cast<double>(totals.minimum);
  const auto high = static_cast<double>(totals.maximum);
  minimum = count == 0 ? low : std::min(minimum, low);
  maximum = count == 0 ? high : std::max(maximum, high);
  count += static_cast<int64_t>(values.size());
  sum += totals.sum;
  sum_of_squares += totals.sum_of_squares;
  if (detail == Detail::kRange) return;
  histogram.Add(values, std::max(std::fabs(totals.minimum), std::fabs(totals.maximum)));
  if (detail == Detail::kHistogram) return;
  channel_absmax.resize(channels);
  channel_sum.resize(channels);
  for (size_t at = 0; at + channels <= values.size(); at += channels) {
    const float* row = values.data() + at;
    float* most = channel_absmax.data();
    double* total = channel_sum.data();
    for (size_t i = 0; i < channels; ++i) {
      const float size = std::fabs(row[i]);
      most[i] = size > most[i] ? size : most[i];
      total[i] += static_cast<double>(row[i]);
    }
  }
}

ValueStatistics Finish(const std::array<RunningStats, 2>& halves) {
  const ValueStatistics first = StatisticsOf(halves[0]);
  const ValueStatistics second = StatisticsOf(halves[1]);
  ValueStatistics whole = first.count == 0 ? second : first;
  if (first.count > 0 && second.count > 0) {
    whole.count += second.count;
    whole.minimum = std::min(whole.minimum, second.minimum);
    whole.maximum = std::max(whole.maximum, second.maximum);
    whole.sum += second.sum;
    whole.sum_of_squares += second.sum_of_squares;
    whole.histogram.Merge(second.histogram);
  }
  whole.not_finite = first.not_finite + second.not_finite;
  whole.halves = {ClipRange{first.minimum, first.maximum}, ClipRange{second.minimum, second.maximum}};
  const double a = HalfReach(first);
  const double b = HalfReach(second);
  whole.drift = std::max(a, b) == 0 ? 0 : std::fabs(a - b) / std::max(a, b);
  FinishChannels(halves, whole);
  return whole;
}

Json ToJson(const RunningStats& stats) {
  Json json = {{"count", stats.count},
               {"minimum", stats.minimum},
               {"maximum", stats.maximum},
               {"sum", stats.sum},
               {"sum_of_squares", stats.sum_of_squares}};
  if (!stats.histogram.empty()) json["histogram"] = numerics::ToJson(stats.histogram);
  if (stats.channel_sum.empty()) return json;
  json["channel_absmax"] = stats.channel_absmax;
  json["channel_sum"] = stats.channel_sum;
  return json;
}

RunningStats ReadRunningStats(const JsonField& field) {
  RunningStats stats;
  stats.count = field["count"].Integer(0);
  field.Need("minimum", stats.minimum);
  field.Need("maximum", stats.maximum);
  field.Need("sum", stats.sum);
  field.Need("sum_of_squares", stats.sum_of_squares);
  if (const auto histogram = field.Find("histogram")) stats.histogram = numerics::ReadHistogram(*histogram);
  field.Read("channel_absmax", stats.channel_absmax);
  field.Read("channel_sum", stats.channel_sum);
  if (stats.channel_absmax.size() != stats.channel_sum.size()) {
    field.FailAt("channel_absmax", "and channel_sum differ in length");
  }
  const auto is_negative = [](float size) { return size < 0; };
  if (std::any_of(stats.channel_absmax.begin(), stats.channel_absmax.end(), is_negative)) {
    field.FailAt("channel_absmax", "holds what is no size of a float32");
  }
  return stats;
}

}  // namespace vlaq::calibrate

#include "quantize/numerics/ranges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"

namespace vlaq::numerics {
namespace {

ValueStatistics Of(const std::vector<float>& values) {
  ValueStatistics statistics;
  statistics.count = static_cast<int64_t>(values.size());
  statistics.minimum = static_cast<double>(*std::min_element(values.begin(), values.end()));
  statistics.maximum = static_cast<double>(*std::max_element(values.begin(), values.end()));
  statistics.histogram.Add(values);
  return statistics;
}

std::vector<float> Normal(uint64_t seed, size_t count, double middle = 0) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& x : values) x = static_cast<float>(middle + random.Normal());
  return values;
}

// Normal, and one in a thousand of them many times as large.
std::vector<float> HeavyTailed(uint64_t seed, size_t count) {
  std::vector<float> values = Normal(seed, count);
  for (size_t i = 0; i < count; i += 1000) values[i] *= 30;
  return values;
}

std::vector<std::vector<float>> Cases() {
  std::vector<std::vector<float>> cases{Normal(1, 20000), Normal(2, 20000, 1.5), HeavyTailed(3, 20000)};
  auto positive = HeavyTailed(4, 20000);
  for (float& x : positive) x = std::max(x, 0.0F);
  cases.push_back(positive);
  for (float& x : positive) x = -x;
  cases.push_back(positive);
  cases.push_back({0.5F, -0.25F, 3});
  return cases;
}

void ExpectRange(ClipRange range, double low, double high, double tolerance = 0) {
  EXPECT_NEAR(range.low, low, tolerance);
  EXPECT_NEAR(range.high, high, tolerance);
}

TEST(ChooseRange, MinMaxIsWhatWasSeenWithZero) {
  const ValueStatistics value = Of({-1, 0.5F, 3});
  ExpectRange(ChooseRange(value, RangeMethod::kMinMax, NumericType::kInt8), -3, 3);
  ExpectRange(ChooseRange(value, RangeMethod::kMinMax, NumericType::kUint8), -1, 3);
  ExpectRange(ChooseRange(Of({2, 3}), RangeMethod::kMinMax, NumericType::kUint8), 0, 3);
  ExpectRange(ChooseRange(Of({-3, -2}), RangeMethod::kMinMax, NumericType::kUint8), -3, 0);
}

TEST(ChooseRange, NothingSeenGivesNoRange) {
  for (const RangeMethod method :
       {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kEntropy, RangeMethod::kMse}) {
    for (const NumericType number : {NumericType::kInt8, NumericType::kUint8}) {
      ExpectRange(ChooseRange({}, method, number), 0, 0);
      ExpectRange(ChooseRange(Of({0, 0}), method, number), 0, 0);
      ExpectRange(ChooseRange(Of({4}), method, number), number == NumericType::kInt8 ? -4 : 0, 4, 1.0 / 512);
    }
  }
  ValueStatistics light;
  light.count = 2;
  light.minimum = -1;
  light.maximum = 2;
  ExpectRange(ChooseRange(light, RangeMethod::kEntropy, NumericType::kUint8), -1, 2);
}

TEST(ChooseRange, NeverLeavesWhatWasSeenAndHoldsZero) {
  for (const auto& values : Cases()) {
    const ValueStatistics value = Of(values);
    for (const RangeMethod method : {RangeMethod::kPercentile, RangeMethod::kEntropy, RangeMethod::kMse}) {
      const ClipRange two_sided = ChooseRange(value, method, NumericType::kUint8);
      EXPECT_GE(two_sided.low, std::min(value.minimum, 0.0));
      EXPECT_LE(two_sided.low, 0);
      EXPECT_LE(two_sided.high, std::max(value.maximum, 0.0));
      EXPECT_GE(two_sided.high, 0);
      const ClipRange symmetric = ChooseRange(value, method, NumericType::kInt8);
      EXPECT_EQ(symmetric.low, -symmetric.high);
      EXPECT_LE(symmetric.high, value.absmax());
      EXPECT_GT(symmetric.high, 0);
    }
  }
}

// By sorting; right up to a bin.
TEST(Percentile, KeepsTheShareInside) {
  for (const auto& values : Cases()) {
    const ValueStatistics value = Of(values);
    for (const double share : {0.5, 0.99, 0.999, 1.0}) {
      auto sorted = values;
      std::sort(sorted.begin(), sorted.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
      const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size()))) - 1;
      const double expected = std::fabs(static_cast<double>(sorted[rank]));
      const ClipRange range = ChooseRange(value, RangeMethod::kPercentile, NumericType::kInt8, {share});
      EXPECT_GE(range.high, expected);
      EXPECT_LE(range.high, expected + value.histogram.width());

      std::sort(sorted.begin(), sorted.end());
      const auto cut = static_cast<size_t>(std::floor((1 - share) / 2 * static_cast<double>(sorted.size()) + 1e-6));
      const ClipRange sides = ChooseRange(value, RangeMethod::kPercentile, NumericType::kUint8, {share});
      const double high = std::max(0.0, static_cast<double>(sorted[sorted.size() - 1 - cut]));
      const double low = std::min(0.0, static_cast<double>(sorted[cut]));
      EXPECT_NEAR(sides.high, high, value.histogram.width()) << share;
      EXPECT_NEAR(sides.low, low, value.histogram.width()) << share;
    }
  }
}

TEST(Percentile, DropsOneInAHundredThousand) {
  std::vector<float> values(200'000, 1.0F);
  values[7] = 1000;
  values[8] = -2000;
  ExpectRange(ChooseRange(Of(values), RangeMethod::kPercentile, NumericType::kInt8), -1.5, 1.5, 0.51);
  EXPECT_EQ(ChooseRange(Of(values), RangeMethod::kPercentile, NumericType::kInt8, {1}).high, 2000);
}

// The definition, one bin after the other, on all candidates.
double SlowDivergence(const std::vector<double>& h, size_t kept) {
  std::vector<double> p(h.begin(), h.begin() + static_cast<std::ptrdiff_t>(kept));
  p[kept - 1] = std::accumulate(h.begin() + static_cast<std::ptrdiff_t>(kept) - 1, h.end(), 0.0);
  std::vector<double> q(kept, 0.0);
  for (size_t i = 0; i < kept; ++i) {
    double mass = 0;
    double filled = 0;
    for (size_t level = 0; level < 128; ++level) {
      if (i < level * kept / 128 || i >= (level + 1) * kept / 128) continue;
      for (size_t j = level * kept / 128; j < (level + 1) * kept / 128; ++j) {
        mass += h[j];
        filled += p[j] > 0 ? 1 : 0;
      }
    }
    if (p[i] > 0) q[i] = mass / filled;
  }
  const auto smoothed = [](std::vector<double> d) {
    const double sum = std::accumulate(d.begin(), d.end(), 0.0);
    const auto zeros = static_cast<double>(std::count(d.begin(), d.end(), 0.0));
    for (double& x : d) x = zeros == 0 ? x / sum : x == 0 ? 1e-4 / zeros : x / sum * (1 - 1e-4);
    return d;
  };
  p = smoothed(p);
  q = smoothed(q);
  double divergence = 0;
  for (size_t i = 0; i < kept; ++i) divergence += p[i] * std::log(p[i] / q[i]);
  return divergence;
}

TEST(Entropy, IsTheLeastDivergence) {
  for (const auto& values : Cases()) {
    // Few bins, so that every candidate is looked at: a histogram of 600 bins at most.
    Histogram few = Histogram::From(4, 0, std::vector<uint64_t>{0});
    std::vector<float> scaled;
    const double largest = Of(values).absmax();
    for (const float x : values) {
      scaled.push_back(static_cast<float>(static_cast<double>(x) / largest * 599.5 * 16));
    }
    few.Add(scaled, 599.5F * 16);
    ValueStatistics value = Of(scaled);
    value.histogram = few;
    ASSERT_EQ(few.width(), 16);
    const auto folded = few.Folded();
    const std::vector<double> h(folded.begin(), folded.end());
    double least = std::numeric_limits<double>::infinity();
    size_t best = 0;
    for (size_t kept = h.size(); kept >= 128; --kept) {
      const double divergence = SlowDivergence(h, kept);
      if (divergence < least) {
        least = divergence;
        best = kept;
      }
    }
    const double expected = std::min(static_cast<double>(best) * 16, value.absmax());
    EXPECT_DOUBLE_EQ(ChooseRange(value, RangeMethod::kEntropy, NumericType::kInt8).high, expected);
  }
}

TEST(Entropy, ClipsOutliersThatMinMaxKeeps) {
  const ValueStatistics value = Of(HeavyTailed(5, 100'000));
  const double entropy = ChooseRange(value, RangeMethod::kEntropy, NumericType::kInt8).high;
  EXPECT_LT(entropy, value.absmax() / 2);
  EXPECT_GT(entropy, 2) << "but not the bulk";
}

// The true squared error of the values themselves.
double SlowError(const std::vector<float>& values, ClipRange range, NumericType number) {
  const Scale scale = ScaleFor(range, number);
  double error = 0;
  for (const float x : values) {
    double code = std::nearbyint(static_cast<double>(x) / static_cast<double>(scale.scale)) + scale.zero_point;
    code = number == NumericType::kUint8 ? std::clamp(code, 0.0, 255.0) : std::clamp(code, -128.0, 127.0);
    const double off = static_cast<double>(x) - static_cast<double>(scale.scale) * (code - scale.zero_point);
    error += off * off;
  }
  return error / static_cast<double>(values.size());
}

TEST(Mse, IsNearTheBestOfAllRanges) {
  for (const auto& values : Cases()) {
    if (values.size() < 100) continue;  // three values can be met exactly by luck
    const ValueStatistics value = Of(values);
    const ClipRange chosen = ChooseRange(value, RangeMethod::kMse, NumericType::kInt8);
    double least = std::numeric_limits<double>::infinity();
    for (int i = 1; i <= 400; ++i) {
      const double most = (0.2 + 0.8 * i / 400) * value.absmax();
      least = std::min(least, SlowError(values, {-most, most}, NumericType::kInt8));
    }
    EXPECT_LE(SlowError(values, chosen, NumericType::kInt8), 1.03 * least);
    EXPECT_NEAR(MeanSquaredError(value, chosen, NumericType::kInt8), SlowError(values, chosen, NumericType::kInt8),
                0.05 * least);

    const ClipRange sides = ChooseRange(value, RangeMethod::kMse, NumericType::kUint8);
    least = std::numeric_limits<double>::infinity();
    for (int low = 0; low <= 24; ++low) {
      for (int high = 0; high <= 24; ++high) {
        const ClipRange range{(0.2 + 0.8 * low / 24) * std::min(value.minimum, 0.0),
                              (0.2 + 0.8 * high / 24) * std::max(value.maximum, 0.0)};
        least = std::min(least, SlowError(values, range, NumericType::kUint8));
      }
    }
    EXPECT_LE(SlowError(values, sides, NumericType::kUint8), 1.05 * least);
  }
}

TEST(Mse, ClipsOneOutlierOfMany) {
  std::vector<float> values = Normal(6, 100'000);
  values[0] = 12;
  const ClipRange range = ChooseRange(Of(values), RangeMethod::kMse, NumericType::kInt8);
  // Rounding costs 100,000 (T / 127)^2 / 12, clipping (12 - T)^2: together least at T = 7.9.
  EXPECT_NEAR(range.high, 7.9, 0.3);
  // And keeps it where it weighs more than the rounding of the rest.
  std::fill(values.begin() + 1, values.end(), 0.0F);
  EXPECT_NEAR(ChooseRange(Of(values), RangeMethod::kMse, NumericType::kInt8).high, 12, 0.01);
}

}  // namespace
}  // namespace vlaq::numerics

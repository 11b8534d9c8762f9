#include "quantize/numerics/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/random.h"

namespace vlaq::numerics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Values of widely different sizes and both signs, zeros among them.
std::vector<float> Values(uint64_t seed, size_t count, double spread) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& x : values) {
    x = random.Below(10) == 0 ? 0.0F : static_cast<float>(random.Normal() * std::exp(spread * random.Normal()));
  }
  return values;
}

// What the header says, value by value.
std::map<int64_t, uint64_t> Obvious(const std::vector<float>& values, double width) {
  std::map<int64_t, uint64_t> bins;
  for (const float x : values) {
    const auto bin = static_cast<int64_t>(std::floor(std::fabs(static_cast<double>(x)) / width));
    ++bins[x < 0 ? -bin - 1 : bin];
  }
  return bins;
}

void ExpectBins(const Histogram& histogram, const std::map<int64_t, uint64_t>& bins) {
  for (int64_t bin = -Histogram::kHalf; bin < Histogram::kHalf; ++bin) {
    const auto found = bins.find(bin);
    ASSERT_EQ(histogram.at(bin), found == bins.end() ? 0 : found->second) << bin;
  }
}

TEST(Histogram, CountsAsDefined) {
  Histogram histogram;
  EXPECT_TRUE(histogram.empty());
  EXPECT_THAT(histogram.Folded(), IsEmpty());
  histogram.Add(std::vector<float>{1.0F, 0.0F, -0.0F, -1.0F, 0.5F, -0.25F});
  EXPECT_EQ(histogram.width(), 2.0 / 4096) << "1 lies below 2, and 4096 bins reach there";
  EXPECT_EQ(histogram.count(), 6U);
  EXPECT_EQ(histogram.at(0), 2U);
  EXPECT_EQ(histogram.at(2048), 1U);
  EXPECT_EQ(histogram.at(-2049), 1U);
  EXPECT_EQ(histogram.at(1024), 1U);
  EXPECT_EQ(histogram.at(-513), 1U);
  const auto folded = histogram.Folded();
  ASSERT_EQ(folded.size(), 2049U);
  EXPECT_EQ(folded[2048], 2U);
}

TEST(Histogram, EqualsTheObviousOne) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto values = Values(seed, 1 + seed * 97, static_cast<double>(seed) / 8);
    Histogram histogram;
    histogram.Add(values);
    ASSERT_EQ(histogram.count(), values.size());
    float absmax = 0;
    for (const float x : values) absmax = std::max(absmax, std::fabs(x));
    if (absmax > 0) {
      EXPECT_LT(absmax, Histogram::kHalf * histogram.width());
      EXPECT_GE(absmax, 0.5 * Histogram::kHalf * histogram.width()) << "at least half of the bins of a side are used";
    }
    ExpectBins(histogram, Obvious(values, histogram.width()));
  }
}

TEST(Histogram, OrderAndPartingDoNotMatter) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    auto values = Values(seed, 3000, 4);
    Histogram whole;
    whole.Add(values);
    std::sort(values.begin(), values.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
    Random random(seed);
    Histogram growing;
    std::array<Histogram, 3> parts;
    for (size_t at = 0; at < values.size();) {
      const size_t length = std::min<size_t>(values.size() - at, 1 + random.Below(200));
      const std::span<const float> part = std::span(values).subspan(at, length);
      growing.Add(part);
      parts[random.Below(3)].Add(part);
      at += length;
    }
    EXPECT_EQ(growing, whole) << "smallest first, so that it grows again and again";
    Histogram merged;
    for (const Histogram& part : parts) merged.Merge(part);
    EXPECT_EQ(merged, whole);
  }
}

TEST(Histogram, ExtremeSizesAreCountedToo) {
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  Histogram histogram;
  histogram.Add(std::vector<float>{kLeast, -kLeast, 0});
  EXPECT_EQ(histogram.at(0), 2U);
  EXPECT_EQ(histogram.at(-1), 1U);
  Histogram zeros;
  zeros.Add(std::vector<float>(3));
  EXPECT_EQ(zeros.at(0), 3U);
  histogram.Add(std::vector<float>{kMost, -kMost, 1e-30F, -1e-30F});
  EXPECT_EQ(histogram.at(4095), 1U);
  EXPECT_EQ(histogram.at(-4096), 1U);
  EXPECT_EQ(histogram.at(0), 3U);
  EXPECT_EQ(histogram.at(-1), 2U);
  Histogram other_order;
  other_order.Add(std::vector<float>{kMost, -1e-30F, kLeast, 0});
  other_order.Add(std::vector<float>{-kLeast, 1e-30F, -kMost});
  EXPECT_EQ(other_order, histogram);
}

TEST(Histogram, ComesBackFromItsCounts) {
  Histogram histogram;
  histogram.Add(Values(1, 1000, 1));
  EXPECT_EQ(Histogram::From(histogram.exponent(), -Histogram::kHalf, histogram.counts()), histogram);
  const Histogram small = Histogram::From(-3, -1, std::vector<uint64_t>{4, 5});
  EXPECT_EQ(small.width(), 0.125);
  EXPECT_EQ(small.at(-1), 4U);
  EXPECT_EQ(small.at(0), 5U);
  EXPECT_THAT(small.Folded(), ElementsAre(9));
  EXPECT_TRUE(Histogram::ValidExponent(histogram.exponent()));
  EXPECT_FALSE(Histogram::ValidExponent(-113));
  EXPECT_FALSE(Histogram::ValidExponent(117));
}

}  // namespace
}  // namespace vlaq::numerics

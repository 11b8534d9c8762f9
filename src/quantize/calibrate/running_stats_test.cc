#include "quantize/calibrate/running_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/random.h"

namespace vlaq::calibrate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<float> Normal(uint64_t seed, size_t count, double scale = 1) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& x : values) x = static_cast<float>(scale * random.Normal());
  return values;
}

TEST(RunningStats, IsWhatASlowLoopFinds) {
  for (const size_t count : {1U, 3U, 15U, 16U, 17U, 600U, 1201U}) {
    const auto values = Normal(count, count * 3);
    RunningStats stats;
    stats.Add(values, Detail::kChannels, 3);
    double sum = 0;
    double squares = 0;
    std::array<float, 3> most{};
    std::array<double, 3> sums{};
    for (size_t i = 0; i < values.size(); ++i) {
      const auto x = static_cast<double>(values[i]);
      sum += x;
      squares += x * x;
      most[i % 3] = std::max(most[i % 3], std::fabs(values[i]));
      sums[i % 3] += x;
    }
    EXPECT_EQ(stats.count, static_cast<int64_t>(values.size()));
    EXPECT_EQ(stats.minimum, static_cast<double>(*std::min_element(values.begin(), values.end())));
    EXPECT_EQ(stats.maximum, static_cast<double>(*std::max_element(values.begin(), values.end())));
    EXPECT_NEAR(stats.sum, sum, 1e-9);
    EXPECT_NEAR(stats.sum_of_squares, squares, 1e-9);
    EXPECT_THAT(stats.channel_absmax, ElementsAre(most[0], most[1], most[2]));
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(stats.channel_sum[i], sums[i], 1e-9);
    EXPECT_EQ(stats.histogram.count(), values.size());
  }
}

TEST(RunningStats, LooksAsCloselyAsAsked) {
  RunningStats range;
  range.Add(Normal(1, 12), Detail::kRange, 3);
  EXPECT_EQ(range.count, 12);
  EXPECT_TRUE(range.histogram.empty());
  EXPECT_THAT(range.channel_sum, IsEmpty());
  RunningStats histogram;
  histogram.Add(Normal(1, 12), Detail::kHistogram, 3);
  EXPECT_EQ(histogram.histogram.count(), 12U);
  EXPECT_THAT(histogram.channel_absmax, IsEmpty());
}

TEST(RunningStats, CountsWhatIsNoNumber) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (const size_t place : {0U, 16U, 40U}) {
      auto values = Normal(1, 41);
      RunningStats stats;
      stats.Add(values, Detail::kChannels, 41);
      const RunningStats before = stats;
      values[place] = bad;
      values[7] = bad;
      stats.Add(values, Detail::kChannels, 41);
      EXPECT_EQ(stats.not_finite, 2);
      stats.not_finite = 0;
      EXPECT_EQ(stats, before);
    }
  }
}

TEST(RunningStats, ComesBackExactly) {
  RunningStats stats;
  stats.Add(Normal(2, 999, 0.1), Detail::kChannels, 9);
  const std::string text = ToJson(stats).dump();
  const auto read = [](const Json& json) -> Result<RunningStats> {
    const JsonField field(json, "part");
    RunningStats made = ReadRunningStats(field);
    VLAQ_RETURN_IF_ERROR(field.status());
    return made;
  };
  EXPECT_EQ(*read(Json::parse(text)), stats);
  EXPECT_EQ(*read(ToJson(RunningStats())), RunningStats());

  const auto refused = [&](const char* key, const Json& value) {
    Json json = Json::parse(text);
    json[key] = value;
    const auto bad = read(json);
    ASSERT_FALSE(bad.ok()) << key;
    EXPECT_EQ(bad.error().code, ErrorCode::kInput);
    EXPECT_THAT(bad.error().ToString(), HasSubstr("part"));
    EXPECT_THAT(bad.error().ToString(), HasSubstr(key));
  };
  refused("count", -1);
  refused("count", nullptr);
  refused("sum", "1");
  refused("maximum", nullptr);
  refused("histogram", {{"exponent", 1}});
  refused("channel_sum", {1, 2});
  refused("channel_absmax", {1, 2, 3, 4, 5, 6, 7, 8, -1});
}

TEST(Finish, JoinsTheHalves) {
  const auto a = Normal(1, 3000);
  const auto b = Normal(2, 6000);
  std::array<RunningStats, 2> halves;
  halves[0].Add(a, Detail::kChannels, 3);
  halves[1].Add(b, Detail::kChannels, 3);
  RunningStats all;
  all.Add(a, Detail::kChannels, 3);
  all.Add(b, Detail::kChannels, 3);
  const auto value = Finish(halves);
  EXPECT_EQ(value.count, 9000);
  EXPECT_EQ(value.minimum, all.minimum);
  EXPECT_EQ(value.maximum, all.maximum);
  EXPECT_NEAR(value.sum, all.sum, 1e-9);
  EXPECT_NEAR(value.sum_of_squares, all.sum_of_squares, 1e-9);
  EXPECT_EQ(value.histogram, all.histogram);
  EXPECT_EQ(value.channel_absmax, all.channel_absmax);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(static_cast<double>(value.channel_mean[i]), all.channel_sum[i] / 3000, 1e-6);
  }
  EXPECT_EQ(value.halves[0].high, halves[0].maximum);
  EXPECT_EQ(value.halves[1].low, halves[1].minimum);
  EXPECT_LT(value.drift, 0.3) << "the same distribution";
}

TEST(Finish, DriftIsTheDifferenceOfReach) {
  std::array<RunningStats, 2> halves;
  halves[0].Add(std::vector<float>{1, -1}, Detail::kRange, 0);
  halves[1].Add(std::vector<float>{-4, 2}, Detail::kRange, 0);
  EXPECT_DOUBLE_EQ(Finish(halves).drift, 0.75);
  std::swap(halves[0], halves[1]);
  EXPECT_DOUBLE_EQ(Finish(halves).drift, 0.75);
  EXPECT_EQ(Finish({}).drift, 0);
  halves[1] = {};
  EXPECT_EQ(Finish(halves).drift, 1) << "seen in one half only";
  EXPECT_EQ(Finish(halves).minimum, -4);

  // One outlier in a million moves the extreme, not the reach.
  auto values = Normal(3, 1'000'000);
  std::array<RunningStats, 2> wide;
  wide[0].Add(values, Detail::kHistogram, 0);
  values[5] = 1000;
  wide[1].Add(values, Detail::kHistogram, 0);
  EXPECT_LT(Finish(wide).drift, 0.1);
}

}  // namespace
}  // namespace vlaq::calibrate

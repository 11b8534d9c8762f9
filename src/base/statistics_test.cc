#include "base/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace vlaq {
namespace {

TEST(StatisticsTest, QuantilesLieBetweenNeighborsInProportion) {
  const std::vector<double> sorted{1, 2, 4, 8};
  EXPECT_EQ(Quantile(sorted, 0), 1);
  EXPECT_EQ(Quantile(sorted, 1), 8);
  EXPECT_EQ(Quantile(sorted, 0.5), 3);
  EXPECT_DOUBLE_EQ(Quantile(sorted, 0.9), 4 + 0.7 * 4);
  EXPECT_EQ(Quantile(std::vector<double>{7}, 0.3), 7);
  EXPECT_EQ(Median({8, 1, 4, 2}), 3);
  EXPECT_EQ(Median({3, 1, 2}), 2);
}

TEST(StatisticsTest, NearestRankTakesAValueThatWasSeen) {
  const std::vector<double> values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(NearestRank(values, 0.5), 5);
  EXPECT_EQ(NearestRank(values, 0.9), 9);
  EXPECT_EQ(NearestRank(values, 0.91), 10);
}

// 99.9 / 100 * 1000 is 999.0000000000001 in doubles: rank 999, not 1000. Held against ranks in whole numbers.
TEST(StatisticsTest, RanksAreExactDespiteRounding) {
  for (const int n : {1, 7, 10, 20, 100, 1000, 3000}) {
    std::vector<double> values(static_cast<size_t>(n));
    for (int i = 0; i < n; ++i) values[static_cast<size_t>(i)] = i + 1;
    for (int tenths = 1; tenths < 1000; ++tenths) {
      const int rank = std::max(1, (tenths * n + 999) / 1000);
      EXPECT_EQ(NearestRank(values, tenths / 10.0 / 100), rank) << tenths << " of 1000, n " << n;
    }
  }
}

TEST(StatisticsTest, SpreadKeepsTheDigitsOfLargeNumbers) {
  const std::vector<double> values{1e9 + 1, 1e9 + 2, 1e9 + 3};
  const Spread spread = SpreadOf(values);
  EXPECT_DOUBLE_EQ(spread.mean, 1e9 + 2);
  EXPECT_NEAR(spread.deviation, 1, 1e-6);
  EXPECT_EQ(SpreadOf(std::vector<double>{7}).deviation, 0);
}

TEST(StatisticsTest, BootstrapHoldsTheMeanOfAKnownSampleAndIsTheSameTwice) {
  std::vector<double> values(400);
  std::iota(values.begin(), values.end(), 0);  // mean 199.5, deviation of the mean 5.8
  const Statistic mean = [&](std::span<const size_t> drawn) {
    double sum = 0;
    for (const size_t index : drawn) sum += values[index];
    return sum / static_cast<double>(drawn.size());
  };
  const Interval interval = Bootstrap(values.size(), mean, 0.95, 2000, 1);
  EXPECT_TRUE(interval.Holds(199.5));
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 * 5.78, 1.5);
  const Interval again = Bootstrap(values.size(), mean, 0.95, 2000, 1);
  EXPECT_EQ(interval.low, again.low);
  EXPECT_EQ(interval.high, again.high);
  EXPECT_LT(interval.low, Bootstrap(values.size(), mean, 0.5, 2000, 1).low);
}

}  // namespace
}  // namespace vlaq

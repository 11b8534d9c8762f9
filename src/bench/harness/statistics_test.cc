#include "bench/harness/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace vlaq::harness {
namespace {

// The tables of MLPerf's rule for its percentiles.
TEST(EarlyStopping, FewestSamplesForAClaim) {
  EXPECT_EQ(FewestFor(0.5), 11);
  EXPECT_EQ(FewestFor(0.9), 64);
  EXPECT_EQ(FewestFor(0.95), 130);
  EXPECT_EQ(FewestFor(0.97), 219);
  EXPECT_EQ(FewestFor(0.99), 662);
  EXPECT_EQ(FewestFor(0.999), 6636);
}

TEST(EarlyStopping, RanksAsPublished) {
  struct Row {
    int64_t n, p50, p90, p95, p99, p999;
  };
  for (const Row& row :
       {Row{64, 22, 1, 0, 0, 0}, Row{100, 37, 3, 0, 0, 0}, Row{130, 51, 5, 1, 0, 0}, Row{200, 83, 10, 3, 0, 0},
        Row{500, 223, 34, 13, 0, 0}, Row{662, 300, 48, 20, 1, 0}, Row{1000, 462, 78, 34, 2, 0},
        Row{2000, 947, 168, 77, 9, 0}, Row{5000, 2417, 450, 214, 33, 0}, Row{10000, 4883, 930, 449, 77, 2}}) {
    EXPECT_EQ(EarlyStoppingRank(row.n, 0.5), row.p50) << row.n;
    EXPECT_EQ(EarlyStoppingRank(row.n, 0.9), row.p90) << row.n;
    EXPECT_EQ(EarlyStoppingRank(row.n, 0.95), row.p95) << row.n;
    EXPECT_EQ(EarlyStoppingRank(row.n, 0.99), row.p99) << row.n;
    EXPECT_EQ(EarlyStoppingRank(row.n, 0.999), row.p999) << row.n;
  }
}

std::vector<double> Exponential(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<double> values(n);
  for (double& value : values) value = -std::log1p(-random.Uniform());
  std::ranges::sort(values);
  return values;
}

TEST(Percentiles, OfAKnownDistribution) {
  const std::vector<double> values = Exponential(20'000, 1);
  for (const double p : {0.5, 0.9, 0.99}) {
    const double truth = -std::log(1 - p);
    // Four standard errors of a sample quantile: sqrt(p (1 - p) / n) / density.
    const double error = 4 * std::sqrt(p * (1 - p) / 20'000) / (1 - p);
    EXPECT_NEAR(NearestRank(values, p), truth, error) << p;
    EXPECT_GE(*SafePercentile(values, p), NearestRank(values, p)) << p;
  }
}

// A safe estimate lies below the percentile in one run of a hundred at most.
TEST(Percentiles, SafeEstimatesAreSafe) {
  int below = 0;
  constexpr int kRuns = 2000;
  for (int i = 0; i < kRuns; ++i) {
    below += *SafePercentile(Exponential(100, 100 + static_cast<uint64_t>(i)), 0.9) < -std::log(0.1) ? 1 : 0;
  }
  EXPECT_LE(below, kRuns / 100 + 14) << "20 expected at most, and three standard errors";
  EXPECT_GT(below, 0) << "an estimate that is never wrong is too high";
}

TEST(Percentiles, TenSamplesAllowNoClaim) {
  const std::vector<double> values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(SafePercentile(values, 0.5), std::nullopt);
}

TEST(BootstrapMedian, HoldsTheTruthAsOftenAsItSays) {
  int held = 0;
  constexpr int kRuns = 300;
  for (int i = 0; i < kRuns; ++i) {
    const std::vector<double> values = Exponential(25, static_cast<uint64_t>(i));
    held += BootstrapMedian(values, 0.95, 500).Holds(std::log(2)) ? 1 : 0;
  }
  EXPECT_GE(held, kRuns * 0.90);
  EXPECT_TRUE(std::isinf(BootstrapMedian(std::vector<double>{1, 2, 3, 4, 5}).high));
}

TEST(Claimable, IsWhatTheSamplesAllow) {
  using Percentiles = std::vector<double>;
  EXPECT_EQ(Claimable({0.9, 0.5}, 63), (Percentiles{0.5}));
  EXPECT_EQ(Claimable({0.9, 0.5}, 64), (Percentiles{0.5, 0.9}));
  EXPECT_EQ(Claimable({0.9, 0.99}, 3), (Percentiles{0.9})) << "the lowest stays, and its lack of a claim shows";
  EXPECT_TRUE(Claimable({}, 3).empty());
}

TEST(BootstrapMedian, NeedsAsManyValuesAsItIsSure) {
  for (const double sure : {0.5, 0.9, 0.95, 0.99, 0.999}) {
    size_t fewest = 1;  // slowly: until all on one side of the median is rarer than 1 - sure
    while (2 * std::pow(0.5, static_cast<double>(fewest)) > 1 - sure + 1e-12) ++fewest;
    EXPECT_EQ(FewestForMedian(sure), fewest) << sure;
  }
  EXPECT_EQ(FewestForMedian(0.95), 6U);
  EXPECT_EQ(FewestForMedian(0.99), 8U);
  const std::vector<double> seven{1, 2, 3, 4, 5, 6, 7};
  EXPECT_TRUE(std::isinf(BootstrapMedian(seven, 0.99).low));
  EXPECT_FALSE(std::isinf(BootstrapMedian(seven, 0.95).low));
}

}  // namespace
}  // namespace vlaq::harness

#include "evaluate/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"

namespace vlaq::evaluate {
namespace {

double Width(const Estimate& estimate) { return estimate.interval.high - estimate.interval.low; }

// Episodes of `steps` steps with independent normal values around `mean`.
std::vector<Share> NormalEpisodes(size_t count, int steps, double mean, uint64_t seed) {
  Random random(seed);
  std::vector<Share> shares(count);
  for (Share& share : shares) {
    for (int t = 0; t < steps; ++t) share.sum += mean + random.Normal();
    share.count = steps;
  }
  return shares;
}

TEST(BootstrapMean, IsAFunctionOfSharesAndSeed) {
  const auto shares = NormalEpisodes(30, 4, 0.5, 1);
  const Estimate a = BootstrapMean(shares);
  const Estimate b = BootstrapMean(shares);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.interval.low, b.interval.low);
  EXPECT_EQ(a.interval.high, b.interval.high);
  const Estimate other = BootstrapMean(shares, 10'000, 1);
  EXPECT_EQ(other.value, a.value);
  EXPECT_NE(other.interval.low, a.interval.low);
  EXPECT_NEAR(other.interval.low, a.interval.low, 0.1 * Width(a));
}

TEST(BootstrapMean, LongEpisodesWeighMore) {
  EXPECT_DOUBLE_EQ(BootstrapMean({{3, 1}, {1, 9}}).value, 0.4);  // and not the mean of 3 and 1/9
}

// Two episodes with means 0 and 1 can only be drawn in four ways: 0, 1/2 (twice), 1.
TEST(BootstrapMean, DrawsWithReplacement) {
  const Estimate estimate = BootstrapMean({{0, 1}, {1, 1}});
  EXPECT_EQ(estimate.value, 0.5);
  EXPECT_EQ(estimate.interval.low, 0);
  EXPECT_EQ(estimate.interval.high, 1);
}

TEST(BootstrapMean, CoversTheTruthAboutAsOftenAsItSays) {
  constexpr int kTrials = 400;
  int covered = 0;
  for (uint64_t trial = 0; trial < kTrials; ++trial) {
    const Estimate estimate = BootstrapMean(NormalEpisodes(40, 5, 0.25, 100 + trial), 1000, trial);
    covered += estimate.interval.low <= 0.25 && 0.25 <= estimate.interval.high ? 1 : 0;
  }
  // Nominal 95 %; percentiles of 40 episodes are known to be a little narrow. Binomial spread here: 1.1 %.
  EXPECT_GE(covered, kTrials * 90 / 100);
  EXPECT_LE(covered, kTrials * 98 / 100);
}

TEST(BootstrapMean, WidthIsThatOfTheMean) {
  const Estimate estimate = BootstrapMean(NormalEpisodes(400, 1, 0, 5));
  EXPECT_NEAR(Width(estimate), 2 * 1.96 / 20, 0.02);  // 2 z s / sqrt(n)
}

// Steps of an episode that are all alike count as one: taking them for independent ones would be sqrt(steps) too sure.
TEST(BootstrapMean, CorrelatedStepsMakeTheIntervalWider) {
  constexpr int kSteps = 16;
  Random random(3);
  std::vector<Share> episodes;
  std::vector<Share> steps;
  for (int i = 0; i < 50; ++i) {
    const double value = random.Normal();
    episodes.push_back({kSteps * value, kSteps});
    steps.insert(steps.end(), kSteps, {value, 1});
  }
  const Estimate by_episode = BootstrapMean(episodes, 2000);
  const Estimate by_step = BootstrapMean(steps, 2000);
  EXPECT_NEAR(by_episode.value, by_step.value, 1e-12);
  EXPECT_NEAR(Width(by_episode) / Width(by_step), 4, 0.5);
}

TEST(BootstrapMean, OneEpisodeTellsNothingOfItsSpread) {
  for (const std::vector<Share>& shares : {std::vector<Share>{}, {{3, 4}}}) {
    const Estimate estimate = BootstrapMean(shares);
    EXPECT_EQ(estimate.value, shares.empty() ? 0 : 0.75);
    EXPECT_TRUE(std::isinf(estimate.interval.low) && estimate.interval.low < 0);
    EXPECT_TRUE(std::isinf(estimate.interval.high) && estimate.interval.high > 0);
  }
  EXPECT_TRUE(std::isinf(BootstrapMean({{1, 1}, {2, 1}}, 0).interval.high)) << "nothing was drawn";
}

// What a policy that answers NaN makes of its score: it must not reach the sort.
TEST(BootstrapMean, NoNumberHasNoInterval) {
  const Estimate estimate = BootstrapMean({{1, 1}, {std::nan(""), 1}, {2, 1}});
  EXPECT_TRUE(std::isnan(estimate.value));
  EXPECT_TRUE(std::isinf(estimate.interval.low) && std::isinf(estimate.interval.high));
}

TEST(BootstrapMean, EqualEpisodesLeaveNoDoubt) {
  const Estimate estimate = BootstrapMean(std::vector<Share>(9, Share{1, 4}));
  EXPECT_EQ(estimate.value, 0.25);
  EXPECT_EQ(Width(estimate), 0);
  EXPECT_EQ(BootstrapMean({{0, 0}, {0, 0}}).value, 0) << "episodes without a step";
}

}  // namespace
}  // namespace vlaq::evaluate

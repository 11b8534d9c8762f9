// The expected figures come from exact rational and 40-digit decimal arithmetic outside this program.
#include "evaluate/proportion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace vlaq::evaluate {
namespace {

constexpr double kNear = 1e-10;

struct WilsonCase {
  int64_t successes, trials;
  Interval expected;
};

TEST(WilsonInterval, EqualsItsFormulaWorkedOutElsewhere) {
  const std::vector<WilsonCase> cases{
      {0, 10, {0, 0.277532799863}},
      {10, 10, {0.722467200137, 1}},
      {81, 263, {0.255288519878, 0.366209576983}},  // Newcombe 1998, table I: 0.2553 to 0.3662
      {15, 148, {0.062386399531, 0.160487241723}},  // Newcombe 1998: 0.0624 to 0.1605
      {0, 20, {0, 0.161125158053}},                 // Newcombe 1998: 0 to 0.1611
      {1, 1, {0.206549314377, 1}},
      {297, 300, {0.971016506638, 0.996593381562}},
  };
  for (const WilsonCase& c : cases) {
    const Interval interval = WilsonInterval(c.successes, c.trials);
    EXPECT_NEAR(interval.low, c.expected.low, kNear) << c.successes << "/" << c.trials;
    EXPECT_NEAR(interval.high, c.expected.high, kNear) << c.successes << "/" << c.trials;
  }
}

TEST(WilsonInterval, StaysWithinZeroAndOneAndHoldsTheFraction) {
  for (int64_t n = 1; n <= 60; ++n) {
    for (int64_t k = 0; k <= n; ++k) {
      const Interval interval = WilsonInterval(k, n);
      const double p = static_cast<double>(k) / static_cast<double>(n);
      ASSERT_GE(interval.low, 0) << k << "/" << n;
      ASSERT_LE(interval.high, 1) << k << "/" << n;
      ASSERT_LE(interval.low, p + 1e-12) << k << "/" << n;
      ASSERT_GE(interval.high, p - 1e-12) << k << "/" << n;
      const Interval mirrored = WilsonInterval(n - k, n);
      ASSERT_NEAR(interval.low, 1 - mirrored.high, 1e-12) << k << "/" << n;
    }
  }
}

TEST(WilsonInterval, NothingIsKnownWithoutTrials) {
  const Interval interval = WilsonInterval(0, 0);
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 1);
}

struct McNemarCase {
  int64_t only_first, only_second;
  double expected;
};

TEST(McNemar, EqualsTheBinomialSumInRationalArithmetic) {
  const std::vector<McNemarCase> cases{
      {5, 0, 0.0625},  // 2 / 2^5
      {1, 0, 1},
      {1, 9, 0.021484375},  // 2 (1 + 10) / 2^10
      {6, 16, 0.052478790283203125},
      {10, 25, 0.01667384780012071},
      {4, 4, 1},
      {3, 4, 1},
  };
  for (const McNemarCase& c : cases) {
    EXPECT_NEAR(McNemarP({100, c.only_first, c.only_second, 7}), c.expected, 1e-12) << c.only_first;
    EXPECT_NEAR(McNemarP({0, c.only_second, c.only_first, 0}), c.expected, 1e-12) << "the other way round";
  }
}

TEST(McNemar, HoldsForThousandsOfPairs) {
  EXPECT_NEAR(McNemarP({0, 450, 550, 0}), 0.0017305360849763176, 1e-11);
  EXPECT_NEAR(McNemarP({0, 4900, 5100, 0}), 0.04658552770494739, 1e-9);
  EXPECT_EQ(McNemarP({0, 0, 2000, 0}), 0) << "2^-1999 is below the smallest double";
  EXPECT_EQ(McNemarP({0, 50'000, 50'000, 0}), 1);
}

TEST(McNemar, PairsThatAgreeSayNothing) {
  EXPECT_EQ(McNemarP({40, 0, 0, 60}), 1);
  EXPECT_EQ(McNemarP({}), 1);
  EXPECT_EQ(McNemarP({0, 2, 8, 0}), McNemarP({900, 2, 8, 900}));
}

}  // namespace
}  // namespace vlaq::evaluate

// Limits hold, and those of the user come first.
#include "verify/difference_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace vlaq::verify {
namespace {

using ::testing::HasSubstr;

Difference Between(const std::vector<float>& reference, const std::vector<float>& actual, double relative = 0) {
  Difference difference(relative);
  difference.Add(reference, actual);
  return difference;
}

TEST(JudgeDifference, TheLargestDecidesAndIsToldInItsUnit) {
  const Bound bound{.limit = 0.1, .unit = 0.6, .unit_name = "m/s"};
  const Check good = JudgeDifference("actions", Between({1, 0}, {0.95F, 0}), bound, Against::kSource);
  EXPECT_TRUE(good.passed);
  EXPECT_EQ(good.against, Against::kSource);
  EXPECT_THAT(good.detail, HasSubstr("3.00e-02 m/s (limit 0.06)"));
  EXPECT_FALSE(JudgeDifference("actions", Between({1, 0}, {0.85F, 0}), bound, Against::kSource).passed);
}

TEST(JudgeDifference, ManyMiddlingDifferencesFailByTheirRms) {
  const Bound bound{.limit = 0.1, .most_rms = 0.03};
  const std::vector<float> zeros(100, 0), off(100, 0.05F);
  EXPECT_FALSE(JudgeDifference("actions", Between(zeros, off), bound, Against::kSource).passed);
  std::vector<float> once = zeros;
  once[7] = 0.05F;
  EXPECT_TRUE(JudgeDifference("actions", Between(zeros, once), bound, Against::kSource).passed);
}

TEST(JudgeDifference, NothingAndNoNumbersFail) {
  const Bound bound{.limit = 1e30};
  EXPECT_FALSE(JudgeDifference("actions", Difference(), bound, Against::kSource).passed);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(JudgeDifference("actions", Between({1}, {nan}), bound, Against::kSource).passed);
}

TEST(Tolerance, ElementsAreHeldToBothTolerances) {
  const Tolerance tolerance{.absolute = 0.01, .relative = 0.1, .actions = {}};
  const Bound bound = tolerance.ForStage({Measure::kRelative, 1e-9});
  EXPECT_TRUE(JudgeDifference("x", Between({10, 0}, {10.9F, 0.005F}, bound.relative), bound, Against::kGolden).passed);
  EXPECT_FALSE(JudgeDifference("x", Between({10, 0}, {10.9F, 0.02F}, bound.relative), bound, Against::kGolden).passed);
  EXPECT_FALSE(JudgeDifference("x", Between({10, 0}, {11.2F, 0}, bound.relative), bound, Against::kGolden).passed);
}

TEST(Tolerance, AnInfiniteReferenceIsNoExcuse) {
  const float inf = std::numeric_limits<float>::infinity();
  const Bound bound = Tolerance{.absolute = 1, .relative = 1, .actions = {}}.ForStage({});
  EXPECT_FALSE(JudgeDifference("x", Between({inf}, {0}, bound.relative), bound, Against::kGolden).passed);
}

TEST(Tolerance, ActionsInTheirUnitComeFirst) {
  const Tolerance tolerance{.absolute = 5, .relative = {}, .actions = 0.3};
  const Bound bound = tolerance.ForActions({.limit = 0.001, .most_rms = 0.001, .unit = 0.6, .unit_name = "m/s"});
  EXPECT_TRUE(JudgeDifference("actions", Between({0}, {0.49F}), bound, Against::kSource).passed) << "0.294 m/s";
  EXPECT_FALSE(JudgeDifference("actions", Between({0}, {0.51F}), bound, Against::kSource).passed) << "0.306 m/s";
  EXPECT_EQ(Tolerance().ForActions({.limit = 0.001}).limit, 0.001);
}

}  // namespace
}  // namespace vlaq::verify

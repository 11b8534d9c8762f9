#include "report/scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace vlaq::report {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

TEST(RoundStepTest, IsOneTwoOrFiveTimesAPowerOfTen) {
  EXPECT_DOUBLE_EQ(RoundStep(10, 5), 2);
  EXPECT_DOUBLE_EQ(RoundStep(1, 5), 0.2);
  EXPECT_DOUBLE_EQ(RoundStep(0.011, 5), 0.005);
  EXPECT_DOUBLE_EQ(RoundStep(3000, 3), 1000);
  EXPECT_DOUBLE_EQ(RoundStep(45, 5), 10);
}

TEST(ScaleTest, WidensToRoundNumbers) {
  Scale scale = Scale::Round(0, 8.7, false);
  EXPECT_DOUBLE_EQ(scale.low(), 0);
  EXPECT_DOUBLE_EQ(scale.high(), 10);
  EXPECT_THAT(scale.Ticks(5), ElementsAre(0, 2, 4, 6, 8, 10));
  scale.Place(100, 200);
  EXPECT_DOUBLE_EQ(scale.At(0), 100);
  EXPECT_DOUBLE_EQ(scale.At(5), 150);
  EXPECT_DOUBLE_EQ(scale.At(99), 200) << "outside is drawn at the edge";
}

TEST(ScaleTest, ALogarithmHasDecades) {
  Scale scale = Scale::Round(0.02, 70, true);
  EXPECT_DOUBLE_EQ(scale.low(), 0.01);
  EXPECT_DOUBLE_EQ(scale.high(), 100);
  EXPECT_THAT(scale.Ticks(6), ElementsAre(0.01, 0.1, 1, 10, 100));
  scale.Place(0, 4);
  EXPECT_DOUBLE_EQ(scale.At(1), 2);
  EXPECT_THAT(Scale::Round(3, 40, true).Ticks(6), ElementsAre(1, 2, 5, 10, 20, 50, 100));
}

TEST(ScaleTest, OneValueIsARangeToo) {
  EXPECT_GT(Scale::Round(0, 0, false).high(), 0);
  EXPECT_GT(Scale::Round(5, 5, false).high(), 5);
  EXPECT_GT(Scale::Round(10, 10, true).high(), 10);
  const Scale negative = Scale::Round(-5, -5, false);
  EXPECT_LE(negative.low(), -5);
  EXPECT_GT(negative.high(), negative.low());
}

// Whatever the range: a few ticks, in order, within it, and both ends of the data inside.
TEST(ScaleTest, PropertiesOfManyRanges) {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const bool logarithmic = i % 2 == 0;
    const double low = logarithmic ? std::pow(10, random.Uniform(-12, 12)) : random.Uniform(-1000, 1000);
    const double high =
        logarithmic ? low * std::pow(10, random.Uniform(0, 6)) : low + std::pow(10, random.Uniform(-6, 6));
    const Scale scale = Scale::Round(low, high, logarithmic);
    EXPECT_LE(scale.low(), low + std::abs(low) * 1e-9);
    EXPECT_GE(scale.high(), high - std::abs(high) * 1e-9);
    const std::vector<double> ticks = scale.Ticks(6);
    ASSERT_GE(ticks.size(), 2U) << low << " " << high;
    ASSERT_LE(ticks.size(), 12U) << low << " " << high;
    EXPECT_TRUE(std::is_sorted(ticks.begin(), ticks.end()));
    const double slack = std::abs(scale.high() - scale.low()) * 1e-6;
    EXPECT_THAT(ticks, Each(Ge(scale.low() - slack)));
    EXPECT_THAT(ticks, Each(Le(scale.high() + slack)));
  }
}

}  // namespace
}  // namespace vlaq::report

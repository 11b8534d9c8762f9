#include "quantize/plan/sensitivity_evaluator.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/testing.h"
#include "evaluate/testing.h"

namespace vlaq::plan {
namespace {

using evaluate::Brain;
using evaluate::FakeFactory;
using ::testing::HasSubstr;
using Scope = SensitivityEvaluator::Scope;

const evaluate::ActionSpace kSpace = evaluate::BaseSpace(0.5);
constexpr int kFrames = 5;

// Says the gray of the newest frame, and something more on both axes.
Brain SaysGrayAnd(float forward, float left) {
  return [=](const std::vector<int>& frames, const std::string&) {
    return std::vector<float>{static_cast<float>(frames.back()) / 255 + forward, left};
  };
}

class ActionComparisonTest : public ::testing::Test {
 protected:
  // Grays of the episodes differ; what is recorded is the gray and nothing to the side.
  void SetUp() override {
    for (int e = 0; e < 3; ++e) {
      std::vector<evaluate::GrayStep> steps;
      for (int t = 0; t < kFrames; ++t) {
        const int gray = 20 + 40 * e + 5 * t;
        steps.push_back({gray, {0.5F * static_cast<float>(gray) / 255, 0, 0}});
      }
      ASSERT_TRUE(evaluate::WriteGrayEpisode(folder_.path() / fmt::format("e{}.h5", e), "go", steps));
    }
    auto opened = data::EpisodeSet::Open({folder_.path()});
    ASSERT_TRUE(opened.ok());
    episodes_.emplace(std::move(*opened));
  }

  Result<ActionComparison> Against(const Brain& brain, int64_t ranking_steps = 1) const {
    return ActionComparison::Make(FakeFactory(brain, kSpace), kSpace, *episodes_, 2, ranking_steps, SilentLog());
  }

  TemporaryFolder folder_;
  std::optional<data::EpisodeSet> episodes_;
};

TEST_F(ActionComparisonTest, TheSamePolicyMovesNothing) {
  const auto comparison = Against(SaysGrayAnd(0.1F, 0));
  ASSERT_TRUE(comparison.ok()) << comparison.error().ToString();
  const auto effect = comparison->Compare(FakeFactory(SaysGrayAnd(0.1F, 0), kSpace), Scope::kAll);
  ASSERT_TRUE(effect.ok());
  EXPECT_EQ(effect->steps, 3 * kFrames);
  EXPECT_EQ(effect->moved_rms, 0);
  EXPECT_EQ(effect->moved_most, 0);
  EXPECT_EQ(effect->mae_increase, 0);
  EXPECT_EQ(effect->mae_increase_most, 0);
  EXPECT_NEAR(effect->mae, 0.05, 1e-6);
  EXPECT_EQ(effect->directions, 1);
}

TEST_F(ActionComparisonTest, FiguresAreThoseOfTheActions) {
  const auto comparison = Against(SaysGrayAnd(0.1F, 0));
  ASSERT_TRUE(comparison.ok());
  const auto effect = comparison->Compare(FakeFactory(SaysGrayAnd(0.2F, -0.3F), kSpace), Scope::kAll);
  ASSERT_TRUE(effect.ok());
  EXPECT_NEAR(effect->moved_mean, 0.2, 1e-6);
  EXPECT_NEAR(effect->moved_rms, std::sqrt((0.01 + 0.09) / 2), 1e-6);
  EXPECT_NEAR(effect->moved_most, 0.3, 1e-6);
  EXPECT_NEAR(effect->mae_increase, 0.25 - 0.05, 1e-6);
  EXPECT_NEAR(effect->mae_increase_most, 0.2, 1e-6);  // all episodes alike
  EXPECT_LT(effect->directions, 1);                   // it now goes to the side
  // Nearer to the record than the reference: below 0.
  const auto nearer = comparison->Compare(FakeFactory(SaysGrayAnd(0.02F, 0), kSpace), Scope::kAll);
  ASSERT_TRUE(nearer.ok());
  EXPECT_NEAR(nearer->mae_increase, 0.01 - 0.05, 1e-6);
}

TEST_F(ActionComparisonTest, RanksOnAsFewEpisodesAsHaveTheSteps) {
  const auto comparison = Against(SaysGrayAnd(0, 0), kFrames + 1);
  ASSERT_TRUE(comparison.ok());
  EXPECT_EQ(comparison->ranking_episodes(), 2U);
  // Off by 0.5 in the last episode alone, whose frames are brighter than 100.
  const Brain late = [](const std::vector<int>& frames, const std::string&) {
    return std::vector<float>{static_cast<float>(frames.back()) / 255, frames.back() >= 100 ? 0.5F : 0};
  };
  EXPECT_EQ(comparison->Compare(FakeFactory(late, kSpace), Scope::kRanking)->moved_rms, 0);
  EXPECT_NEAR(comparison->Compare(FakeFactory(late, kSpace), Scope::kAll)->moved_most, 0.5, 1e-6);
}

TEST_F(ActionComparisonTest, WhatIsNoNumberIsNotHidden) {
  const auto comparison = Against(SaysGrayAnd(0, 0));
  ASSERT_TRUE(comparison.ok());
  const Brain broken = [](const std::vector<int>& frames, const std::string&) {
    return std::vector<float>{frames.back() == 105 ? std::nanf("") : 0.0F, 0};
  };
  const auto effect = comparison->Compare(FakeFactory(broken, kSpace), Scope::kAll);
  ASSERT_TRUE(effect.ok());
  EXPECT_FALSE(effect->is_finite());
}

TEST_F(ActionComparisonTest, ADriverThatFailsNamesTheEpisode) {
  const auto comparison =
      ActionComparison::Make(FakeFactory(SaysGrayAnd(0, 0), kSpace, 2), kSpace, *episodes_, 1, 1, SilentLog());
  ASSERT_FALSE(comparison.ok());
  EXPECT_THAT(comparison.error().ToString(), HasSubstr("e0.h5"));
}

TEST_F(ActionComparisonTest, CalibrationEpisodesAreRefused) {
  numerics::ActivationStatistics statistics;
  EXPECT_TRUE(CheckNotCalibratedOn(statistics, *episodes_, SilentLog()).ok());  // of frames, without episodes
  const auto other = (*episodes_).OpenEpisode(1);
  statistics.episodes = {{"elsewhere.h5", "00"}};
  EXPECT_TRUE(CheckNotCalibratedOn(statistics, *episodes_, SilentLog()).ok());
  statistics.episodes.push_back({"renamed.h5", *(*other)->ContentHash()});
  const Status status = CheckNotCalibratedOn(statistics, *episodes_, SilentLog());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kInput);
  EXPECT_THAT(status.error().ToString(), HasSubstr("calibration episodes"));
}

}  // namespace
}  // namespace vlaq::plan

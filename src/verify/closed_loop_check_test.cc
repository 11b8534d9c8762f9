// Verdicts over outcomes that are made up, and one drive in the simulator where there is one.
#include "verify/closed_loop_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "verify/testing.h"

namespace vlaq::verify {
namespace {

using evaluate::Outcome;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcomes = std::vector<Outcome>;

constexpr int kSeeds = 20;

// Told left at even seeds, right at odd ones; the other way round if `swapped`.
sim::Side Told(int seed, bool swapped) { return (seed % 2 == 0) != swapped ? sim::Side::kLeft : sim::Side::kRight; }

// The first `arrivals` seeds arrive; the first `obeys` of them pass on the told side, the others on the other one.
Outcomes Runs(int arrivals, int obeys, bool swapped = false) {
  Outcomes outcomes(kSeeds);
  for (int i = 0; i < kSeeds; ++i) {
    Outcome& o = outcomes[static_cast<size_t>(i)];
    o.seed = 100 + static_cast<uint64_t>(i);
    o.layout = "1box_hori_left";
    o.told = Told(i, swapped);
    o.first_passed = i < obeys ? o.told : sim::Opposite(o.told);
    o.succeeded = i < arrivals;
    o.reached = o.succeeded;
    o.steps = 20;
  }
  return outcomes;
}

ClosedLoopRuns GoodRuns() {
  return {.normal = Runs(19, 20), .blank = Runs(0, 10), .frozen = Runs(2, 18), .swapped = Runs(17, 18, true)};
}

Report JudgedRuns(const ClosedLoopRuns& runs) {
  Report report;
  const Status status = JudgeClosedLoop(runs, {}, report);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
  return report;
}

const Check& Get(const Report& report, const std::string& name) {
  static const Check none;
  const Check* check = FindCheck(report, name);
  EXPECT_NE(check, nullptr) << name;
  return check == nullptr ? none : *check;
}

TEST(ClosedLoopCheckTest, WhoLooksListensAndArrivesPasses) {
  const Report report = JudgedRuns(GoodRuns());
  ASSERT_EQ(report.checks.size(), 3U);
  EXPECT_EQ(report.first_failure(), nullptr);
  const Check& success = Get(report, "success");
  EXPECT_EQ(success.stage, 5);
  EXPECT_DOUBLE_EQ(Figure(success, "success"), 0.95);
  EXPECT_NEAR(Figure(success, "success_low"), 0.7639, 1e-4);  // Wilson, 19 of 20
  EXPECT_NEAR(Figure(success, "success_high"), 0.9911, 1e-4);
  EXPECT_DOUBLE_EQ(Figure(Get(report, "needs its image"), "gray_image_loss"), 0.95);
  EXPECT_DOUBLE_EQ(Figure(Get(report, "follows the instruction"), "changed_sides"), 0.9);
  EXPECT_EQ(report.evidence.limits.size(), 3U);
}

TEST(ClosedLoopCheckTest, WhoNeverArrivesFails) {
  ClosedLoopRuns runs = GoodRuns();
  runs.normal = Runs(0, 20);
  const Report report = JudgedRuns(runs);
  EXPECT_FALSE(Get(report, "success").passed);
  EXPECT_FALSE(Get(report, "needs its image").passed) << "there is nothing to lose";
}

TEST(ClosedLoopCheckTest, TwentyPointsAreEnoughAndNineteenAreNot) {
  ClosedLoopRuns runs = GoodRuns();
  runs.frozen = Runs(15, 20);  // four of twenty less
  EXPECT_TRUE(Get(JudgedRuns(runs), "needs its image").passed);
  runs.frozen = Runs(16, 20);
  const Report report = JudgedRuns(runs);
  const Check& eyes = Get(report, "needs its image");
  EXPECT_FALSE(eyes.passed);
  EXPECT_THAT(eyes.detail,
              AllOf(HasSubstr("does not need its image"), HasSubstr("frozen_image 80.0 % (58.4 to 91.9) TOO MUCH"),
                    HasSubstr("gray_image 0.0 % (0.0 to 16.1),")));
}

TEST(ClosedLoopCheckTest, TheBlindFails) {
  ClosedLoopRuns runs = GoodRuns();
  runs.blank = runs.normal;
  runs.frozen = runs.normal;
  EXPECT_FALSE(Get(JudgedRuns(runs), "needs its image").passed);
}

TEST(ClosedLoopCheckTest, WhoAlwaysPassesLeftDoesNotListenThoughHalfTheSeedsAreRight) {
  ClosedLoopRuns runs = GoodRuns();
  for (Outcomes* outcomes : {&runs.normal, &runs.swapped}) {
    for (Outcome& o : *outcomes) o.first_passed = sim::Side::kLeft;
  }
  const Report report = JudgedRuns(runs);
  const Check& obedience = Get(report, "follows the instruction");
  EXPECT_FALSE(obedience.passed);
  EXPECT_DOUBLE_EQ(Figure(obedience, "swapped_told_side"), 0.5);
  EXPECT_DOUBLE_EQ(Figure(obedience, "changed_sides"), 0);
  EXPECT_THAT(obedience.detail, HasSubstr("does not do what it is told"));
}

TEST(ClosedLoopCheckTest, HalfObeyingIsEnoughAndLessIsNot) {
  ClosedLoopRuns runs = GoodRuns();
  runs.swapped = Runs(5, 10, true);
  EXPECT_TRUE(Get(JudgedRuns(runs), "follows the instruction").passed);
  runs.swapped = Runs(5, 9, true);
  EXPECT_FALSE(Get(JudgedRuns(runs), "follows the instruction").passed);
}

TEST(ClosedLoopCheckTest, AReferenceThatIsShownToBeBetterFailsThePolicy) {
  ClosedLoopRuns runs = GoodRuns();
  runs.normal = Runs(14, 20);
  runs.reference = Runs(19, 20);  // 5 to 0: p = 1/16
  EXPECT_TRUE(Get(JudgedRuns(runs), "reference success").passed);
  runs.reference = Runs(20, 20);  // 6 to 0: p = 1/32
  const Report worse = JudgedRuns(runs);
  EXPECT_FALSE(Get(worse, "reference success").passed);
  EXPECT_DOUBLE_EQ(Figure(Get(worse, "reference success"), "p"), 1.0 / 32);
  EXPECT_EQ(worse.evidence.limits.size(), 4U);
  runs.normal = Runs(20, 20);
  runs.reference = Runs(10, 20);
  const Report better = JudgedRuns(runs);
  EXPECT_TRUE(Get(better, "reference success").passed);
  EXPECT_THAT(Get(better, "reference success").detail, HasSubstr("better than the reference"));
}

TEST(ClosedLoopCheckTest, RunsOfOtherSeedsAreNotPaired) {
  ClosedLoopRuns runs = GoodRuns();
  runs.swapped[3].seed = 7;
  Report report;
  const Status status = JudgeClosedLoop(runs, {}, report);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_TRUE(report.checks.empty());
}

TEST(ClosedLoopCheckTest, WithoutASimulatorItSaysWhatToInstall) {
  const auto why = sim::World::Unavailable();
  const Status status = CheckSimulator();
  ASSERT_EQ(status.ok(), !why.has_value());
  if (status.ok()) return;
  EXPECT_EQ(status.error().code, ErrorCode::kBackend);
  EXPECT_EQ(status.error().advice, *why);
}

TEST(ClosedLoopCheckTest, DrivesEveryConditionOnTheSameSeeds) {
  if (const auto why = sim::World::Unavailable()) GTEST_SKIP() << *why;
  const evaluate::ActionSpace base = evaluate::BaseSpace(sim::kMaxSpeed);
  const evaluate::FakeFactory stands(
      [](const std::vector<int>&, const std::string&) {
        return std::vector<float>{0, 0};
      },
      base);
  evaluate::RolloutOptions options;
  options.first_seed = 5'000'000;
  options.episodes = 2;
  options.world.width = 32;
  options.world.height = 18;
  const JudgedPolicy policy{stands, base, ""};
  Report report;
  const Status status = CheckClosedLoop(policy, &policy, options, {}, SilentLog(), report);
  ASSERT_TRUE(status.ok()) << status.error().ToString();
  ASSERT_EQ(report.checks.size(), 4U);
  EXPECT_FALSE(Get(report, "success").passed);
  EXPECT_FALSE(Get(report, "needs its image").passed);
  EXPECT_FALSE(Get(report, "follows the instruction").passed);
  EXPECT_TRUE(Get(report, "reference success").passed) << "the same policy";
  EXPECT_THAT(report.evidence.closed_loop_ablations,
              ElementsAre("none", "gray_image", "frozen_image", "swapped_instruction"));
  ASSERT_TRUE(report.evidence.simulation.has_value());
  EXPECT_EQ(report.evidence.simulation->first, 5'000'000U);
  EXPECT_EQ(report.evidence.simulation->world.width, 32);
}

TEST(ClosedLoopCheckTest, WhoCannotBeToldCannotBeDriven) {
  if (const auto why = sim::World::Unavailable()) GTEST_SKIP() << *why;
  const evaluate::FakeFactory policies(kPerfect, kTestSpace);
  Report report;
  const Status status =
      CheckClosedLoop({policies, kTestSpace, "its prompt is baked in"}, nullptr, {}, {}, SilentLog(), report);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_THAT(status.error().what, HasSubstr("baked in"));
}

}  // namespace
}  // namespace vlaq::verify

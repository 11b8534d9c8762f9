#include "robot/safety.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace vlaq::robot {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
constexpr Time kMs = kMillisecond;

TEST(SafetyTest, Safe01StandingStillIsZeroVelocityOrTheSamePosition) {
  EXPECT_EQ(StandingStill({.kind = AxisKind::kVelocity}, 0.7), 0);
  EXPECT_EQ(StandingStill({.kind = AxisKind::kPosition}, 0.7), 0.7);
}

TEST(SafetyTest, Safe02AnActionIsFreshUpToTheTimeout) {
  const SafetySettings safety{.command_timeout_ms = 300};
  EXPECT_TRUE(ActionIsFresh(safety, 1300 * kMs, 1000 * kMs));
  EXPECT_FALSE(ActionIsFresh(safety, 1300 * kMs + 1, 1000 * kMs));
  EXPECT_TRUE(ActionIsFresh(safety, 0, 50 * kMs));  // one that is due yet
  EXPECT_FALSE(ActionIsFresh(safety, 0, kNever));
}

TEST(SafetyTest, Safe03AnObservationIsFreshUpToItsAgeAndToleratedForTheTimeout) {
  const SafetySettings safety{.command_timeout_ms = 300, .max_observation_age_ms = 500};
  EXPECT_TRUE(ObservationIsFresh(safety, 500 * kMs, 0));
  EXPECT_FALSE(ObservationIsFresh(safety, 500 * kMs + 1, 0));
  EXPECT_TRUE(ObservationIsTolerable(safety, 800 * kMs, 0));
  EXPECT_FALSE(ObservationIsTolerable(safety, 800 * kMs + 1, 0));
  EXPECT_FALSE(ObservationIsTolerable(safety, 0, kNever));
}

TEST(SafetyTest, Safe04EveryValueMustBeFinite) {
  std::array<double, 3> values{1, -2, std::numeric_limits<double>::max()};
  EXPECT_TRUE(AllFinite(std::span<const double>(values)));
  for (const double bad : {kNoNumber, kInf, -kInf}) {
    for (size_t i = 0; i < values.size(); ++i) {
      std::array<double, 3> spoiled = values;
      spoiled[i] = bad;
      EXPECT_FALSE(AllFinite(std::span<const double>(spoiled)));
    }
  }
  const std::array<float, 2> floats{1, std::numeric_limits<float>::infinity()};
  EXPECT_FALSE(AllFinite(std::span<const float>(floats)));
  EXPECT_TRUE(AllFinite(std::span<const float>(floats).first(1)));
}

TEST(SafetyTest, Safe05ClampsThenLimitsTheRate) {
  const Axis axis{.min = -0.5, .max = 0.5, .max_rate = 10};  // 0.2 in 20 ms
  const auto limited = [&axis](double wanted, double before) {
    ReasonSet noted;
    const double value = Limited(axis, wanted, before, 20 * kMs, noted);
    return std::pair(value, noted);
  };
  using Limit = std::pair<double, ReasonSet>;
  EXPECT_EQ(limited(0.5, 0.5), Limit(0.5, {}));
  EXPECT_EQ(limited(0.500001, 0.5), Limit(0.5, Reason::kClamped));
  EXPECT_EQ(limited(-9, -0.5), Limit(-0.5, Reason::kClamped));
  EXPECT_EQ(limited(0.2, 0), Limit(0.2, {}));
  EXPECT_EQ(limited(0.3, 0), Limit(0.2, Reason::kRateLimited));
  EXPECT_EQ(limited(9, 0), Limit(0.2, Reason::kClamped | Reason::kRateLimited));
  EXPECT_EQ(limited(-0.5, 0.5).first, 0.3);
  // Without limits everything passes.
  ReasonSet noted;
  EXPECT_EQ(Limited(Axis{}, 1e9, 0, kMs, noted), 1e9);
  EXPECT_TRUE(noted.empty());
}

TEST(SafetyTest, Safe06InferenceHangsAfterItsTimeoutOnly) {
  EXPECT_FALSE(InferenceHangs(700 * kMs, 0, 700 * kMs));
  EXPECT_TRUE(InferenceHangs(700 * kMs + 1, 0, 700 * kMs));
  EXPECT_FALSE(InferenceHangs(int64_t{1} << 40, kNever, 1));
  EXPECT_FALSE(InferenceHung(700 * kMs, 700 * kMs));
  EXPECT_TRUE(InferenceHung(700 * kMs + 1, 700 * kMs));
  const TimingSettings timing{.inference_period_ms = 400};
  EXPECT_FALSE(MissedDeadline(timing, 400 * kMs));
  EXPECT_TRUE(MissedDeadline(timing, 400 * kMs + 1));
}

TEST(SafetyTest, Safe07TooNearStopsAndSoDoesSilence) {
  const SafetySettings safety{.range_required = true, .range_stop_m = 0.2, .range_timeout_ms = 200};
  EXPECT_EQ(RangeStops(safety, 0, 0.2, 0), Reason::kRangeStop);
  EXPECT_TRUE(RangeStops(safety, 0, 0.2000001, 0).empty());
  EXPECT_TRUE(RangeStops(safety, 0, kInf, 0).empty());
  EXPECT_EQ(RangeStops(safety, 0, -1, 0), Reason::kRangeStop);
  EXPECT_TRUE(RangeStops(safety, 200 * kMs, 1, 0).empty());
  EXPECT_EQ(RangeStops(safety, 200 * kMs + 1, 1, 0), Reason::kRangeMissing);
  EXPECT_EQ(RangeStops(safety, 0, kNoNumber, 0), Reason::kRangeMissing);
  EXPECT_EQ(RangeStops(safety, 0, 0, kNever), Reason::kRangeMissing);
  EXPECT_EQ(RangeStops(safety, 300 * kMs, 0.1, 0), Reason::kRangeStop | Reason::kRangeMissing);
  // One that nobody requires, and that never spoke, is not missed; once it spoke, it is.
  const SafetySettings optional{.range_required = false};
  EXPECT_TRUE(RangeStops(optional, 0, 0, kNever).empty());
  EXPECT_EQ(RangeStops(optional, 10'000 * kMs, 1, 0), Reason::kRangeMissing);
}

TEST(SafetyTest, Safe09WhoIsRequiredMustBeThere) {
  SafetySettings safety;
  EXPECT_TRUE(PeersMissing(safety, false, false, false).empty());
  EXPECT_EQ(PeersMissing(safety, true, true, true), Reason::kInferenceGone);
  safety.peer_required = safety.operator_required = true;
  EXPECT_TRUE(PeersMissing(safety, true, true, false).empty());
  EXPECT_EQ(PeersMissing(safety, false, true, false), Reason::kPeerGone);
  EXPECT_EQ(PeersMissing(safety, true, false, false), Reason::kOperatorGone);
}

TEST(SafetyTest, Safe10ArmsOnlyWhatIsReady) {
  EXPECT_TRUE(MayArm(true, true, {}));
  EXPECT_FALSE(MayArm(false, true, {}));
  EXPECT_FALSE(MayArm(true, false, {}));
  EXPECT_FALSE(MayArm(true, true, Reason::kOldObservation));
}

TEST(SafetyTest, Safe12ShadowsAreOtherTopics) {
  EXPECT_EQ(AsShadow("/cmd_vel"), "/vlaq/shadow/cmd_vel");
  EXPECT_EQ(AsShadow("cmd_vel"), "/vlaq/shadow/cmd_vel");
}

TEST(ReasonsTest, AreNamedAndSurviveTheirBits) {
  const ReasonSet reasons = Reason::kRangeStop | ReasonSet(Reason::kLateTick);
  EXPECT_EQ(reasons.ToString(), "range_stop, late_tick");
  EXPECT_EQ(ReasonSet::FromBits(reasons.bits()), reasons);
  EXPECT_EQ(ReasonSet().ToString(), "");
  for (size_t i = 0; i < kReasons; ++i) EXPECT_FALSE(Name(static_cast<Reason>(i)).empty());
}

}  // namespace
}  // namespace vlaq::robot

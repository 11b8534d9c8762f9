#include "data/timing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace vlaq::data {
namespace {

using ::testing::AllOf;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Floats = std::vector<double>;
using Integers = std::vector<int64_t>;

std::string RefusalOf(const StoredTimes& stored) {
  const auto times = SecondsOf(stored);
  if (times.ok()) return "accepted";
  EXPECT_EQ(times.error().code, ErrorCode::kInput);
  return times.error().ToString();
}

Timing TimingOf(const StoredTimes& stored, const std::optional<StatedRate>& stated = {}) {
  auto times = SecondsOf(stored);
  if (!times.ok()) return MakeTiming(times.error(), "dataset 'timestamp'", stated);
  return MakeTiming(std::optional(std::move(*times)), "dataset 'timestamp'", stated);
}

constexpr StatedRate kFifty{.hz = 50, .place = "attribute 'fps'"};

TEST(SecondsOfTimes, AreSinceTheFirstStepInTheUnitThatIsSaid) {
  const auto read = [](const StoredTimes& stored) { return SecondsOf(stored)->seconds; };
  EXPECT_THAT(read({Floats{7, 7.5, 9}, ""}), ElementsAre(0, 0.5, 2));
  EXPECT_THAT(read({Floats{7, 7.5, 9}, "ms"}), ElementsAre(0, DoubleEq(0.0005), DoubleEq(0.002)));
  EXPECT_THAT(read({Integers{7, 8}, "seconds"}), ElementsAre(0, 1));
  EXPECT_THAT(read({Integers{-1000000, 1000000}, "us"}), ElementsAre(0, 2));
  EXPECT_EQ(SecondsOf({Floats{1}, ""})->unit, "s");
  EXPECT_EQ(SecondsOf({Integers{1}, ""})->unit, "ns");
  EXPECT_EQ(SecondsOf({Integers{1}, "milliseconds"})->unit, "ms");
  EXPECT_THAT(RefusalOf({Floats{1}, "ticks"}), AllOf(HasSubstr("'ticks', no known unit"), HasSubstr("s, ms, us, ns")));
}

// As doubles these would be 256 ns apart, or not at all.
TEST(SecondsOfTimes, IntegersLoseNoDigits) {
  constexpr int64_t kNow = 1'760'000'000'000'000'000;
  EXPECT_THAT(SecondsOf({Integers{kNow, kNow + 1, kNow + 20'000'001}, ""})->seconds,
              ElementsAre(0, DoubleEq(1e-9), DoubleEq(0.020000001)));
  constexpr auto kLowest = std::numeric_limits<int64_t>::min();
  constexpr auto kHighest = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(SecondsOf({Integers{kLowest, kHighest}, "s"})->seconds, ElementsAre(0, DoubleEq(18446744073709551615.0)));
}

TEST(SecondsOfTimes, NameTheStepThatIsWrong) {
  EXPECT_THAT(RefusalOf({Floats{0, 0.4, 0.4}, ""}),
              AllOf(HasSubstr("step 2 is 0.4 s after the first, not after step 1 (0.4 s)"), HasSubstr("correct"),
                    Not(HasSubstr("float32"))));
  EXPECT_THAT(RefusalOf({Integers{5, 4}, "s"}), HasSubstr("step 1 is -1 s after the first, not after step 0 (0 s)"));
  EXPECT_THAT(RefusalOf({Integers{std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}, "s"}),
              HasSubstr("step 1 is -1.84467441e+19 s"));
  EXPECT_THAT(RefusalOf({Floats{0, std::nan(""), 2}, ""}), HasSubstr("step 1 holds nan"));
  EXPECT_THAT(RefusalOf({Floats{std::nan(""), 1, 2}, ""}), HasSubstr("step 0 holds nan"));
  EXPECT_THAT(RefusalOf({Floats{0, std::numeric_limits<double>::infinity()}, ""}), HasSubstr("step 1 holds inf"));
  EXPECT_THAT(RefusalOf({Floats{-1.7e308, 1.7e308}, ""}), HasSubstr("step 1 holds 1.7e+308"))
      << "their difference is inf";
  StoredTimes coarse{Floats{1.76e9, 1.76e9}, ""};
  coarse.is_float32 = true;
  EXPECT_THAT(RefusalOf(coarse), HasSubstr("float32 has too few digits for times of day"));
}

TEST(TimingTest, ComesFromTimeStampsElseFromTheRateElseFromNothing) {
  const Timing recorded = TimingOf({Floats{5, 5.02, 5.04}, ""}, kFifty);
  EXPECT_EQ(recorded.source, TimeSource::kTimeStamps);
  EXPECT_FALSE(recorded.wrong) << recorded.wrong->ToString();
  EXPECT_NEAR(*recorded.SecondsAt(2), 0.04, 1e-12);
  EXPECT_EQ(recorded.RateHz(), 50);

  const Timing derived = MakeTiming(std::optional<RecordedTimes>(), "", kFifty);
  EXPECT_EQ(derived.source, TimeSource::kStatedRate);
  EXPECT_NEAR(*derived.SecondsAt(2), 0.04, 1e-12);
  EXPECT_EQ(derived.RateHz(), 50);
  EXPECT_FALSE(IntervalsOf(derived));

  const Timing nothing = MakeTiming(std::optional<RecordedTimes>(), "", {});
  EXPECT_EQ(nothing.source, TimeSource::kUnknown);
  EXPECT_FALSE(nothing.SecondsAt(0));
  EXPECT_FALSE(nothing.RateHz());
  EXPECT_EQ(Name(nothing.source), "nothing");
}

TEST(TimingTest, TheMedianIntervalIsTheRateIfNoneIsStated) {
  const Timing timing = TimingOf({Floats{0, 0.02, 0.04, 1}, ""});
  EXPECT_NEAR(*timing.RateHz(), 50, 1e-9);
  EXPECT_FALSE(TimingOf({Floats{3}, ""}).RateHz()) << "one step has no interval";
  EXPECT_EQ(TimingOf({Floats{3}, ""}).SecondsAt(0), 0);
}

TEST(TimingTest, TimeStampsThatAreWrongLeaveTheRate) {
  const Timing timing = TimingOf({Floats{0, 0.02, 0.01}, ""}, kFifty);
  EXPECT_EQ(timing.source, TimeSource::kStatedRate);
  ASSERT_TRUE(timing.wrong);
  EXPECT_THAT(timing.wrong->ToString(), HasSubstr("step 2"));
  EXPECT_NEAR(*timing.SecondsAt(2), 0.04, 1e-12);
  EXPECT_EQ(TimingOf({Floats{0, 0.02, 0.01}, ""}).source, TimeSource::kUnknown);
}

TEST(TimingTest, TheStatedRateIsHeldAgainstTheMedianInterval) {
  const auto complaint = [](const StoredTimes& stored, const std::optional<StatedRate>& stated) {
    const Timing timing = TimingOf(stored, stated);
    EXPECT_EQ(timing.source, TimeSource::kTimeStamps) << "far from the rate, but sound";
    return timing.wrong ? timing.wrong->ToString() : "sound";
  };
  EXPECT_EQ(complaint({Floats{0, 0.0215, 0.043}, ""}, kFifty), "sound");
  EXPECT_THAT(complaint({Floats{0, 0.0225, 0.045}, ""}, kFifty),
              AllOf(HasSubstr("dataset 'timestamp': steps are 0.0225 s apart (median, read in s)"),
                    HasSubstr("attribute 'fps' says 50 a second"), HasSubstr("correct whichever is wrong")));
  EXPECT_EQ(complaint({Floats{0, 0.0225, 0.045}, ""}, StatedRate{50, "attribute 'fps'", 0.2}), "sound");
  EXPECT_THAT(complaint({Floats{0, 2e7, 4e7}, ""}, kFifty), HasSubstr("they look like ns: say so"));
  EXPECT_THAT(complaint({Floats{0, 20, 40}, ""}, kFifty), HasSubstr("they look like ms"));
  EXPECT_THAT(complaint({Integers{0, 20000, 40000}, ""}, kFifty), AllOf(HasSubstr("read in ns"), HasSubstr("like us")));
}

TEST(TimingTest, WithoutAStatedRateThereIsOneThatNoRobotHas) {
  for (const StoredTimes& stored : {StoredTimes{Floats{0, 2e7, 4e7}, ""}, StoredTimes{Integers{0, 20, 40}, ""}}) {
    const Timing timing = TimingOf(stored);
    ASSERT_TRUE(timing.wrong);
    EXPECT_THAT(timing.wrong->ToString(), AllOf(HasSubstr("as no robot's are"), HasSubstr("s, ms, us or ns")));
    EXPECT_FALSE(timing.RateHz());
  }
}

TEST(IntervalsTest, MedianJitterAndGaps) {
  Floats seconds{0};
  for (int t = 1; t <= 100; ++t) seconds.push_back(seconds.back() + (t == 30 || t == 60 ? 0.5 : t == 40 ? 1.0 : 0.25));
  const auto intervals = IntervalsOf(TimingOf({seconds, ""}));
  ASSERT_TRUE(intervals);
  EXPECT_EQ(intervals->median, 0.25);
  EXPECT_EQ(intervals->p99, 0.5);
  EXPECT_EQ(intervals->longest, 1);
  EXPECT_EQ(intervals->longest_step, 40);
  EXPECT_EQ(intervals->gaps, 3);
}

}  // namespace
}  // namespace vlaq::data

#include "bench/harness/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/harness/testing.h"

namespace vlaq::harness {
namespace {

using ::testing::ElementsAre;
using testing::FakeSubject;
using testing::FakeTime;
using testing::Noisy;

constexpr int64_t kMs = 1'000'000;

Settings Quick() {
  Settings settings;
  settings.frames = 8;
  settings.warm_up_ns = 20 * kMs;
  settings.least_ns = 100 * kMs;
  settings.percentiles = {0.5};
  return settings;
}

FakeSubject::Duration Always(int64_t ns) {
  return [ns](int) { return ns; };
}

TEST(RunInTurns, AllAreAskedTheSameInTurns) {
  FakeTime time;
  FakeSubject a("a", time, Always(5 * kMs)), b("b", time, Always(10 * kMs));
  const auto ran = RunInTurns({&a, &b}, Quick(), time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  const Samples& x = ran->subjects[0].samples;
  const Samples& y = ran->subjects[1].samples;
  EXPECT_EQ(x.size(), y.size());
  EXPECT_EQ(x.input, y.input);
  EXPECT_EQ(x.round, y.round);
  EXPECT_GE(x.round.back(), 11);
  EXPECT_EQ(std::ranges::count(x.round, 0), 5) << "a block of 50 ms by the slower one";
  // Which of the two comes first differs from round to round.
  bool a_first = false, b_first = false;
  for (size_t i = 0; i < x.size(); ++i) (x.start_ns[i] < y.start_ns[i] ? a_first : b_first) = true;
  EXPECT_TRUE(a_first && b_first);
  EXPECT_EQ(ran->subjects[0].memory.peak_bytes, 20U);
  EXPECT_EQ(ran->readings.size(), static_cast<size_t>(x.round.back()) + 3) << "before, after each round, at the end";
}

TEST(RunInTurns, FurtherOutputsAreComparedByName) {
  class Telling : public FakeSubject {
   public:
    using FakeSubject::FakeSubject;
    Result<Block> Run(std::span<const int> inputs, bool keep) override {
      VLAQ_ASSIGN_OR_RETURN(Block block, FakeSubject::Run(inputs, keep));
      for (size_t i = 0; keep && i < inputs.size(); ++i) {
        for (const auto& [name, value] : tells) block.outputs[name].push_back({value, 1});
      }
      return block;
    }
    std::map<std::string, float> tells;
  };
  FakeTime time;
  Telling a("a", time, Always(5 * kMs)), b("b", time, Always(5 * kMs));
  a.tells = {{"value", 2}, {"mine", 3}};
  b.tells = {{"value", 2.5F}, {"other", 4}};
  const auto ran = RunInTurns({&a, &b}, Quick(), time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  EXPECT_EQ(ran->subjects[1].outputs->others, (std::map<std::string, double>{{"value", 0.5}}));
  EXPECT_EQ(ran->subjects[1].outputs->largest, 0);
}

TEST(RunInTurns, LongAnswersAreAskedForInSmallBlocks) {
  class Talking : public FakeSubject {
   public:
    using FakeSubject::FakeSubject;
    Result<Block> Run(std::span<const int> inputs, bool keep) override {
      most = std::max(most, inputs.size());
      VLAQ_ASSIGN_OR_RETURN(Block block, FakeSubject::Run(inputs, keep));
      for (auto& action : block.actions) action.resize(10'000);
      return block;
    }
    size_t most = 0;
  };
  FakeTime time;
  Talking a("a", time, Always(kMs / 10));
  ASSERT_TRUE(RunInTurns({&a}, Quick(), time.world(), SilentLog()).ok());
  EXPECT_EQ(a.most, 4U);
}

// Who keeps features would else do less, or with warmer caches, than who comes first.
TEST(RunInTurns, NobodyIsAskedMoreOrLessBeforeTheClockCounts) {
  for (const Protocol protocol : {Protocol::kPublished, Protocol::kServing, Protocol::kControl}) {
    FakeTime time;
    Settings settings = Quick();
    settings.protocol = protocol;
    settings.period_ns = 20 * kMs;
    settings.duration_ns = 600 * kMs;
    FakeSubject a("a", time, Always(5 * kMs)), b("b", time, Always(5 * kMs)), c("c", time, Always(5 * kMs));
    const auto ran = RunInTurns({&a, &b, &c}, settings, time.world(), SilentLog());
    ASSERT_TRUE(ran.ok());
    EXPECT_EQ(a.asked, b.asked) << ProtocolName(protocol);
    EXPECT_EQ(a.asked, c.asked) << ProtocolName(protocol);
    const size_t untimed = a.asked.size() - ran->subjects[0].samples.size();
    for (int frame = 0; frame < settings.frames; ++frame) {
      EXPECT_TRUE(std::find(a.asked.begin(), a.asked.begin() + static_cast<std::ptrdiff_t>(untimed), frame) !=
                  a.asked.begin() + static_cast<std::ptrdiff_t>(untimed))
          << "frame " << frame << " is new when it is timed";
    }
  }
}

TEST(RunInTurns, EnergyAndLoadAreReadWhenTheClockCounts) {
  FakeTime time;
  FakeSubject a("a", time, Always(5 * kMs));
  const auto ran = RunInTurns({&a}, Quick(), time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  const int64_t first_sample = ran->subjects[0].samples.start_ns[0];
  EXPECT_LE(ran->readings.front().at_ns, first_sample);
  EXPECT_GE(ran->readings.front().at_ns, first_sample - Quick().settle_ns) << "warming up belongs to no run";
}

TEST(RunInTurns, GoesOnUntilThePercentilesCanBeClaimed) {
  FakeTime time;
  Settings settings = Quick();
  settings.percentiles = {0.9, 0.99};
  FakeSubject a("a", time, Always(kMs));
  const auto ran = RunInTurns({&a}, settings, time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  EXPECT_GE(ran->subjects[0].samples.size(), 662U);
  const Summary summary = Summarize(ran->subjects[0].samples, settings);
  EXPECT_TRUE(summary.percentiles[1].safe_ns.has_value());
}

TEST(RunInTurns, StopsAtTheBudgetAndSaysWhatThatCost) {
  FakeTime time;
  Settings settings = Quick();
  settings.percentiles = {0.99};
  settings.budget_ns = 2'000 * kMs;
  FakeSubject a("a", time, Always(200 * kMs));
  const auto ran = RunInTurns({&a}, settings, time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  EXPECT_LE(ran->subjects[0].samples.size(), 11U);
  const Summary summary = Summarize(ran->subjects[0].samples, settings);
  EXPECT_EQ(summary.percentiles[0].safe_ns, std::nullopt);
  EXPECT_EQ(summary.percentiles[0].reason, "needs 662 runs");
}

TEST(RunInTurns, GoesOnWhileWindowsDiffer) {
  FakeTime time;
  Settings settings = Quick();
  settings.budget_ns = 60'000 * kMs;
  // Every twelve rounds of ten steps twice as fast as before, until step 700.
  FakeSubject a("a", time, [](int step) { return step < 700 ? (5 + 5 * (step / 80 % 2)) * kMs : 5 * kMs; });
  const auto ran = RunInTurns({&a}, settings, time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  EXPECT_GT(ran->subjects[0].samples.size(), 200U);
}

TEST(RunInTurns, WarmsUpUntilItGetsNoFaster) {
  FakeTime time;
  FakeSubject cold("cold", time, [](int step) { return static_cast<int64_t>((10 + 40 * std::pow(0.9, step)) * kMs); });
  FakeSubject warm("warm", time, Always(10 * kMs));
  const auto ran = RunInTurns({&cold, &warm}, Quick(), time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  EXPECT_GT(ran->subjects[0].warm_up_runs, 40);
  EXPECT_EQ(ran->subjects[1].warm_up_runs, 10);
  EXPECT_EQ(ran->subjects[0].first_run_ns, 50 * kMs);
}

TEST(RunInTurns, PublishedIsFiveAndTwenty) {
  FakeTime time;
  Settings settings = Quick();
  settings.protocol = Protocol::kPublished;
  FakeSubject a("a", time, Always(kMs)), b("b", time, Always(kMs));
  const auto ran = RunInTurns({&a, &b}, settings, time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  EXPECT_EQ(ran->subjects[0].warm_up_runs, 5);
  EXPECT_EQ(ran->subjects[0].samples.size(), 20U);
  EXPECT_EQ(ran->subjects[1].samples.size(), 20U);
}

TEST(RunInTurns, ComparesActionsWithTheFirst) {
  FakeTime time;
  FakeSubject a("a", time, Always(kMs)), b("b", time, Always(kMs)), c("c", time, Always(kMs));
  b.offset = 0.25F;
  c.offset = std::nanf("");
  const auto ran = RunInTurns({&a, &b, &c}, Quick(), time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  EXPECT_EQ(ran->subjects[0].outputs->largest, 0);
  EXPECT_EQ(ran->subjects[1].outputs->against, "a");
  EXPECT_FLOAT_EQ(static_cast<float>(ran->subjects[1].outputs->largest), 0.25F);
  EXPECT_NEAR(ran->subjects[1].outputs->rms, 0.25 / std::sqrt(2), 1e-6) << "one of two values is off";
  EXPECT_TRUE(std::isnan(ran->subjects[2].outputs->largest)) << "no number is never equal";
}

TEST(RunInTurns, AConstantFollowsNoFrame) {
  FakeTime time;
  FakeSubject a("a", time, Always(kMs)), shifted("shifted", time, Always(kMs)), constant("constant", time, Always(kMs));
  shifted.offset = 0.05F;
  constant.gain = 0;
  constant.offset = 2;
  const auto ran = RunInTurns({&a, &shifted, &constant}, Quick(), time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  const double spread = ran->subjects[0].outputs->spread;
  EXPECT_NEAR(spread, std::sqrt((64 - 1) / 12.0 / 2), 0.05) << "frames 0 to 7, and one of two values stays";
  EXPECT_NEAR(ran->subjects[1].outputs->residual, 0, 1e-6) << "a shift is the same for all frames";
  EXPECT_NEAR(ran->subjects[2].outputs->residual, spread, 1e-9) << "whatever the constant is";
  EXPECT_GT(ran->subjects[2].outputs->rms, spread);
}

TEST(RunInTurns, AFailureEndsItByName) {
  FakeTime time;
  FakeSubject a("a", time, Always(kMs)), b("b", time, Always(kMs));
  b.fails_at = 30;
  const auto ran = RunInTurns({&a, &b}, Quick(), time.world(), SilentLog());
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().where, "b");
}

TEST(RunInTurns, ClaimsThatCannotBeAreCounted) {
  FakeTime time;
  FakeSubject a("a", time, Always(kMs));
  a.claims = 3;
  const auto ran = RunInTurns({&a}, Quick(), time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  EXPECT_GT(ran->subjects[0].impossible_claims, 0);
}

Settings EveryFrame(int64_t period_ms, int64_t duration_ms) {
  Settings settings = Quick();
  settings.protocol = Protocol::kControl;
  settings.period_ns = period_ms * kMs;
  settings.duration_ns = duration_ms * kMs;
  return settings;
}

TEST(Control, AFrameEveryPeriodAndMissedOnesAreGone) {
  FakeTime time;
  const Settings settings = EveryFrame(400, 4'000);
  FakeSubject quick("quick", time, Always(100 * kMs)), slow("slow", time, Always(900 * kMs));
  const auto ran = RunInTurns({&quick, &slow}, settings, time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  const Summary a = Summarize(ran->subjects[0].samples, settings), b = Summarize(ran->subjects[1].samples, settings);
  EXPECT_EQ(a.n, 10U);
  EXPECT_EQ(a.deadlines->missed, 0);
  EXPECT_EQ(a.deadlines->dropped, 0);
  EXPECT_EQ(a.deadlines->of, 10);
  EXPECT_EQ(a.median_ns, 100 * kMs);
  EXPECT_DOUBLE_EQ(a.throughput_per_s, 2.5) << "no more than frames come";
  const Samples& samples = ran->subjects[1].samples;
  EXPECT_THAT(samples.frame, ElementsAre(0, 2, 4, 6, 9)) << "the newest that is there when the last step is done";
  EXPECT_THAT(samples.late_ns, ElementsAre(0, 100 * kMs, 200 * kMs, 300 * kMs, 0)) << "at once, not at the next frame";
  EXPECT_THAT(samples.wall_ns, ElementsAre(900 * kMs, 1'000 * kMs, 1'100 * kMs, 1'200 * kMs, 900 * kMs));
  EXPECT_EQ(b.n, 5U);
  EXPECT_EQ(b.deadlines->of, 10) << "frames that came, not steps";
  EXPECT_EQ(b.deadlines->missed, 10) << "not one had its action in time";
  EXPECT_EQ(b.deadlines->dropped, 5);
  EXPECT_EQ(b.deadlines->latest_ns, 1'200 * kMs);
  EXPECT_DOUBLE_EQ(b.throughput_per_s, 5 / 4.5) << "what it did in the time that it took";
}

TEST(Control, OneLongStepCostsTheFramesThatCameMeanwhile) {
  FakeTime time;
  const Settings settings = EveryFrame(100, 2'000);
  // The fifth step of the second turn takes two and a half periods.
  int timed = -1;
  FakeSubject a("a", time, [&timed](int step) { return step == timed ? 250 * kMs : 40 * kMs; });
  timed = 1 + settings.warm_up_runs + settings.frames + 14;
  const auto ran = RunInTurns({&a}, settings, time.world(), SilentLog());
  ASSERT_TRUE(ran.ok());
  const Summary summary = Summarize(ran->subjects[0].samples, settings);
  EXPECT_EQ(summary.deadlines->of, 20);
  EXPECT_EQ(summary.deadlines->dropped, 1) << "frame 15; frame 16 is taken 50 ms after it came, and is in time";
  EXPECT_EQ(summary.deadlines->missed, 2);
  EXPECT_EQ(summary.deadlines->latest_ns, 250 * kMs);
  EXPECT_EQ(summary.n, 19U);
}

TEST(MeasureHarness, TellsCallsFromMessages) {
  FakeTime time;
  FakeSubject null("null", time, Always(40));
  const auto harness = MeasureHarness(null, 9);
  ASSERT_TRUE(harness.ok());
  EXPECT_EQ(harness->call_ns, 40);
  EXPECT_EQ(harness->message_ns, 0);
}

}  // namespace
}  // namespace vlaq::harness

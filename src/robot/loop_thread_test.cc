// The loop in real time, with what can go wrong in its threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "robot/histogram.h"
#include "robot/loop.h"
#include "robot/mailbox.h"
#include "robot/malloc_watch_testing.h"
#include "robot/testing.h"

namespace vlaq::robot {
namespace {

struct Live {
  FakeRobot robot;
  FakeInference inference;
  KeepingJournal journal;
  Settings settings = TestSettings();
  LoopOptions options{.arm = true, .duration = 300 * kMillisecond};
  std::atomic<bool> stop = false;

  Live() { robot.real = true; }
  Result<LoopSummary> Do() {
    auto loop = Loop::Make(settings, TestAction(), inference, robot, &journal);
    EXPECT_TRUE(loop.ok()) << loop.error().ToString();
    return (*loop)->RunInRealTime(options, stop);
  }
  // When the first command that stands still came after `since`.
  Time StoppedAfter(Time since) const {
    for (size_t i = 0; i < robot.sent(); ++i) {
      if (robot.command(i).at >= since && robot.command(i).x == 0) return robot.command(i).at;
    }
    return std::numeric_limits<Time>::max();
  }
  bool Moved() const {
    for (size_t i = 0; i < robot.sent(); ++i) {
      if (robot.command(i).x != 0) return true;
    }
    return false;
  }
};

TEST(LoopThreadTest, DrivesAndEndsStandingStill) {
  Live live;
  const auto summary = live.Do();
  ASSERT_TRUE(summary.ok()) << summary.error().ToString();
  EXPECT_TRUE(live.Moved());
  EXPECT_EQ(live.robot.last().x, 0);
  EXPECT_TRUE(live.robot.was_finished);
  EXPECT_EQ(summary->ticks, live.robot.sent());
  EXPECT_EQ(summary->ticks, live.journal.ticks.size() + summary->unrecorded_ticks);
  EXPECT_EQ(summary->jitter->count() + 1, summary->ticks);
}

TEST(LoopThreadTest, ARequestToStopEndsItStandingStill) {
  Live live;
  live.options.duration = 20 * kSecond;
  std::thread stopper([&live] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    live.stop = true;
  });
  ASSERT_TRUE(live.Do().ok());
  stopper.join();
  EXPECT_TRUE(live.Moved());
  EXPECT_EQ(live.robot.last().x, 0);
}

TEST(LoopThreadTest, AnErrorOfTheWireEndsItStandingStill) {
  class Broken : public FakeRobot {
   public:
    Status Receive(Time until, Intake& intake) override {
      if (++calls_ > 50) return Error{ErrorCode::kBackend, "the wire broke", "", ""};
      return FakeRobot::Receive(until, intake);
    }

   private:
    int calls_ = 0;
  };
  Broken robot;
  robot.real = true;
  FakeInference inference;
  const std::atomic<bool> stop = false;
  auto loop = Loop::Make(TestSettings(), TestAction(), inference, robot, nullptr);
  const auto summary = (*loop)->RunInRealTime({.arm = true}, stop);
  ASSERT_FALSE(summary.ok());
  EXPECT_THAT(summary.error().ToString(), ::testing::HasSubstr("the wire broke"));
  EXPECT_EQ(robot.last().x, 0);
}

// Whatever inference does, the tick goes on and stops the robot.
TEST(LoopThreadTest, AnInferenceThatHangsStopsTheRobotAndNotTheTick) {
  Live live;
  std::atomic<Time> hung_at = 0;
  live.options.duration = 600 * kMillisecond;
  live.inference.step = [&](int64_t number) -> Result<Tensor> {
    if (number < 3) return FakeInference::Actions(0.5F);
    hung_at = MonotonicNow();
    while (!live.inference.aborted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Error{ErrorCode::kBackend, "aborted", "", ""};
  };
  const auto summary = live.Do();
  ASSERT_TRUE(summary.ok());
  EXPECT_TRUE(live.Moved());
  EXPECT_LT(live.StoppedAfter(hung_at), std::numeric_limits<Time>::max());
  EXPECT_EQ(summary->state, State::kHold);
  EXPECT_TRUE(summary->reasons.Has(Reason::kInferenceHangs) || summary->reasons.Has(Reason::kNoFreshAction));
}

TEST(LoopThreadTest, AnInferenceThatIsGoneStops) {
  Live live;
  live.inference.step = [&](int64_t number) -> Result<Tensor> {
    if (number < 3) return FakeInference::Actions(0.5F);
    live.inference.is_gone = true;
    return Error{ErrorCode::kBackend, "gone", "", ""};
  };
  const auto summary = live.Do();
  EXPECT_EQ(summary->state, State::kHold);
  EXPECT_TRUE(summary->reasons.Has(Reason::kInferenceGone));
}

TEST(LoopThreadTest, AnInferenceThatWorksIsNotAborted) {
  Live live;
  ASSERT_TRUE(live.Do().ok());
  EXPECT_FALSE(live.inference.aborted);
}

TEST(LoopThreadTest, TheOperatorStopsWhileInferenceHangs) {
  Live live;
  live.settings.timing.action_period_ms = 10'000;
  live.inference.step = [&](int64_t number) -> Result<Tensor> {
    if (number == 0) return FakeInference::Actions(0.5F);
    while (!live.inference.aborted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return FakeInference::Actions(0.5F);
  };
  std::atomic<bool> told = false;
  live.robot.also = [&](Time, Intake& intake) {
    if (live.robot.sent() > 10 && !told.exchange(true)) intake.TakeOrder(Event::kStop);
  };
  const auto summary = live.Do();
  EXPECT_EQ(summary->state, State::kEstop);
  EXPECT_EQ(live.robot.last().x, 0);
}

// SAFE-11: between its first commands and its last the tick's thread asks for no memory.
TEST(LoopThreadTest, TheTickAsksForNoMemory) {
  if (!kMallocIsWatched) GTEST_SKIP() << "the sanitizers have their own allocator";
  Live live;
  uint64_t calls = 0, early = 0, late = 0;
  live.robot.on_send = [&] {
    if (++calls == 3) early = MallocsOfThisThread();
    late = MallocsOfThisThread();
  };
  // The watch works at all.
  const uint64_t before = MallocsOfThisThread();
  delete new std::vector<int>(100);
  EXPECT_GE(MallocsOfThisThread(), before + 2);
  ASSERT_TRUE(live.Do().ok());
  EXPECT_GT(calls, 10U);
  EXPECT_TRUE(live.Moved());
  EXPECT_EQ(late, early);
}

TEST(LoopThreadTest, ASlowJournalLosesTicksAndSaysSo) {
  class Slow : public KeepingJournal {
   public:
    void Tick(const TickInput& input, const TickOutput& output) override {
      std::this_thread::sleep_for(std::chrono::microseconds(400));
      KeepingJournal::Tick(input, output);
    }
  };
  Live live;
  Slow journal;
  live.settings.timing.control_period_ms = 1;
  live.options.duration = 500 * kMillisecond;
  auto loop = Loop::Make(live.settings, TestAction(), live.inference, live.robot, &journal);
  const auto summary = (*loop)->RunInRealTime(live.options, live.stop);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(journal.ticks.size() + summary->unrecorded_ticks, summary->ticks);
}

TEST(LoopThreadTest, APriorityThatThereIsNotIsAnError) {
  Live live;
  live.options.real_time.priority = 100;
  const auto summary = live.Do();
  ASSERT_FALSE(summary.ok());
  EXPECT_THAT(summary.error().ToString(), ::testing::HasSubstr("100"));
  EXPECT_EQ(live.robot.last().x, 0);
}

TEST(LoopThreadTest, WhatTheTickDependsOnIsBelowItAndInferenceIsAsAnyThread) {
  if (!RaisedPriority::Raise(40).ok()) GTEST_SKIP() << "SCHED_FIFO is refused";
  const auto priority = [] {
    int policy = 0;
    sched_param parameters{};
    pthread_getschedparam(pthread_self(), &policy, &parameters);
    return policy == SCHED_FIFO ? parameters.sched_priority : 0;
  };
  std::atomic<int> tick = -1, intake = -1, inference = -1;
  Live live;
  live.options.real_time.priority = 40;
  live.options.duration = 300 * kMillisecond;
  live.robot.on_send = [&] { tick = priority(); };
  live.robot.also = [&](Time, Intake&) { intake = priority(); };
  live.inference.step = [&](int64_t) {
    inference = priority();
    return FakeInference::Actions(0.5F);
  };
  const auto summary = live.Do();
  ASSERT_TRUE(summary.ok()) << summary.error().ToString();
  EXPECT_EQ(tick, 40);
  EXPECT_EQ(intake, 39);
  EXPECT_EQ(inference, 0);
  EXPECT_EQ(priority(), 0);
}

TEST(MailboxTest, TheNewestWins) {
  Latest<int> latest;
  EXPECT_FALSE(latest.Take());
  for (const int value : {1, 2, 3}) {
    latest.back() = value;
    latest.Publish();
  }
  EXPECT_TRUE(latest.Take());
  EXPECT_EQ(latest.front(), 3);
  EXPECT_FALSE(latest.Take());
  EXPECT_EQ(latest.front(), 3);
}

TEST(MailboxTest, ValuesAreWholeWhileBothSidesWork) {
  struct Pair {
    std::array<uint64_t, 64> values{};
  };
  Latest<Pair> latest;
  constexpr uint64_t kLast = 20'000;
  std::thread writer([&latest] {
    for (uint64_t i = 1; i <= kLast; ++i) {
      latest.back().values.fill(i);
      latest.Publish();
    }
  });
  uint64_t seen = 0;
  while (seen < kLast) {
    if (!latest.Take()) continue;
    const auto& values = latest.front().values;
    for (const uint64_t value : values) ASSERT_EQ(value, values[0]);
    ASSERT_GT(values[0], seen);
    seen = values[0];
  }
  writer.join();
}

TEST(MailboxTest, ARingKeepsOrderAndRefusesWhenFull) {
  Ring<int> ring(2);
  EXPECT_EQ(ring.Front(), nullptr);
  EXPECT_TRUE(ring.Push(1));
  EXPECT_TRUE(ring.Push(2));
  EXPECT_FALSE(ring.Push(3));
  EXPECT_EQ(*ring.Front(), 1);
  ring.Pop();
  EXPECT_TRUE(ring.Push(4));
  EXPECT_EQ(*ring.Front(), 2);
  ring.Pop();
  EXPECT_EQ(*ring.Front(), 4);
  ring.Pop();
  EXPECT_EQ(ring.Front(), nullptr);
}

TEST(HistogramTest, QuantilesAreWithinTheirClass) {
  Histogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  for (Time i = 1; i <= 10'000; ++i) histogram.Add(i * 1000);
  EXPECT_EQ(histogram.count(), 10'000U);
  EXPECT_EQ(histogram.max(), 10'000'000);
  for (const double part : {0.01, 0.5, 0.9, 0.99}) {
    const double exact = part * 10'000'000;
    EXPECT_NEAR(static_cast<double>(histogram.Quantile(part)), exact, exact * 0.035) << part;
    EXPECT_GE(static_cast<double>(histogram.Quantile(part)), exact) << part;
  }
  EXPECT_EQ(histogram.Quantile(1), histogram.max());
  histogram.Add(-5);
  histogram.Add(std::numeric_limits<Time>::max());
  EXPECT_EQ(histogram.Quantile(0), 0);
  EXPECT_EQ(histogram.Quantile(1), histogram.max());
}

}  // namespace
}  // namespace vlaq::robot

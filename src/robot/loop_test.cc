// The loop in simulated time, where everything happens in an order that a test can say.
#include "robot/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "robot/testing.h"

namespace vlaq::robot {
namespace {

using ::testing::HasSubstr;

struct SimulatedRun {
  FakeRobot robot;
  FakeInference inference;
  KeepingJournal journal;
  Settings settings = TestSettings();
  LoopOptions options{.arm = true, .duration = kSecond};

  LoopSummary Do() {
    auto loop = Loop::Make(settings, TestAction(), inference, robot, &journal);
    EXPECT_TRUE(loop.ok()) << loop.error().ToString();
    auto summary = (*loop)->RunInSimulatedTime(options);
    EXPECT_TRUE(summary.ok()) << summary.error().ToString();
    return *summary;
  }
};

TEST(LoopTest, DrivesAtOnceAndEndsStandingStill) {
  SimulatedRun run;
  const LoopSummary summary = run.Do();
  EXPECT_EQ(summary.ticks, 101U);  // the last one stands still
  EXPECT_EQ(run.robot.sent(), 101U);
  EXPECT_EQ(run.robot.command(0).x, 0.5);
  EXPECT_EQ(run.robot.command(99).x, 0.5);
  EXPECT_EQ(run.robot.last().x, 0);
  EXPECT_TRUE(run.robot.was_finished);
  EXPECT_EQ(summary.inferences, 26U);  // one of them to warm up
  EXPECT_TRUE(summary.reasons.Has(Reason::kShutdown));
  EXPECT_EQ(run.inference.resets, 2);
}

TEST(LoopTest, IsTheSameEveryTime) {
  SimulatedRun first, second;
  for (SimulatedRun* run : {&first, &second}) {
    run->inference.step = [](int64_t number) { return FakeInference::Actions(static_cast<float>(number) * 0.01F); };
    run->options.simulated_latency = 15 * kMillisecond;
    run->Do();
  }
  ASSERT_EQ(first.robot.sent(), second.robot.sent());
  for (size_t i = 0; i < first.robot.sent(); ++i) EXPECT_EQ(first.robot.command(i).x, second.robot.command(i).x);
}

TEST(LoopTest, AnInferenceThatTakesTimeIsPlayedWhenItIsThere) {
  SimulatedRun run;
  run.options.simulated_latency = 15 * kMillisecond;
  run.Do();
  EXPECT_EQ(run.robot.command(1).x, 0);
  EXPECT_EQ(run.robot.command(2).x, 0.5);
}

TEST(LoopTest, StepsThatFillTheWindowAreNotPlayed) {
  SimulatedRun run;
  run.settings.timing.warmup_steps = 3;
  run.settings.timing.fill_period_ms = 20;
  run.robot.camera_period = 10 * kMillisecond;
  run.inference.step = [](int64_t number) { return FakeInference::Actions(static_cast<float>(number)); };
  run.Do();
  // Steps 0, 1 and 2 come at 0, 20 and 40 ms, and step 3, the first that is played, at 60.
  EXPECT_EQ(run.robot.command(5).x, 0);
  EXPECT_EQ(run.robot.command(6).x, 3);
  EXPECT_EQ(run.robot.command(9).x, 3);
  EXPECT_EQ(run.robot.command(10).x, 4);
}

TEST(LoopTest, AFrameIsSeenOnce) {
  SimulatedRun run;
  run.robot.camera_period = 100 * kMillisecond;
  run.settings.timing.on_empty = OnEmpty::kHold;
  run.Do();
  EXPECT_EQ(run.inference.steps, 11);
}

TEST(LoopTest, AnErrorOfInferenceStopsAndIsTold) {
  SimulatedRun run;
  run.inference.step = [](int64_t number) -> Result<Tensor> {
    if (number == 5) return Error{ErrorCode::kBackend, "the graph broke", "", ""};
    return FakeInference::Actions(0.5F);
  };
  const LoopSummary summary = run.Do();
  EXPECT_EQ(summary.state, State::kHold);
  EXPECT_EQ(summary.failed_inferences, 1U);
  EXPECT_THAT(summary.last_error, HasSubstr("the graph broke"));
  EXPECT_EQ(run.robot.command(19).x, 0.5);
  EXPECT_EQ(run.robot.command(20).x, 0);  // in the tick in which it failed
}

TEST(LoopTest, AnActionThatIsNoNumberStops) {
  SimulatedRun run;
  run.inference.step = [](int64_t number) {
    return FakeInference::Actions(number == 5 ? std::numeric_limits<float>::quiet_NaN() : 0.5F);
  };
  EXPECT_TRUE(run.Do().reasons.Has(Reason::kNotFinite));
  EXPECT_EQ(run.robot.command(20).x, 0);
}

TEST(LoopTest, ActionsOfAnotherShapeAreAnError) {
  SimulatedRun run;
  run.inference.step = [](int64_t number) {
    const std::array<float, 2> two{};
    return number == 5 ? Tensor::From<float>({1, 2}, two) : FakeInference::Actions(0.5F);
  };
  EXPECT_THAT(run.Do().last_error, HasSubstr("[1, 2]"));
}

TEST(LoopTest, AWarmUpThatFailsIsAnErrorAndNothingMoves) {
  SimulatedRun run;
  run.inference.step = [](int64_t) -> Result<Tensor> { return Error{ErrorCode::kBackend, "no library", "", ""}; };
  auto loop = Loop::Make(run.settings, TestAction(), run.inference, run.robot, nullptr);
  const auto summary = (*loop)->RunInSimulatedTime(run.options);
  ASSERT_FALSE(summary.ok());
  EXPECT_THAT(summary.error().ToString(), HasSubstr("no library"));
  EXPECT_EQ(run.robot.sent(), 0U);
}

TEST(LoopTest, AnotherTaskBeginsAnEpisode) {
  SimulatedRun run;
  run.options.task = "go left";
  run.robot.also = [](Time now, Intake& intake) {
    if (now >= 500 * kMillisecond) intake.TakeTask("go right");
  };
  run.inference.step = [](int64_t number) { return FakeInference::Actions(static_cast<float>(number)); };
  run.Do();
  EXPECT_EQ(run.inference.task, "go right");
  EXPECT_EQ(run.inference.resets, 3);
  EXPECT_EQ(run.robot.command(51).x, 12);
  EXPECT_EQ(run.robot.command(52).x, 0);  // the first step with it
}

TEST(LoopTest, ATaskThatIsThereFromTheStartBeginsOneEpisodeOnly) {
  SimulatedRun run;
  run.robot.also = [](Time, Intake& intake) { intake.TakeTask("go right"); };
  run.inference.step = [](int64_t number) { return FakeInference::Actions(static_cast<float>(number)); };
  run.Do();
  EXPECT_EQ(run.inference.resets, 2);
  EXPECT_EQ(run.robot.command(0).x, 0);
  EXPECT_EQ(run.robot.command(4).x, 1);
}

TEST(LoopTest, AfterAGapTheWindowBeginsAnew) {
  SimulatedRun run;
  run.robot.also = [&run](Time now, Intake& intake) {
    run.robot.camera_works = now < 200 * kMillisecond || now > 600 * kMillisecond;
    if (now == 700 * kMillisecond) intake.TakeOrder(Event::kResume);
  };
  const LoopSummary summary = run.Do();
  EXPECT_EQ(run.inference.resets, 3);
  EXPECT_EQ(run.robot.command(69).x, 0);
  EXPECT_EQ(run.robot.command(80).x, 0.5);
  EXPECT_TRUE(summary.reasons.Has(Reason::kNoFreshAction));
}

TEST(LoopTest, ArmsByItselfOnce) {
  SimulatedRun run;
  run.robot.also = [](Time now, Intake& intake) {
    if (now == 300 * kMillisecond) intake.TakeOrder(Event::kDisarm);
  };
  EXPECT_EQ(run.Do().state, State::kDisarmed);
  EXPECT_EQ(run.robot.command(29).x, 0.5);
  EXPECT_EQ(run.robot.command(30).x, 0);
}

TEST(LoopTest, ExhaustComputesWhenTheChunkIsUsedUp) {
  SimulatedRun run;
  run.settings.timing.chunk_rule = ChunkRule::kExhaust;
  run.settings.timing.on_empty = OnEmpty::kHold;
  run.settings.timing.inference_period_ms = 10;
  run.robot.camera_period = 10 * kMillisecond;
  run.Do();
  // Chunks last 100 ms. One is wanted in the tick after the last action's time.
  EXPECT_EQ(run.inference.steps, 1 + 10);
}

TEST(LoopTest, TheJournalHasEveryTickAndChunk) {
  SimulatedRun run;
  run.Do();
  EXPECT_EQ(run.journal.ticks.size(), run.robot.sent());
  EXPECT_EQ(run.journal.chunks.size(), 25U);
  for (size_t i = 0; i < run.journal.ticks.size(); ++i) {
    EXPECT_EQ(run.journal.ticks[i].output.command.values[0], run.robot.command(i).x);
  }
}

// The commands are a function of what the journal holds.
TEST(LoopTest, AControllerGivesTheSameCommandsAgainFromTheJournal) {
  SimulatedRun run;
  run.settings.axes[0].max_rate = 3;
  run.settings.timing.chunk_rule = ChunkRule::kMerge;
  run.settings.timing.on_empty = OnEmpty::kRamp;
  run.settings.timing.inference_period_ms = 20;
  run.options.simulated_latency = 15 * kMillisecond;
  run.inference.step = [](int64_t number) { return FakeInference::Actions(static_cast<float>(number % 7) * 0.3F); };
  run.Do();
  Controller again(run.settings, 5);
  for (const Ticked& kept : run.journal.ticks) {
    const Chunk* chunk = nullptr;
    for (const Chunk& candidate : run.journal.chunks) {
      if (candidate.id == kept.input.chunk) chunk = &candidate;
    }
    const TickOutput output = again.Tick(kept.input, chunk);
    EXPECT_EQ(output.command.values, kept.output.command.values);
    EXPECT_EQ(output.state, kept.output.state);
    EXPECT_EQ(output.reasons, kept.output.reasons);
  }
}

TEST(LoopTest, SettingsThatDoNotFitAreRefused) {
  SimulatedRun run;
  run.settings.axes[0].from = "y";
  auto loop = Loop::Make(run.settings, TestAction(), run.inference, run.robot, nullptr);
  ASSERT_FALSE(loop.ok());
  EXPECT_THAT(loop.error().ToString(), AllOf(HasSubstr("'y'"), HasSubstr("it has x")));
  run.settings = TestSettings();
  run.settings.timing.inference_period_ms = 90;
  EXPECT_FALSE(Loop::Make(run.settings, TestAction(), run.inference, run.robot, nullptr).ok());
}

TEST(LoopTest, EndsWhenTheRobotIsFinished) {
  SimulatedRun run;
  run.robot.ends_at = 200 * kMillisecond;
  EXPECT_EQ(run.Do().ticks, 21U);
  EXPECT_EQ(run.robot.last().x, 0);
}

}  // namespace
}  // namespace vlaq::robot

#include "robot/controller.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <optional>

namespace vlaq::robot {
namespace {

constexpr Time kStep = 20 * kMillisecond;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Settings DriveSettings() {
  Settings settings;
  settings.timing = {.inference_period_ms = 100, .action_period_ms = 20, .expected_latency_ms = 20};
  settings.safety = {.command_timeout_ms = 100, .max_observation_age_ms = 200};
  settings.axes = {{.from = "x", .to = "linear.x"}};
  settings.sensors = {{.feature = "observation.images.front"}};
  return settings;
}

// A controller and a world in which nothing is wrong unless a test says so; a tick of it every 20 ms.
class Drive {
 public:
  explicit Drive(Settings settings = DriveSettings(), size_t steps = 5) : controller_(std::move(settings), steps) {
    input_.inference.completed = 1;
  }

  // One more tick, with fresh observations unless `camera_works` is off.
  TickOutput Tick(const Chunk* chunk = nullptr) {
    input_.now = input_.nominal = now_;
    if (camera_works) input_.world.usable_at.fill(now_);
    change(input_);
    if (chunk != nullptr) input_.chunk = chunk->id;
    const TickOutput output = controller_.Tick(input_, chunk);
    input_.world.orders = {};
    input_.world.noted = {};
    now_ += kStep;
    return output;
  }
  TickOutput Order(Event event) {
    input_.world.orders.Add(event);
    return Tick();
  }
  // A chunk that was observed now, all of `value`.
  TickOutput Push(double value, size_t steps = 5) {
    const Chunk chunk{.id = next_++, .observed = now_, .steps = steps, .values = std::vector<double>(steps, value)};
    return Tick(&chunk);
  }
  // Armed, and running with five actions of `value`, the first of them sent.
  TickOutput Run(double value = 0.5) {
    Order(Event::kArm);
    return Push(value);
  }

  Time now() const { return now_; }
  bool camera_works = true;
  std::function<void(TickInput&)> change = [](TickInput&) {};

 private:
  Controller controller_;
  TickInput input_;
  Time now_ = 1000 * kSecond;
  int64_t next_ = 0;
};

double X(const TickOutput& output) { return output.command.values[0]; }

TEST(ControllerTest, DrivesFromArmedOnTheFirstActionOnly) {
  Drive drive;
  EXPECT_EQ(drive.Tick().state, State::kDisarmed);
  EXPECT_EQ(X(drive.Push(0.5)), 0);  // nobody has armed it
  EXPECT_EQ(drive.Order(Event::kArm).state, State::kArmed);
  EXPECT_EQ(X(drive.Tick()), 0);  // what came before it was armed does not count
  const TickOutput moving = drive.Push(0.5);
  EXPECT_EQ(moving.state, State::kRun);
  EXPECT_EQ(X(moving), 0.5);
  EXPECT_EQ(moving.action.chunk, 1);
  EXPECT_EQ(moving.action.index, 0);
}

TEST(ControllerTest, AChunkThatWasObservedBeforeArmingDoesNotMove) {
  Drive drive;
  drive.Order(Event::kArm);
  const Chunk old{.id = 9, .observed = drive.now() - 2 * kStep, .steps = 1, .values = {0.5}};
  EXPECT_EQ(drive.Tick(&old).state, State::kArmed);
}

TEST(ControllerTest, Safe02StopsWhenTheTimeoutIsOverAndStaysSo) {
  Settings settings = DriveSettings();
  settings.timing.on_empty = OnEmpty::kHold;
  Drive drive(settings);
  drive.Run();
  for (int i = 1; i < 5; ++i) EXPECT_EQ(X(drive.Tick()), 0.5) << i;
  // The last action was due until 100 ms; held for 100 ms more, that instant included.
  for (int i = 5; i <= 10; ++i) {
    const TickOutput held = drive.Tick();
    EXPECT_EQ(X(held), 0.5) << i;
    EXPECT_TRUE(held.reasons.Has(Reason::kOutOfActions));
  }
  const TickOutput stopped = drive.Tick();
  EXPECT_EQ(X(stopped), 0);
  EXPECT_EQ(stopped.state, State::kHold);
  EXPECT_TRUE(stopped.reasons.Has(Reason::kNoFreshAction));
  EXPECT_EQ(drive.Push(0.5).state, State::kHold);  // SAFE-09: it does not start again by itself
  EXPECT_EQ(drive.Order(Event::kResume).state, State::kArmed);
  EXPECT_EQ(X(drive.Push(0.25)), 0.25);
}

TEST(ControllerTest, OnEmptyDecidesWhatIsSentWithoutAnAction) {
  const auto sixth = [](OnEmpty on_empty, int ticks) {
    Settings settings = DriveSettings();
    settings.timing.on_empty = on_empty;
    settings.timing.ramp_ms = 80;
    Drive drive(settings);
    drive.Run(0.8);
    TickOutput output;
    for (int i = 0; i < 4 + ticks; ++i) output = drive.Tick();
    EXPECT_EQ(output.state, State::kRun);
    return X(output);
  };
  EXPECT_EQ(sixth(OnEmpty::kHold, 2), 0.8);
  EXPECT_EQ(sixth(OnEmpty::kStop, 1), 0);
  EXPECT_DOUBLE_EQ(sixth(OnEmpty::kRamp, 2), 0.6);  // 20 of 80 ms are over
  EXPECT_DOUBLE_EQ(sixth(OnEmpty::kRamp, 5), 0);
}

TEST(ControllerTest, Safe03AnOldObservationStopsAfterItsAgeAndTheTimeout) {
  Settings settings = DriveSettings();
  settings.timing.action_period_ms = 1000;
  Drive drive(settings);
  drive.Run();
  drive.camera_works = false;
  for (int i = 1; i <= 15; ++i) EXPECT_EQ(X(drive.Tick()), 0.5) << i;  // 200 + 100 ms
  const TickOutput stopped = drive.Tick();
  EXPECT_EQ(stopped.state, State::kHold);
  EXPECT_TRUE(stopped.reasons.Has(Reason::kOldObservation));
  EXPECT_EQ(X(stopped), 0);
  EXPECT_TRUE(drive.Order(Event::kResume).reasons.Has(Reason::kNotReady));
  drive.camera_works = true;
  EXPECT_EQ(drive.Order(Event::kResume).state, State::kArmed);
}

TEST(ControllerTest, Safe04OneBadValueDropsTheChunkAndStops) {
  Drive drive;
  drive.Run();
  const Chunk bad{.id = 5, .observed = drive.now(), .steps = 2, .values = {0.5, kNan}};
  const TickOutput stopped = drive.Tick(&bad);
  EXPECT_EQ(stopped.state, State::kHold);
  EXPECT_TRUE(stopped.reasons.Has(Reason::kNotFinite));
  EXPECT_EQ(X(stopped), 0);
  // What lies beyond its steps does not belong to it.
  Drive other;
  other.Run();
  const Chunk good{.id = 5, .observed = other.now(), .steps = 1, .values = {0.25, kNan}};
  EXPECT_EQ(X(other.Tick(&good)), 0.25);
}

TEST(ControllerTest, Safe04WhatIsObservedMustBeFiniteToo) {
  Drive drive;
  drive.Run();
  drive.change = [](TickInput& input) { input.world.noted = Reason::kNotFinite; };
  EXPECT_EQ(drive.Tick().state, State::kHold);
}

TEST(ControllerTest, Safe05LimitsAreKeptFromTheCommandBefore) {
  Settings settings = DriveSettings();
  settings.axes[0] = {.from = "x", .to = "linear.x", .min = -1, .max = 1, .max_rate = 10};
  Drive drive(settings);
  EXPECT_DOUBLE_EQ(X(drive.Run(5)), 0.2);
  EXPECT_DOUBLE_EQ(X(drive.Tick()), 0.4);
  EXPECT_DOUBLE_EQ(X(drive.Push(0.3)), 0.3);
  // A stop is no motion: it is not slowed down.
  EXPECT_EQ(X(drive.Order(Event::kStop)), 0);
}

TEST(ControllerTest, Safe06ALongInferenceStops) {
  Settings settings = DriveSettings();
  settings.timing.action_period_ms = 1000;
  settings.safety.inference_timeout_ms = 60;
  Drive drive(settings);
  drive.Run();
  const Time began = drive.now();
  drive.change = [began](TickInput& input) { input.inference.running_since = began; };
  for (int i = 0; i <= 3; ++i) EXPECT_EQ(drive.Tick().state, State::kRun) << i;
  const TickOutput stopped = drive.Tick();
  EXPECT_EQ(stopped.state, State::kHold);
  EXPECT_TRUE(stopped.reasons.Has(Reason::kInferenceHangs));
}

TEST(ControllerTest, Safe06WhatComesOfALongInferenceIsNotPlayedThoughNoTickSawItRun) {
  Settings settings = DriveSettings();
  settings.safety.inference_timeout_ms = 60;
  for (const Time over : {Time{0}, Time{1}}) {
    Drive drive(settings);
    drive.Run();
    const Chunk chunk{
        .id = 7, .observed = drive.now(), .took = 60 * kMillisecond + over, .steps = 2, .values = {0.25, 0.25}};
    const TickOutput output = drive.Tick(&chunk);
    EXPECT_EQ(output.state, over > 0 ? State::kHold : State::kRun);
    EXPECT_EQ(output.reasons.Has(Reason::kInferenceHangs), over > 0);
    EXPECT_EQ(X(output), over > 0 ? 0 : 0.25);
  }
}

TEST(ControllerTest, AnInferenceThatFailsStopsAtOnce) {
  Drive drive;
  drive.Run();
  drive.change = [](TickInput& input) { input.inference.failed = 1; };
  EXPECT_EQ(drive.Tick().state, State::kHold);
  // One failure is one: it does not keep the robot from being started again.
  EXPECT_EQ(drive.Order(Event::kResume).state, State::kArmed);
}

TEST(ControllerTest, Safe07ANearObstacleStopsWhateverThePolicySays) {
  Settings settings = DriveSettings();
  settings.safety.range_required = true;
  Drive drive(settings);
  double meters = 0.21;
  bool silent = false;
  drive.change = [&](TickInput& input) {
    input.world.range_m = meters;
    if (!silent) input.world.range_at = input.now;
  };
  EXPECT_EQ(X(drive.Run()), 0.5);
  meters = 0.2;
  const TickOutput stopped = drive.Push(0.5);
  EXPECT_EQ(X(stopped), 0);
  EXPECT_EQ(stopped.state, State::kHold);
  meters = 1;
  EXPECT_EQ(drive.Order(Event::kResume).state, State::kArmed);
  EXPECT_EQ(drive.Push(0.5).state, State::kRun);
  // A reading between two ticks counts, too.
  const auto as_before = drive.change;
  drive.change = [&](TickInput& input) {
    as_before(input);
    input.world.noted = Reason::kRangeStop;
  };
  EXPECT_EQ(drive.Push(0.5).state, State::kHold);
  drive.change = as_before;
  EXPECT_EQ(drive.Order(Event::kResume).state, State::kArmed);
  EXPECT_EQ(drive.Push(0.5).state, State::kRun);
  silent = true;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(drive.Push(0.5).state, State::kRun) << i;
  EXPECT_TRUE(drive.Push(0.5).reasons.Has(Reason::kRangeMissing));
}

TEST(ControllerTest, Safe08TheOperatorStopsInTheSameTickAndItStays) {
  Drive drive;
  drive.Run();
  const TickOutput stopped = drive.Order(Event::kStop);
  EXPECT_EQ(stopped.state, State::kEstop);
  EXPECT_EQ(X(stopped), 0);
  EXPECT_TRUE(stopped.reasons.Has(Reason::kOperatorStop));
  for (const Event order : {Event::kArm, Event::kResume, Event::kDisarm}) {
    EXPECT_EQ(drive.Order(order).state, State::kEstop) << Name(order);
  }
  EXPECT_EQ(drive.Push(0.5).state, State::kEstop);
  EXPECT_EQ(drive.Order(Event::kReset).state, State::kHold);
  EXPECT_EQ(drive.Push(0.5).state, State::kHold);
  EXPECT_EQ(drive.Order(Event::kResume).state, State::kArmed);
}

TEST(ControllerTest, Safe08AStopCountsAboveOtherOrdersOfTheTick) {
  Drive drive;
  drive.change = [](TickInput& input) {
    for (const Event order : {Event::kArm, Event::kStop, Event::kReset, Event::kResume}) input.world.orders.Add(order);
  };
  EXPECT_EQ(drive.Tick().state, State::kEstop);
}

TEST(ControllerTest, Safe09LossOfAPeerStopsAndItsReturnStartsNothing) {
  Settings settings = DriveSettings();
  settings.safety.peer_required = settings.safety.operator_required = true;
  Drive drive(settings);
  bool taken = true, there = true, gone = false;
  drive.change = [&](TickInput& input) {
    input.world.commands_taken = taken;
    input.world.operator_there = there;
    input.inference.gone = gone;
  };
  const auto fails = [&](bool& what, bool bad, Reason reason) {
    drive.Order(Event::kResume);
    EXPECT_EQ(drive.Push(0.5).state, State::kRun);
    what = bad;
    const TickOutput stopped = drive.Push(0.5);
    EXPECT_EQ(stopped.state, State::kHold);
    EXPECT_EQ(X(stopped), 0);
    EXPECT_TRUE(stopped.reasons.Has(reason));
    what = !bad;
    EXPECT_EQ(drive.Push(0.5).state, State::kHold);
  };
  drive.Order(Event::kArm);
  fails(taken, false, Reason::kPeerGone);
  fails(there, false, Reason::kOperatorGone);
  fails(gone, true, Reason::kInferenceGone);
}

TEST(ControllerTest, Safe10IsNotArmedBeforeItIsReady) {
  Drive drive;
  drive.change = [](TickInput& input) { input.inference.completed = 0; };
  const TickOutput cold = drive.Order(Event::kArm);
  EXPECT_EQ(cold.state, State::kDisarmed);
  EXPECT_TRUE(cold.reasons.Has(Reason::kNotReady));
  EXPECT_FALSE(cold.ready);
  drive.change = [](TickInput&) {};
  drive.change = [](TickInput& input) { input.inference.completed = 1; };
  EXPECT_TRUE(drive.Tick().ready);
  EXPECT_EQ(drive.Order(Event::kArm).state, State::kArmed);
}

TEST(ControllerTest, APositionStandsStillWhereItIs) {
  Settings settings = DriveSettings();
  settings.axes[0] = {.from = "x", .to = "joint", .kind = AxisKind::kPosition, .max_rate = 10};
  Drive drive(settings);
  const TickOutput lost = drive.Order(Event::kArm);
  EXPECT_TRUE(lost.command.silent);  // nobody knows where it is: any command would move it
  EXPECT_EQ(lost.state, State::kDisarmed);
  drive.change = [](TickInput& input) {
    input.world.measured[0] = 1.5;
    input.world.measured_axes = 1;
  };
  EXPECT_EQ(X(drive.Tick()), 1.5);
  EXPECT_EQ(X(drive.Order(Event::kArm)), 1.5);
  EXPECT_DOUBLE_EQ(X(drive.Push(3)), 1.7);  // from where it was
  EXPECT_DOUBLE_EQ(X(drive.Order(Event::kStop)), 1.7);
  drive.change = [](TickInput& input) { input.world.measured[0] = 1.6; };
  EXPECT_DOUBLE_EQ(X(drive.Tick()), 1.7);  // it does not follow what it sags to
}

TEST(ControllerTest, Safe01TheLastTickStandsStill) {
  Drive drive;
  drive.Run();
  drive.change = [](TickInput& input) { input.shutdown = true; };
  const TickOutput last = drive.Push(0.5);
  EXPECT_EQ(X(last), 0);
  EXPECT_TRUE(last.reasons.Has(Reason::kShutdown));
}

TEST(ControllerTest, ATickThatComesLateIsNoted) {
  Drive drive;
  drive.Run();
  drive.change = [](TickInput& input) { input.nominal = input.now - kStep / 2; };
  EXPECT_FALSE(drive.Tick().reasons.Has(Reason::kLateTick));
  drive.change = [](TickInput& input) { input.nominal = input.now - kStep / 2 - 1; };
  EXPECT_TRUE(drive.Tick().reasons.Has(Reason::kLateTick));
}

}  // namespace
}  // namespace vlaq::robot

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/json.h"
#include "image/decode.h"
#include "robot/loop.h"
#include "robot/monitor/robot_monitor.h"
#include "robot/testing.h"

namespace vlaq::robot::monitor {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RobotMonitorTest : public ::testing::Test {
 protected:
  // In simulated time; `each` is called once a period, on the loop's thread.
  void Run(Time duration, std::function<void(Time now)> each, bool arm = true) {
    robot_.also = [&](Time now, Intake&) { each(now); };
    auto loop = Loop::Make(TestSettings(), TestAction(5), inference_, robot_, &monitor_);
    ASSERT_TRUE(loop.ok()) << loop.error().ToString();
    LoopOptions options{.arm = arm, .duration = duration, .simulated_latency = 20 * kMillisecond, .task = "go"};
    options.orders = &orders_;
    const auto summary = (*loop)->RunInSimulatedTime(options);
    ASSERT_TRUE(summary.ok()) << summary.error().ToString();
  }
  Json Status() const { return Json::parse(monitor_.StatusJson()); }

  OrderBox orders_;
  FakeRobot robot_;
  FakeInference inference_;
  RobotMonitor monitor_{TestSettings(), {"policy", "fake"}, orders_};
};

TEST_F(RobotMonitorTest, SaysWhatTheLoopDoes) {
  EXPECT_EQ(Status()["state"], "DISARMED");
  EXPECT_FALSE(monitor_.CameraPng().ok());
  Json running;
  Run(kSecond, [&](Time now) {
    if (now == 900 * kMillisecond) running = Status();
  });
  EXPECT_THAT(running["state"].get<std::string>(), StartsWith("RUN"));
  EXPECT_FALSE(running["stopped"].get<bool>());
  EXPECT_EQ(running["action"], Json::array({0.5}));
  EXPECT_EQ(running["axes"][0]["name"], "linear.x");
  EXPECT_EQ(running["task"], "go");
  EXPECT_EQ(running["camera"], "observation.images.front");
  EXPECT_EQ(running["counts"]["ticks"], 90);
  EXPECT_EQ(running["latency_ms"], 20);
  EXPECT_THAT(Status()["state"].get<std::string>(), HasSubstr("shutdown"));
  EXPECT_EQ(Json::parse(monitor_.HealthJson())["state"], "HOLD");
  EXPECT_THAT(monitor_.MetricsText(), HasSubstr("\nvlaq_running 0\n"));
  const auto png = monitor_.CameraPng();
  ASSERT_TRUE(png.ok());
  EXPECT_THAT(*png, StartsWith("\x89PNG"));
}

TEST_F(RobotMonitorTest, StopsInTheNextTickAndGoesOnWhenTold) {
  Run(kSecond, [&](Time now) {
    if (now == 500 * kMillisecond) monitor_.Stop();
    if (now == 600 * kMillisecond) {
      EXPECT_THAT(Status()["state"].get<std::string>(), StartsWith("ESTOP"));
      EXPECT_TRUE(Status()["stopped"].get<bool>());
      monitor_.Resume();
    }
  });
  const auto at = [&](Time when) { return robot_.command(static_cast<size_t>(when / (10 * kMillisecond))); };
  EXPECT_EQ(at(490 * kMillisecond).x, 0.5);
  EXPECT_EQ(at(500 * kMillisecond).x, 0);
  EXPECT_EQ(at(500 * kMillisecond).state, State::kEstop);
  EXPECT_EQ(at(600 * kMillisecond).state, State::kArmed);
  EXPECT_EQ(at(900 * kMillisecond).state, State::kRun);
}

TEST_F(RobotMonitorTest, ResumeArmsWhatWasNeverArmed) {
  Run(
      kSecond,
      [&](Time now) {
        if (now == 500 * kMillisecond) monitor_.Resume();
      },
      false);
  EXPECT_EQ(robot_.command(49).state, State::kDisarmed);
  EXPECT_EQ(robot_.command(50).state, State::kArmed);
}

TEST_F(RobotMonitorTest, AnInferenceThatFailsIsCountedAndSaid) {
  inference_.step = [this](int64_t) -> Result<Tensor> {
    if (inference_.steps == 1) return FakeInference::Actions(0.5F);  // the warm-up
    return Error{ErrorCode::kBackend, "no more", "", ""};
  };
  Run(200 * kMillisecond, [](Time) {});
  EXPECT_GT(Status()["counts"]["errors"].get<int>(), 0);
  EXPECT_THAT(Status()["counts"]["last error"].get<std::string>(), HasSubstr("no more"));
}

TEST_F(RobotMonitorTest, IsAskedFromAnotherThreadMeanwhile) {
  std::atomic<bool> ended = false;
  std::thread browser([&] {
    while (!ended) {
      monitor_.StatusJson();
      static_cast<void>(monitor_.CameraPng());
      monitor_.Stop();
      monitor_.Resume();
    }
  });
  Run(kSecond, [](Time) {});
  ended = true;
  browser.join();
  EXPECT_EQ(Status()["counts"]["ticks"], 101);
}

}  // namespace
}  // namespace vlaq::robot::monitor

// The simulated base through DDS, driven by a scripted inference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "robot/loop.h"
#include "robot/sim/sim_robot.h"
#include "robot/testing.h"
#include "ros2/node_testing.h"

namespace vlaq::robot::sim {
namespace {

namespace msg = vlaq::ros2;

Feature BaseAction() {
  Feature action;
  action.name = "action";
  action.shape = {1, 2};
  action.names = {"linear_x", "linear_y"};
  action.units = {"m/s", "m/s"};
  return action;
}

PolicyFeatures BasePolicy() {
  PolicyFeatures policy;
  Feature camera;
  camera.name = "observation.images.front";
  camera.type = FeatureType::kImage;
  policy.inputs = {camera};
  policy.outputs = {BaseAction()};
  policy.control_period_s = 0.4;
  return policy;
}

class SimRobotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = msg::Node::Unavailable()) GTEST_SKIP() << *missing;
    if (const auto missing = vlaq::sim::World::Unavailable()) GTEST_SKIP() << *missing;
    options_.world.width = options_.world.height = 32;
    options_.discovery.domain = msg::TestDomain();
    inference_.step = [](int64_t number) {
      const std::array<float, 2> action{0.3F, number % 2 == 0 ? 0.1F : -0.05F};
      return Tensor::From<float>({1, 2}, action);
    };
  }
  Episode Drive(SimRobot& robot, uint64_t seed, Time duration) {
    EXPECT_TRUE(robot.Begin(seed).ok());
    auto loop = Loop::Make(*SimSettings(BasePolicy()), BaseAction(), inference_, robot, nullptr);
    EXPECT_TRUE(loop.ok()) << loop.error().ToString();
    const std::atomic<bool> stop = false;
    const LoopOptions options{.arm = true, .duration = duration};
    const auto summary =
        options_.real_time ? (*loop)->RunInRealTime(options, stop) : (*loop)->RunInSimulatedTime(options);
    EXPECT_TRUE(summary.ok()) << summary.error().ToString();
    auto episode = robot.End();
    EXPECT_TRUE(episode.ok());
    return std::move(*episode);
  }
  SimOptions options_;
  FakeInference inference_;
};

TEST_F(SimRobotTest, InSimulatedTimeItIsTheWorldItself) {
  auto robot = SimRobot::Open(*SimSettings(BasePolicy()), options_, SilentLog());
  ASSERT_TRUE(robot.ok()) << robot.error().ToString();
  for (const uint64_t seed : {uint64_t{3}, uint64_t{4}}) {
    const Episode driven = Drive(**robot, seed, 20 * kSecond);
    EXPECT_EQ(inference_.task, vlaq::sim::MakeLayout(seed).instruction);
    auto world = vlaq::sim::World::Open(options_.world);
    ASSERT_TRUE((*world)->Reset(vlaq::sim::MakeLayout(seed)).ok());
    for (int step = 0; !(*world)->state().done; ++step) {
      const auto& seen = driven.trace.points[static_cast<size_t>(step)].state;
      EXPECT_EQ(seen.pose.x, (*world)->state().pose.x) << step;
      EXPECT_EQ(seen.pose.y, (*world)->state().pose.y) << step;
      const vlaq::sim::Velocity command{static_cast<double>(0.3F), static_cast<double>(step % 2 == 0 ? 0.1F : -0.05F),
                                        0};
      ASSERT_TRUE((*world)->Step(command).ok());
    }
    const vlaq::sim::State& direct = (*world)->state();
    EXPECT_EQ(driven.trace.end.step, direct.step);
    EXPECT_EQ(driven.trace.end.pose.x, direct.pose.x);
    EXPECT_EQ(driven.trace.end.pose.y, direct.pose.y);
    EXPECT_EQ(driven.trace.points.size(), static_cast<size_t>(direct.step));
  }
}

TEST_F(SimRobotTest, InRealTimeItMovesWhileItIsDriven) {
  options_.real_time = true;
  auto robot = SimRobot::Open(*SimSettings(BasePolicy()), options_, SilentLog());
  ASSERT_TRUE(robot.ok()) << robot.error().ToString();
  const Episode driven = Drive(**robot, 3, 1500 * kMillisecond);
  EXPECT_GE(driven.trace.points.size(), 3U);
  EXPECT_GT(driven.trace.end.path_length, 0.1);
}

TEST_F(SimRobotTest, APolicyThatIsNoBaseIsRefused) {
  PolicyFeatures policy = BasePolicy();
  policy.outputs[0].names = {"shoulder", "elbow"};
  policy.outputs[0].units = {"rad", "rad"};
  EXPECT_FALSE(SimSettings(policy).ok());
  Settings settings = *SimSettings(BasePolicy());
  settings.sensors.push_back({.feature = "observation.state", .image = false});
  EXPECT_FALSE(SimRobot::Open(settings, options_, SilentLog()).ok());
}

}  // namespace
}  // namespace vlaq::robot::sim

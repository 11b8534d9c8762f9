#include "sim/world.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "sim/expert.h"

namespace vlaq::sim {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

class WorldTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = World::Unavailable()) GTEST_SKIP() << *why;
  }

  static std::unique_ptr<World> Open(WorldOptions options = {}) {
    auto world = World::Open(options);
    EXPECT_TRUE(world.ok());
    return world.ok() ? *std::move(world) : nullptr;
  }

  static State Rollout(World& world, uint64_t seed, Side side) {
    EXPECT_TRUE(world.Reset(MakeLayout(seed)).ok());
    while (!world.state().done) {
      const Status status = world.Step(ExpertCommand(world.layout(), world.state(), side));
      EXPECT_TRUE(status.ok());
      if (!status.ok()) break;
    }
    return world.state();
  }

  static std::vector<uint8_t> Frame(World& world) {
    const auto frame = world.Observe();
    EXPECT_TRUE(frame.ok());
    return frame.ok() ? std::vector<uint8_t>(frame->rgb.begin(), frame->rgb.end()) : std::vector<uint8_t>{};
  }
};

TEST_F(WorldTest, TheExpertSucceedsWithEverythingOn) {
  const auto world = Open();
  int successes = 0;
  for (uint64_t seed = 100; seed < 200; ++seed) {
    const Side side = MakeLayout(seed).side;
    successes += Succeeded(Rollout(*world, seed, side), side) ? 1 : 0;
  }
  EXPECT_GE(successes, 98);
}

TEST_F(WorldTest, TheOtherSideIsWithinReachToo) {
  const auto world = Open();
  int successes = 0;
  for (uint64_t seed = 100; seed < 150; ++seed) {
    const Side other = Opposite(MakeLayout(seed).side);
    successes += Succeeded(Rollout(*world, seed, other), other) ? 1 : 0;
  }
  EXPECT_GE(successes, 45);
}

TEST_F(WorldTest, IsDeterministicOverWorldsAndThreads) {
  const auto drive = [](std::vector<uint8_t>& frames, State& end) {
    const auto world = Open({.width = 64, .height = 36});
    for (const uint64_t seed : {uint64_t{7}, uint64_t{8}}) {
      ASSERT_TRUE(world->Reset(MakeLayout(seed)).ok());
      for (int i = 0; i < 8; ++i) {
        const std::vector<uint8_t> frame = Frame(*world);
        frames.insert(frames.end(), frame.begin(), frame.end());
        ASSERT_TRUE(world->Step({0.3, 0.1, 0}).ok());
      }
    }
    end = world->state();
  };
  std::vector<uint8_t> here_frames;
  std::vector<uint8_t> there_frames;
  State here;
  State there;
  std::thread other([&] { drive(there_frames, there); });
  drive(here_frames, here);
  other.join();
  EXPECT_EQ(here_frames, there_frames);
  EXPECT_EQ(here.pose.x, there.pose.x);
  EXPECT_EQ(here.pose.y, there.pose.y);
}

TEST_F(WorldTest, LooksDoNotDependOnWhenOneLooks) {
  const auto eager = Open({.width = 64, .height = 36});
  const auto late = Open({.width = 64, .height = 36});
  ASSERT_TRUE(eager->Reset(MakeLayout(3)).ok());
  ASSERT_TRUE(late->Reset(MakeLayout(3)).ok());
  for (int i = 0; i < 4; ++i) {
    Frame(*eager);
    ASSERT_TRUE(eager->Step({0.4, 0, 0}).ok());
    ASSERT_TRUE(late->Step({0.4, 0, 0}).ok());
  }
  EXPECT_EQ(Frame(*eager), Frame(*late));
  EXPECT_EQ(Frame(*late), Frame(*late));
}

TEST_F(WorldTest, LostFramesAreBlackAndOthersAreNot) {
  const auto world = Open({.width = 64, .height = 36});
  int lost = 0;
  int seen = 0;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    ASSERT_TRUE(world->Reset(MakeLayout(seed)).ok());
    for (int i = 0; i < 10; ++i) {
      const std::vector<uint8_t> frame = Frame(*world);
      if (world->FrameLost()) {
        EXPECT_THAT(frame, Each(0));
        ++lost;
      } else {
        EXPECT_GT(*std::ranges::max_element(frame), 60);
        ++seen;
      }
      ASSERT_TRUE(world->Step({0.05, 0, 0}).ok());
    }
  }
  EXPECT_GT(lost, 5);
  EXPECT_GT(seen, 30);
}

TEST_F(WorldTest, WithoutFrameLossEveryFrameIsSeen) {
  const auto world = Open({.width = 64, .height = 36, .frame_loss = false});
  ASSERT_TRUE(world->Reset(MakeLayout(1)).ok());
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(world->FrameLost());
    ASSERT_TRUE(world->Step({0.01, 0, 0}).ok());
  }
}

TEST_F(WorldTest, DrivingIntoABoxIsACollision) {
  const auto world = Open({.noise = false});
  const Layout layout = MakeLayout(5);
  const Box& box = layout.boxes.front();
  ASSERT_TRUE(world->Reset(layout, Pose{box.x - box.half_x - 0.6, box.y, 0}).ok());
  while (!world->state().done) ASSERT_TRUE(world->Step({0.6, 0, 0}).ok());
  EXPECT_TRUE(world->state().collided);
  EXPECT_NEAR(world->state().pose.x, box.x - box.half_x - kRobotRadius, 0.02);
  EXPECT_THAT(world->Step({0, 0, 0}).error().what, HasSubstr("over"));
}

TEST_F(WorldTest, StandingStillRunsOutOfTime) {
  const auto world = Open({.noise = false});
  ASSERT_TRUE(world->Reset(MakeLayout(5)).ok());
  while (!world->state().done) ASSERT_TRUE(world->Step({0, 0, 0}).ok());
  EXPECT_EQ(world->state().step, kMaxSteps);
  EXPECT_FALSE(world->state().collided || world->state().reached);
  EXPECT_NEAR(world->state().path_length, 0, 1e-6);
}

// Closed form of a delayed first-order lag: after the dead time the velocity rises as 1 - exp(-t / T).
TEST_F(WorldTest, TheBaseLagsBehindItsCommandAsDescribed) {
  Layout layout = MakeLayout(11);
  layout.start = {0, 0, 0};
  layout.base = {.dead_time_s = 0.1, .time_constant_s = 0.2, .gain = {1, 1, 1}};
  const auto world = Open({.noise = false});
  ASSERT_TRUE(world->Reset(layout).ok());
  ASSERT_TRUE(world->Step({0.3, 0, 0}).ok());
  const double expected = 0.3 * (1 - std::exp(-(kControlPeriod - 0.1) / 0.2));
  EXPECT_NEAR(world->state().velocity_x, expected, 0.01);
  ASSERT_TRUE(world->Step({0.3, 0, 0}).ok());
  EXPECT_NEAR(world->state().velocity_x, 0.3 * (1 - std::exp(-(2 * kControlPeriod - 0.1) / 0.2)), 0.01);
}

TEST_F(WorldTest, WithoutDynamicsCommandsActAtOnce) {
  Layout layout = MakeLayout(11);
  layout.start = {0, 0, 0.5};
  const auto world = Open({.dynamics = false, .noise = false});
  ASSERT_TRUE(world->Reset(layout).ok());
  ASSERT_TRUE(world->Step({0.3, 0.1, 0}).ok());
  const double x = kControlPeriod * (0.3 * std::cos(0.5) - 0.1 * std::sin(0.5));
  EXPECT_NEAR(world->state().pose.x, x, 0.005);
}

TEST_F(WorldTest, TheSpeedLimitHolds) {
  Layout layout = MakeLayout(11);
  layout.start = {0, 0, 0};
  const auto world = Open({.dynamics = false, .noise = false});
  ASSERT_TRUE(world->Reset(layout).ok());
  ASSERT_TRUE(world->Step({30, 40, 0}).ok());
  EXPECT_NEAR(world->state().path_length, kMaxSpeed * kControlPeriod, 0.01);
}

TEST_F(WorldTest, RefusesSizesThatAreNone) {
  const auto world = World::Open({.width = 0, .height = 10});
  ASSERT_FALSE(world.ok());
  EXPECT_EQ(world.error().code, ErrorCode::kUsage);
}

TEST(AbsentWorld, SaysWhatToInstall) {
  const auto why = World::Unavailable();
  if (!why) GTEST_SKIP() << "this build has the simulator";
  EXPECT_THAT(*why, HasSubstr("libmujoco-dev"));
  EXPECT_EQ(World::Open({}).error().code, ErrorCode::kBackend);
}

}  // namespace
}  // namespace vlaq::sim

#include "sim/progress.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "sim/expert.h"

namespace vlaq::sim {
namespace {

Layout OneBox() {
  Layout layout;
  layout.side = Side::kLeft;
  layout.boxes = {{.x = 2, .y = 0, .half_x = 0.2, .half_y = 0.3, .half_z = 0.3}};
  layout.bottle = {.x = 4, .y = 0, .radius = 0.07, .half_height = 0.2};
  return layout;
}

TEST(Progress, RemembersTheSideOnWhichABoxWasPassed) {
  const Layout layout = OneBox();
  State state = StartState(layout, {});
  Advance(layout, {1.9, 0.8, 0}, state);
  EXPECT_EQ(state.passed[0], std::nullopt);
  Advance(layout, {2.1, 0.8, 0}, state);
  EXPECT_EQ(state.passed[0], Side::kLeft);
  Advance(layout, {1.9, 0.8, 0}, state);   // back,
  Advance(layout, {1.9, -0.8, 0}, state);  // over,
  Advance(layout, {2.1, -0.8, 0}, state);  // and past it on the other side
  EXPECT_EQ(state.passed[0], Side::kRight);
}

TEST(Progress, SuccessNeedsTheBottleTheSideAndNoCollision) {
  const Layout layout = OneBox();
  State state = StartState(layout, {});
  Advance(layout, {2.5, 0.8, 0}, state);
  EXPECT_FALSE(Succeeded(state, Side::kLeft));
  Advance(layout, {3.7, 0.1, 0}, state);
  EXPECT_TRUE(state.reached);
  EXPECT_TRUE(Succeeded(state, Side::kLeft));
  EXPECT_FALSE(Succeeded(state, Side::kRight));
  state.collided = true;
  EXPECT_FALSE(Succeeded(state, Side::kLeft));
}

TEST(Progress, ReachingTheBottleWithoutPassingTheBoxIsNoSuccess) {
  const Layout layout = OneBox();
  State state = StartState(layout, {3.8, 0, 0});
  Advance(layout, {3.9, 0, 0}, state);
  EXPECT_TRUE(state.reached);
  EXPECT_FALSE(Succeeded(state, Side::kLeft));
}

TEST(Progress, PathLengthAddsUp) {
  const Layout layout = OneBox();
  State state = StartState(layout, {});
  Advance(layout, {0.3, 0.4, 0}, state);
  Advance(layout, {0.3, 0.9, 0}, state);
  EXPECT_DOUBLE_EQ(state.path_length, 1.0);
}

TEST(LostFrames, AreAboutAQuarterInShortBurstsAndNeverTheFirst) {
  size_t lost = 0;
  size_t all = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const std::vector<bool> frames = LostFrames(seed);
    EXPECT_FALSE(frames[0]);
    EXPECT_EQ(frames, LostFrames(seed));
    lost += static_cast<size_t>(std::ranges::count(frames, true));
    all += frames.size();
    size_t burst = 0;
    for (const bool frame : frames) {
      burst = frame ? burst + 1 : 0;
      EXPECT_LE(burst, 4U);
    }
  }
  const double fraction = static_cast<double>(lost) / static_cast<double>(all);
  EXPECT_GT(fraction, 0.22);
  EXPECT_LT(fraction, 0.30);
}

TEST(Expert, GoesSidewaysBeforeTheBoxAndForwardBesideIt) {
  const Layout layout = OneBox();
  State state = StartState(layout, {1.2, 0, 0});
  const Velocity before = ExpertCommand(layout, state, Side::kLeft);
  EXPECT_GT(before[1], 0.4);
  EXPECT_LT(ExpertCommand(layout, state, Side::kRight)[1], -0.4);
  state.pose = {2.0, 0.72, 0};
  const Velocity beside = ExpertCommand(layout, state, Side::kLeft);
  EXPECT_GT(beside[0], 0.55);
  EXPECT_NEAR(beside[1], 0, 0.05);
}

TEST(Expert, SlowsDownNearTheBottleAndLooksAheadByTheLag) {
  const Layout layout = OneBox();
  State state = StartState(layout, {3.6, 0, 0});
  EXPECT_NEAR(ExpertCommand(layout, state, Side::kLeft)[0], kMaxSpeed * 0.4 / 0.5, 1e-9);
  state.velocity_x = 0.5;
  EXPECT_LT(ExpertCommand(layout, state, Side::kLeft)[0], kMaxSpeed * 0.6);
}

TEST(Expert, CommandsAreInTheRobotsFrame) {
  const Layout layout = OneBox();
  State state = StartState(layout, {3.0, 0, 1.5707963267948966});
  const Velocity command = ExpertCommand(layout, state, Side::kLeft);  // the bottle is to the right of where it looks
  EXPECT_NEAR(command[0], 0, 1e-9);
  EXPECT_NEAR(command[1], -kMaxSpeed, 1e-9);
}

TEST(AuxiliaryLabels, AreNamedAndMirrorWithTheScene) {
  const Layout layout = OneBox();
  const State left = StartState(layout, {1.0, 0.4, 0});
  const State right = StartState(layout, {1.0, -0.4, 0});
  const std::vector<float> a = AuxiliaryLabels(layout, left);
  const std::vector<float> b = AuxiliaryLabels(layout, right);
  ASSERT_EQ(a.size(), AuxiliaryNames().size());
  EXPECT_FLOAT_EQ(a[0], -b[0]);  // bottle_tan
  EXPECT_FLOAT_EQ(a[1], b[1]);   // bottle_inverse_distance
  EXPECT_FLOAT_EQ(a[2], -b[3]);  // box_left_tan against box_right_tan
  EXPECT_FLOAT_EQ(a[4], b[4]);
  EXPECT_FLOAT_EQ(a[5], 1);
}

}  // namespace
}  // namespace vlaq::sim

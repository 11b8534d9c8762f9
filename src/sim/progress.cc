#include "sim/progress.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace vlaq::sim {

bool Succeeded(const State& state, Side side) {
  return state.reached && !state.collided &&
         std::ranges::all_of(state.passed, [side](const auto& passed) { return passed == side; });
}

State StartState(const Layout& layout, const Pose& start) {
  State state;
  state.pose = start;
  state.passed.resize(layout.boxes.size());
  return state;
}

void Advance(const Layout& layout, const Pose& pose, State& state) {
  for (size_t i = 0; i < layout.boxes.size(); ++i) {
    const Box& box = layout.boxes[i];
    if (state.pose.x <= box.x && pose.x > box.x) state.passed[i] = pose.y > box.y ? Side::kLeft : Side::kRight;
  }
  state.path_length += std::hypot(pose.x - state.pose.x, pose.y - state.pose.y);
  state.pose = pose;
  state.reached = std::hypot(pose.x - layout.bottle.x, pose.y - layout.bottle.y) < kGoalDistance;
}

std::vector<bool> LostFrames(uint64_t seed) {
  constexpr uint64_t kStream = 5;
  constexpr double kStart = 0.15;
  constexpr uint64_t kLongest = 4;
  Random random(seed, kStream);
  std::vector<bool> lost(kMaxSteps + 1, false);
  for (size_t t = 1; t < lost.size(); ++t) {
    if (random.Uniform() >= kStart) continue;
    const uint64_t length = 1 + random.Below(kLongest);
    for (uint64_t i = 0; i < length && t < lost.size(); ++i) lost[t++] = true;
  }
  return lost;
}

}  // namespace vlaq::sim

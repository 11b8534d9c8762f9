#include "sim/perturbation.h"

#include <algorithm>
#include <cmath>

namespace vlaq::sim {
namespace {

constexpr uint64_t kStream = 6;
constexpr double kOffPathStarts = 0.25;  // fraction of episodes
constexpr double kKick = 0.06;           // probability per step
constexpr double kMargin = 0.05;         // m, kept between base and boxes

}  // namespace

Perturbation::Perturbation(uint64_t seed) : random_(seed, kStream) {
  constexpr std::array<double, 3> kStrengths{0, 0.15, 0.3};
  strength_ = kStrengths[random_.Below(kStrengths.size())];
}

std::optional<Pose> Perturbation::Start(const Layout& layout) {
  if (random_.Uniform() >= kOffPathStarts) return std::nullopt;
  constexpr int kTries = 20;
  for (int i = 0; i < kTries; ++i) {
    const Pose pose{random_.Uniform(-0.2, layout.bottle.x - 0.6), random_.Uniform(-1.3, 1.3),
                    random_.Uniform(-0.1, 0.1)};
    if (DistanceToBoxes(layout, pose.x, pose.y) > kRobotRadius + kMargin) return pose;
  }
  return std::nullopt;
}

Velocity Perturbation::Disturb(const Layout& layout, const State& state, const Velocity& command) {
  Velocity driven = command;
  for (size_t i = 0; i < drift_.size(); ++i) {
    drift_[i] = 0.7 * drift_[i] + 0.7 * strength_ * random_.Normal();
    driven[i] += kMaxSpeed * drift_[i];
  }
  const bool kicked = random_.Uniform() < kKick;
  const double direction = random_.Uniform(0, 6.283185307179586);
  const auto steps = static_cast<int>(2 + random_.Below(3));
  if (kick_steps_ == 0 && kicked) {
    kick_ = {std::cos(direction), std::sin(direction)};
    kick_steps_ = steps;
  }
  if (kick_steps_ > 0) {
    for (size_t i = 0; i < kick_.size(); ++i) driven[i] = 0.3 * command[i] + 0.8 * kMaxSpeed * kick_[i];
    --kick_steps_;
  }
  // Never into a box on purpose: the expert's own command where this one, with what the base still rolls, leads there.
  const double c = std::cos(state.pose.yaw);
  const double s = std::sin(state.pose.yaw);
  const double x = state.pose.x + kControlPeriod * (c * driven[0] - s * driven[1]) + 0.15 * state.velocity_x;
  const double y = state.pose.y + kControlPeriod * (s * driven[0] + c * driven[1]) + 0.15 * state.velocity_y;
  return DistanceToBoxes(layout, x, y) < kRobotRadius + kMargin ? command : driven;
}

}  // namespace vlaq::sim

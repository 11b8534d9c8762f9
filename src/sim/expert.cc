#include "sim/expert.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vlaq::sim {
namespace {

constexpr double kLookAhead = 0.28;  // s: dead time and time constant of a middling base
constexpr double kBehind = 0.28;     // m behind a box at which it counts as passed
constexpr double kBefore = 0.30;     // m before a box at which the robot should be beside it
constexpr double kSlowWithin = 0.5;  // m from the bottle
constexpr double kNearest = 0.15;    // m: nearer things do not grow any further in the labels

struct Vector {
  double x = 0, y = 0;
};

Vector IntoRobotFrame(const Pose& pose, Vector world) {
  const double c = std::cos(pose.yaw);
  const double s = std::sin(pose.yaw);
  return {c * world.x + s * world.y, -s * world.x + c * world.y};
}

Vector Unit(Vector v) {
  const double length = std::max(std::hypot(v.x, v.y), 1e-6);
  return {v.x / length, v.y / length};
}

const Box* NextBox(const Layout& layout, double x) {
  for (const Box& box : layout.boxes) {
    if (x < box.x + box.half_x + kBehind) return &box;
  }
  return nullptr;
}

// Beside the box: sideways first, forward as far as there is room, faster forward the nearer the line is.
Vector AroundBox(const Box& box, Vector at, Side side) {
  const double line = box.y + Sign(side) * (box.half_y + kClearance);
  double sideways = line - at.y;
  // Further out than the line is no hurry.
  if (Sign(side) * sideways < 0) {
    sideways = std::copysign(std::max(0.0, std::abs(sideways) - 0.15) * 0.6, sideways);
  }
  const double room = std::max(box.x - box.half_x - kBefore - at.x, 0.0);
  return Unit({room + 0.35 * std::clamp(1 - std::abs(sideways) / 0.3, 0.0, 1.0), sideways});
}

// Sideways per forward of a point in the robot's frame, as a camera sees it; within [-2, 2].
float Tangent(Vector v) { return static_cast<float>(std::clamp(v.y / std::max(v.x, kNearest), -2.0, 2.0)); }

}  // namespace

Velocity ExpertCommand(const Layout& layout, const State& state, Side side) {
  const Vector at{state.pose.x + kLookAhead * state.velocity_x, state.pose.y + kLookAhead * state.velocity_y};
  Vector direction;
  if (const Box* box = NextBox(layout, at.x)) {
    direction = AroundBox(*box, at, side);
  } else {
    const Vector to{layout.bottle.x - at.x, layout.bottle.y - at.y};
    const double speed = std::min(1.0, std::hypot(to.x, to.y) / kSlowWithin);
    direction = Unit(to);
    direction = {speed * direction.x, speed * direction.y};
  }
  const Vector command = IntoRobotFrame(state.pose, direction);
  return {kMaxSpeed * command.x, kMaxSpeed * command.y, 0};
}

const std::vector<std::string>& AuxiliaryNames() {
  static const std::vector<std::string> names{
      "bottle_tan", "bottle_inverse_distance", "box_left_tan", "box_right_tan", "box_inverse_distance",
      "box_ahead",  "velocity_forward",        "velocity_left"};
  return names;
}

std::vector<float> AuxiliaryLabels(const Layout& layout, const State& state) {
  const Pose& pose = state.pose;
  const auto seen = [&pose](double x, double y) { return IntoRobotFrame(pose, {x - pose.x, y - pose.y}); };
  const Vector bottle = seen(layout.bottle.x, layout.bottle.y);
  const double distance = std::max(std::hypot(bottle.x, bottle.y), 0.3);
  std::vector<float> labels{Tangent(bottle), static_cast<float>(1 / (distance + 0.3))};
  if (const Box* box = NextBox(layout, pose.x)) {
    const double front = box->x - box->half_x;
    const Vector left = seen(front, box->y + box->half_y);
    const Vector right = seen(front, box->y - box->half_y);
    labels.insert(labels.end(),
                  {Tangent(left), Tangent(right), static_cast<float>(1 / (std::max(front - pose.x, 0.0) + 0.5)), 1.0F});
  } else {
    labels.insert(labels.end(), {0, 0, 0, 0});
  }
  const Vector velocity = IntoRobotFrame(pose, {state.velocity_x, state.velocity_y});
  labels.push_back(static_cast<float>(velocity.x / kMaxSpeed));
  labels.push_back(static_cast<float>(velocity.y / kMaxSpeed));
  return labels;
}

}  // namespace vlaq::sim

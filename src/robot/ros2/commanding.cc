#include "robot/ros2/commanding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "robot/ros2/wiring.h"
#include "ros2/codec.h"
#include "ros2/stamp.h"

namespace vlaq::robot::ros2 {
namespace {

namespace msg = vlaq::ros2;

constexpr std::array<std::string_view, 6> kTwistParts{"linear.x",  "linear.y",  "linear.z",
                                                      "angular.x", "angular.y", "angular.z"};
// Which of Kind each is.
constexpr std::array kTypes{msg::Twist::kType, msg::TwistStamped::kType, msg::JointTrajectory::kType,
                            msg::Float64MultiArray::kType};

}  // namespace

Result<CommandWriter> CommandWriter::Make(const Wiring& wiring, const std::vector<Axis>& axes) {
  CommandWriter writer;
  const auto type = std::ranges::find(kTypes, wiring.command_type);
  if (type == kTypes.end()) {
    return UsageError(fmt::format("ros2: commands of type '{}' cannot be sent", wiring.command_type),
                      fmt::format("{}, {}, {} and {} can", kTypes[0], kTypes[1], kTypes[2], kTypes[3]));
  }
  writer.kind_ = static_cast<Kind>(type - kTypes.begin());
  writer.twist_.header.frame_id = wiring.frame_id;
  writer.trajectory_.header.frame_id = wiring.frame_id;
  auto& point = writer.trajectory_.points.emplace_back();
  const msg::Time reached = msg::TimeOf(FromMs(wiring.command_duration_ms));
  point.time_from_start = {.sec = reached.sec, .nanosec = reached.nanosec};
  for (const Axis& axis : axes) {
    writer.trajectory_.joint_names.push_back(axis.to);
    if (writer.kind_ != Kind::kTwist && writer.kind_ != Kind::kTwistStamped) continue;
    const auto part = std::ranges::find(kTwistParts, axis.to);
    if (part == kTwistParts.end()) {
      return UsageError(fmt::format("axis '{}' is no part of a twist", axis.to),
                        "linear.x, linear.y, ... angular.z are");
    }
    if (axis.kind != AxisKind::kVelocity) return UsageError(fmt::format("axis '{}' of a twist is a velocity", axis.to));
    writer.places_.push_back(static_cast<size_t>(part - kTwistParts.begin()));
  }
  return writer;
}

void CommandWriter::FillTwist(const Command& command, msg::Twist& twist) const {
  const std::array<double*, 6> parts{&twist.linear.x,  &twist.linear.y,  &twist.linear.z,
                                     &twist.angular.x, &twist.angular.y, &twist.angular.z};
  for (size_t i = 0; i < places_.size(); ++i) *parts[places_[i]] = command.values[i];
}

Bytes CommandWriter::Write(const Command& command, int64_t stamp) {
  const auto values = std::span(command.values).first(command.size);
  switch (kind_) {
    case Kind::kTwist:
      FillTwist(command, twist_.twist);
      return msg::EncodeInto(twist_.twist, buffer_);
    case Kind::kTwistStamped:
      twist_.header.stamp = msg::TimeOf(stamp);
      FillTwist(command, twist_.twist);
      return msg::EncodeInto(twist_, buffer_);
    case Kind::kTrajectory:
      // A stamp of zero: to be followed at once.
      trajectory_.points.front().positions.assign(values.begin(), values.end());
      return msg::EncodeInto(trajectory_, buffer_);
    case Kind::kArray:
      break;
  }
  array_.data.assign(values.begin(), values.end());
  return msg::EncodeInto(array_, buffer_);
}

}  // namespace vlaq::robot::ros2

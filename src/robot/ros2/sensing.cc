#include "robot/ros2/sensing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ros2/codec.h"
#include "ros2/picture.h"
#include "ros2/stamp.h"

namespace vlaq::robot::ros2 {
namespace {

namespace msg = vlaq::ros2;

constexpr double kNothingSeen = std::numeric_limits<double>::infinity();

template <typename T>
Result<Sensed> Picture(Bytes cdr) {
  VLAQ_ASSIGN_OR_RETURN(const T message, msg::Decode<T>(cdr));
  VLAQ_ASSIGN_OR_RETURN(Tensor pixels, msg::ToRgb(message));
  return Sensed{std::move(pixels), msg::NanosecondsOf(message.header.stamp)};
}

template <typename Values>
Tensor FloatsOf(const Values& values) {
  Tensor tensor = Tensor::Make(DType::kF32, {static_cast<int64_t>(values.size())});
  std::ranges::transform(values, tensor.mutable_data<float>().begin(),
                         [](auto value) { return static_cast<float>(value); });
  return tensor;
}

template <typename T>
Result<Sensed> Numbers(Bytes cdr, int64_t arrived) {
  VLAQ_ASSIGN_OR_RETURN(const T message, msg::Decode<T>(cdr));
  return Sensed{FloatsOf(message.data), arrived};
}

std::optional<double> PositionOf(const msg::JointState& state, const std::string& joint) {
  for (size_t i = 0; i < state.name.size() && i < state.position.size(); ++i) {
    if (state.name[i] == joint) return state.position[i];
  }
  return std::nullopt;
}

Result<Sensed> Joints(const SensorTopic& topic, Bytes cdr) {
  VLAQ_ASSIGN_OR_RETURN(const auto state, msg::Decode<msg::JointState>(cdr));
  const int64_t stamp = msg::NanosecondsOf(state.header.stamp);
  if (topic.names.empty()) return Sensed{FloatsOf(state.position), stamp};
  std::vector<double> positions;
  for (const std::string& name : topic.names) {
    const auto position = PositionOf(state, name);
    if (!position) return InputError(topic.topic, fmt::format("has no joint '{}'", name));
    positions.push_back(*position);
  }
  return Sensed{FloatsOf(positions), stamp};
}

// Readings outside of the sensor's own limits say nothing; below the nearest that it can measure is near, above 0.
double NearestOf(const msg::LaserScan& scan) {
  double nearest = kNothingSeen;
  bool any = false;
  for (const float range : scan.ranges) {
    if (std::isnan(range)) continue;
    any = true;
    if (range >= scan.range_min && range <= scan.range_max) nearest = std::min(nearest, static_cast<double>(range));
  }
  return any ? nearest : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Result<Sensed> ReadSensor(const SensorTopic& topic, Bytes cdr, int64_t arrived) {
  if (topic.type == msg::Image::kType) return Picture<msg::Image>(cdr);
  if (topic.type == msg::CompressedImage::kType) return Picture<msg::CompressedImage>(cdr);
  if (topic.type == msg::JointState::kType) return Joints(topic, cdr);
  if (topic.type == msg::Float32MultiArray::kType) return Numbers<msg::Float32MultiArray>(cdr, arrived);
  return Numbers<msg::Float64MultiArray>(cdr, arrived);
}

Result<double> NearestRange(const std::string& type, Bytes cdr) {
  if (type == msg::LaserScan::kType) {
    VLAQ_ASSIGN_OR_RETURN(const auto scan, msg::Decode<msg::LaserScan>(cdr));
    return NearestOf(scan);
  }
  VLAQ_ASSIGN_OR_RETURN(const auto range, msg::Decode<msg::Range>(cdr));
  // -inf: nearer than it can measure.
  return std::max(static_cast<double>(range.range), -std::numeric_limits<double>::max());
}

Status ReadPositions(const std::vector<Axis>& axes, Bytes cdr, Intake& intake) {
  VLAQ_ASSIGN_OR_RETURN(const auto state, msg::Decode<msg::JointState>(cdr));
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto position = axes[i].kind == AxisKind::kPosition ? PositionOf(state, axes[i].to) : std::nullopt;
    if (position) intake.TakePosition(i, *position);
  }
  return {};
}

}  // namespace vlaq::robot::ros2

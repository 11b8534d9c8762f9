#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "robot/ros2/commanding.h"
#include "robot/ros2/sensing.h"
#include "robot/ros2/wiring.h"
#include "ros2/codec.h"
#include "ros2/stamp.h"

namespace vlaq::robot::ros2 {
namespace {

namespace msg = vlaq::ros2;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinite = std::numeric_limits<float>::infinity(), kNone = std::numeric_limits<float>::quiet_NaN();

Command CommandOf(std::vector<double> values) {
  Command command;
  command.size = static_cast<uint32_t>(values.size());
  std::ranges::copy(values, command.values.begin());
  return command;
}

TEST(CommandingTest, ATwistGetsEachAxisInItsPlace) {
  const std::vector<Axis> axes{{.from = "turn", .to = "angular.z"}, {.from = "go", .to = "linear.x"}};
  Wiring wiring;
  auto writer = CommandWriter::Make(wiring, axes);
  ASSERT_TRUE(writer.ok());
  const auto twist = msg::Decode<msg::Twist>(writer->Write(CommandOf({0.5, -1}), 7));
  ASSERT_TRUE(twist.ok());
  EXPECT_EQ(twist->angular.z, 0.5);
  EXPECT_EQ(twist->linear.x, -1);
  EXPECT_EQ(twist->linear.y, 0);
  wiring.command_type = "geometry_msgs/msg/TwistStamped";
  auto stamped_writer = CommandWriter::Make(wiring, axes);
  const auto stamped = msg::Decode<msg::TwistStamped>(stamped_writer->Write(CommandOf({0.5, -1}), 3 * kSecond + 7));
  EXPECT_EQ(stamped->twist.linear.x, -1);
  EXPECT_EQ(stamped->header.stamp.sec, 3);
  EXPECT_EQ(stamped->header.stamp.nanosec, 7U);
  EXPECT_EQ(stamped->header.frame_id, "base_link");
}

TEST(CommandingTest, JointsBecomeATrajectoryOrAnArray) {
  const std::vector<Axis> axes{{.to = "a", .kind = AxisKind::kPosition}, {.to = "b", .kind = AxisKind::kPosition}};
  Wiring wiring;
  wiring.command_type = "trajectory_msgs/msg/JointTrajectory";
  wiring.command_duration_ms = 1500;
  auto writer = CommandWriter::Make(wiring, axes);
  writer->Write(CommandOf({9, 9}), 0);
  const auto trajectory = msg::Decode<msg::JointTrajectory>(writer->Write(CommandOf({1, 2}), 0));
  ASSERT_TRUE(trajectory.ok());
  EXPECT_THAT(trajectory->joint_names, ElementsAre("a", "b"));
  ASSERT_EQ(trajectory->points.size(), 1U);
  EXPECT_THAT(trajectory->points[0].positions, ElementsAre(1, 2));
  EXPECT_EQ(trajectory->points[0].time_from_start.sec, 1);
  EXPECT_EQ(trajectory->points[0].time_from_start.nanosec, 500'000'000U);
  wiring.command_type = "std_msgs/msg/Float64MultiArray";
  auto array = CommandWriter::Make(wiring, axes);
  EXPECT_THAT(msg::Decode<msg::Float64MultiArray>(array->Write(CommandOf({1, 2}), 0))->data, ElementsAre(1, 2));
  wiring.command_type = "std_msgs/msg/String";
  EXPECT_THAT(CommandWriter::Make(wiring, axes).error().ToString(), HasSubstr("JointTrajectory"));
}

TEST(SensingTest, APictureHasItsStampAndIsRgb) {
  const std::array<std::byte, 6> pixels{std::byte{1}, std::byte{2}, std::byte{3},
                                        std::byte{4}, std::byte{5}, std::byte{6}};
  msg::Image image;
  image.header.stamp = msg::TimeOf(5 * kSecond + 9);
  image.height = 1;
  image.width = 2;
  image.encoding = "bgr8";
  image.step = 6;
  image.data = pixels;
  const auto bytes = msg::Encode(image);
  const auto sensed = ReadSensor({"/c", std::string(msg::Image::kType), {}}, bytes, 0);
  ASSERT_TRUE(sensed.ok());
  EXPECT_THAT(sensed->value.data<uint8_t>(), ElementsAre(3, 2, 1, 6, 5, 4));
  EXPECT_EQ(sensed->stamp, 5 * kSecond + 9);
  image.encoding = "bayer_rggb8";
  EXPECT_FALSE(ReadSensor({"/c", std::string(msg::Image::kType), {}}, msg::Encode(image), 0).ok());
}

TEST(SensingTest, JointsComeInThePolicysOrder) {
  msg::JointState state;
  state.name = {"b", "extra", "a"};
  state.position = {2, 9, 1};
  const auto bytes = msg::Encode(state);
  const std::string type(msg::JointState::kType);
  EXPECT_THAT(ReadSensor({"/j", type, {"a", "b"}}, bytes, 0)->value.data<float>(), ElementsAre(1, 2));
  EXPECT_THAT(ReadSensor({"/j", type, {}}, bytes, 0)->value.data<float>(), ElementsAre(2, 9, 1));
  EXPECT_THAT(ReadSensor({"/j", type, {"c"}}, bytes, 0).error().ToString(), HasSubstr("no joint 'c'"));
}

TEST(SensingTest, ArraysHaveNoStampOfTheirOwn) {
  msg::Float32MultiArray array;
  array.data = {1, 2};
  const auto sensed = ReadSensor({"/s", std::string(msg::Float32MultiArray::kType), {}}, msg::Encode(array), 77);
  EXPECT_THAT(sensed->value.data<float>(), ElementsAre(1, 2));
  EXPECT_EQ(sensed->stamp, 77);
}

double NearestOfScan(std::vector<float> ranges) {
  msg::LaserScan scan;
  scan.range_min = 0.1F;
  scan.range_max = 10;
  scan.ranges = std::move(ranges);
  return *NearestRange(std::string(msg::LaserScan::kType), msg::Encode(scan));
}

TEST(SensingTest, TheNearestReadingOfAScanCounts) {
  EXPECT_FLOAT_EQ(static_cast<float>(NearestOfScan({3, 0.5F, kInfinite, kNone})), 0.5F);
  EXPECT_EQ(NearestOfScan({kInfinite, 11, 0, 0.05F}), kInfinite);  // beyond its limits it says nothing
  EXPECT_TRUE(std::isnan(NearestOfScan({})));
  EXPECT_TRUE(std::isnan(NearestOfScan({kNone, kNone})));
}

TEST(SensingTest, ARangeSensorBelowItsLeastIsNear) {
  const auto nearest = [](float value) {
    msg::Range range;
    range.range = value;
    return *NearestRange(std::string(msg::Range::kType), msg::Encode(range));
  };
  EXPECT_EQ(nearest(1.5F), 1.5);
  EXPECT_LT(nearest(-kInfinite), 0);
  EXPECT_EQ(nearest(kInfinite), kInfinite);
  EXPECT_TRUE(std::isnan(nearest(kNone)));
}

TEST(SensingTest, PositionsAreThoseOfPositionAxes) {
  const std::vector<Axis> axes{{.to = "wheel", .kind = AxisKind::kVelocity}, {.to = "a", .kind = AxisKind::kPosition}};
  msg::JointState state;
  state.name = {"a", "wheel"};
  state.position = {1.25, 7};
  Intake intake({});
  ASSERT_TRUE(ReadPositions(axes, msg::Encode(state), intake).ok());
  const WorldFacts facts = intake.TakeFacts();
  EXPECT_EQ(facts.measured_axes, 2U);
  EXPECT_EQ(facts.measured[1], 1.25);
}

}  // namespace
}  // namespace vlaq::robot::ros2

// The ROS 2 messages that a policy's robot speaks, as structs that describe themselves: name, order and type of each
// field stand in `Fields` and nowhere else. Reading, writing, the text of the .msg file and the table of types follow.
//
// Units are ROS's: meters, radians, seconds, x forward, y left, z up. `Bytes` fields are views: of the message after
// Decode(), of what the caller has before Encode(). Plain values: any thread may read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

// Both kinds of archive: those that fill a message and those that read a const one.
#define VLAQ_ROS2_FIELDS                     \
  template <typename Archive, typename Self> \
  static void Fields(Archive& archive, Self& self)

namespace vlaq::ros2 {

struct Time {
  static constexpr std::string_view kType = "builtin_interfaces/msg/Time";
  int32_t sec = 0;
  uint32_t nanosec = 0;
  VLAQ_ROS2_FIELDS {
    archive("sec", self.sec);
    archive("nanosec", self.nanosec);
  }
};

struct Duration {
  static constexpr std::string_view kType = "builtin_interfaces/msg/Duration";
  int32_t sec = 0;
  uint32_t nanosec = 0;
  VLAQ_ROS2_FIELDS {
    archive("sec", self.sec);
    archive("nanosec", self.nanosec);
  }
};

struct Header {
  static constexpr std::string_view kType = "std_msgs/msg/Header";
  Time stamp;
  std::string frame_id;
  VLAQ_ROS2_FIELDS {
    archive("stamp", self.stamp);
    archive("frame_id", self.frame_id);
  }
};

struct String {
  static constexpr std::string_view kType = "std_msgs/msg/String";
  std::string data;
  VLAQ_ROS2_FIELDS { archive("data", self.data); }
};

struct Bool {
  static constexpr std::string_view kType = "std_msgs/msg/Bool";
  bool data = false;
  VLAQ_ROS2_FIELDS { archive("data", self.data); }
};

struct MultiArrayDimension {
  static constexpr std::string_view kType = "std_msgs/msg/MultiArrayDimension";
  std::string label;
  uint32_t size = 0;
  uint32_t stride = 0;
  VLAQ_ROS2_FIELDS {
    archive("label", self.label);
    archive("size", self.size);
    archive("stride", self.stride);
  }
};

struct MultiArrayLayout {
  static constexpr std::string_view kType = "std_msgs/msg/MultiArrayLayout";
  std::vector<MultiArrayDimension> dim;
  uint32_t data_offset = 0;
  VLAQ_ROS2_FIELDS {
    archive("dim", self.dim);
    archive("data_offset", self.data_offset);
  }
};

struct Float32MultiArray {
  static constexpr std::string_view kType = "std_msgs/msg/Float32MultiArray";
  MultiArrayLayout layout;
  std::vector<float> data;
  VLAQ_ROS2_FIELDS {
    archive("layout", self.layout);
    archive("data", self.data);
  }
};

struct Float64MultiArray {
  static constexpr std::string_view kType = "std_msgs/msg/Float64MultiArray";
  MultiArrayLayout layout;
  std::vector<double> data;
  VLAQ_ROS2_FIELDS {
    archive("layout", self.layout);
    archive("data", self.data);
  }
};

struct Vector3 {
  static constexpr std::string_view kType = "geometry_msgs/msg/Vector3";
  double x = 0, y = 0, z = 0;
  VLAQ_ROS2_FIELDS {
    archive("x", self.x);
    archive("y", self.y);
    archive("z", self.z);
  }
};

struct Twist {
  static constexpr std::string_view kType = "geometry_msgs/msg/Twist";
  Vector3 linear;   // m/s
  Vector3 angular;  // rad/s
  VLAQ_ROS2_FIELDS {
    archive("linear", self.linear);
    archive("angular", self.angular);
  }
};

struct TwistStamped {
  static constexpr std::string_view kType = "geometry_msgs/msg/TwistStamped";
  Header header;
  Twist twist;
  VLAQ_ROS2_FIELDS {
    archive("header", self.header);
    archive("twist", self.twist);
  }
};

struct Image {
  static constexpr std::string_view kType = "sensor_msgs/msg/Image";
  Header header;
  uint32_t height = 0;   // pixels
  uint32_t width = 0;    // pixels
  std::string encoding;  // "rgb8" ...
  uint8_t is_bigendian = 0;
  uint32_t step = 0;  // bytes of a row, padding included
  Bytes data;         // [height, step]
  VLAQ_ROS2_FIELDS {
    archive("header", self.header);
    archive("height", self.height);
    archive("width", self.width);
    archive("encoding", self.encoding);
    archive("is_bigendian", self.is_bigendian);
    archive("step", self.step);
    archive("data", self.data);
  }
};

struct CompressedImage {
  static constexpr std::string_view kType = "sensor_msgs/msg/CompressedImage";
  Header header;
  std::string format;  // not to be relied on: "jpeg", "rgb8; jpeg compressed bgr8"
  Bytes data;          // a JPEG or PNG file
  VLAQ_ROS2_FIELDS {
    archive("header", self.header);
    archive("format", self.format);
    archive("data", self.data);
  }
};

struct JointState {
  static constexpr std::string_view kType = "sensor_msgs/msg/JointState";
  Header header;
  std::vector<std::string> name;
  std::vector<double> position, velocity, effort;  // of each name, or empty
  VLAQ_ROS2_FIELDS {
    archive("header", self.header);
    archive("name", self.name);
    archive("position", self.position);
    archive("velocity", self.velocity);
    archive("effort", self.effort);
  }
};

struct LaserScan {
  static constexpr std::string_view kType = "sensor_msgs/msg/LaserScan";
  Header header;
  float angle_min = 0, angle_max = 0, angle_increment = 0;  // rad
  float time_increment = 0, scan_time = 0;                  // s
  float range_min = 0, range_max = 0;                       // m
  std::vector<float> ranges;                                // m; what is outside of range_min..range_max says nothing
  std::vector<float> intensities;
  VLAQ_ROS2_FIELDS {
    archive("header", self.header);
    archive("angle_min", self.angle_min);
    archive("angle_max", self.angle_max);
    archive("angle_increment", self.angle_increment);
    archive("time_increment", self.time_increment);
    archive("scan_time", self.scan_time);
    archive("range_min", self.range_min);
    archive("range_max", self.range_max);
    archive("ranges", self.ranges);
    archive("intensities", self.intensities);
  }
};

struct Range {
  static constexpr std::string_view kType = "sensor_msgs/msg/Range";
  Header header;
  uint8_t radiation_type = 0;          // 0 ultrasound, 1 infrared
  float field_of_view = 0;             // rad
  float min_range = 0, max_range = 0;  // m
  float range = 0;                     // m; -inf: nearer than min_range, inf: nothing seen
  float variance = 0;                  // m^2, 0: not known; ROS 2 before Iron does not have it
  VLAQ_ROS2_FIELDS {
    archive("header", self.header);
    archive("radiation_type", self.radiation_type);
    archive("field_of_view", self.field_of_view);
    archive("min_range", self.min_range);
    archive("max_range", self.max_range);
    archive("range", self.range);
    archive.Newer("variance", self.variance);
  }
};

struct JointTrajectoryPoint {
  static constexpr std::string_view kType = "trajectory_msgs/msg/JointTrajectoryPoint";
  std::vector<double> positions, velocities, accelerations, effort;  // of each joint, or empty
  Duration time_from_start;
  VLAQ_ROS2_FIELDS {
    archive("positions", self.positions);
    archive("velocities", self.velocities);
    archive("accelerations", self.accelerations);
    archive("effort", self.effort);
    archive("time_from_start", self.time_from_start);
  }
};

struct JointTrajectory {
  static constexpr std::string_view kType = "trajectory_msgs/msg/JointTrajectory";
  Header header;
  std::vector<std::string> joint_names;
  std::vector<JointTrajectoryPoint> points;
  VLAQ_ROS2_FIELDS {
    archive("header", self.header);
    archive("joint_names", self.joint_names);
    archive("points", self.points);
  }
};

}  // namespace vlaq::ros2

#undef VLAQ_ROS2_FIELDS

// Which topics a robot has, as data: the member "ros2" of robot.json.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "robot/settings.h"
#include "vlaq/policy.h"

namespace vlaq::robot::ros2 {

struct SensorTopic {
  std::string topic;
  std::string type;  // "sensor_msgs/msg/Image", CompressedImage, JointState, std_msgs Float32/64MultiArray
  std::vector<std::string> names;  // of JointState: the joints in the policy's order; empty: as the message has them
};

struct Wiring {
  std::map<std::string, SensorTopic> sensors;  // by the policy's input
  std::string task;                            // std_msgs/msg/String; empty: none
  std::string operator_orders;                 // std_msgs/msg/String: stop, reset, arm, resume, disarm; empty: none
  std::string stop;                            // std_msgs/msg/Bool, true: stop; empty: none
  std::string joints;                          // sensor_msgs/msg/JointState: where position axes are; empty: none
  SensorTopic range;                           // sensor_msgs/msg/LaserScan or Range; empty topic: none
  std::string commands = "/cmd_vel";
  std::string command_type = "geometry_msgs/msg/Twist";  // or TwistStamped, JointTrajectory, Float64MultiArray
  std::string frame_id = "base_link";                    // of what has a header
  double command_duration_ms = 40;                       // of a trajectory's point: when it is to be reached
};

// `text` is JSON. Errors: kInput naming `where` and the keys; kUsage for a sensor of `settings` without a topic, a type
// that cannot be read as it, or an axis that the command does not have.
Result<Wiring> ReadWiring(const std::string& text, const std::string& where, const Settings& settings);
std::string WiringText(const Wiring& wiring);

// Topics as ROS robots usually name them: cameras /camera/image_raw (one) or /NAME/image_raw, states and positions
// /joint_states, commands /cmd_vel for velocities, else a trajectory. Joint names are the policy's.
Wiring ProposeWiring(const Settings& settings, const PolicyFeatures& policy);

}  // namespace vlaq::robot::ros2

#include "robot/ros2/wiring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "robot/robot_file.h"

namespace vlaq::robot::ros2 {
namespace {

using ::testing::HasSubstr;

PolicyFeatures Arm() {
  PolicyFeatures policy;
  Feature top, wrist, state, action;
  top.name = "observation.images.top";
  wrist.name = "observation.images.wrist";
  top.type = wrist.type = FeatureType::kImage;
  state.name = "observation.state";
  state.names = {"shoulder", "grip"};
  policy.inputs = {top, wrist, state};
  action.name = "action";
  action.shape = {100, 2};
  action.names = state.names;
  action.units = {"rad", "rad"};
  policy.outputs = {action};
  policy.control_period_s = 0.02;
  return policy;
}

TEST(WiringTest, WhatIsProposedForAnArmIsReadBack) {
  const PolicyFeatures policy = Arm();
  const Settings settings = *ProposeSettings(policy);
  const Wiring wiring = ProposeWiring(settings, policy);
  EXPECT_EQ(wiring.sensors.at("observation.images.wrist").topic, "/wrist/image_raw");
  EXPECT_EQ(wiring.sensors.at("observation.state").names, (std::vector<std::string>{"shoulder", "grip"}));
  EXPECT_EQ(wiring.command_type, "trajectory_msgs/msg/JointTrajectory");
  EXPECT_EQ(wiring.task, "");
  const std::string text = WiringText(wiring);
  const auto again = ReadWiring(text, "robot.json", settings);
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_EQ(WiringText(*again), text);
}

TEST(WiringTest, ABaseIsProposedATwist) {
  PolicyFeatures policy = Arm();
  policy.inputs.resize(1);
  policy.outputs[0].names = {"linear_x", "angular_z"};
  const Wiring wiring = ProposeWiring(*ProposeSettings(policy), policy);
  EXPECT_EQ(wiring.commands, "/cmd_vel");
  EXPECT_EQ(wiring.sensors.at("observation.images.top").topic, "/camera/image_raw");
  EXPECT_EQ(wiring.joints, "");
}

TEST(WiringTest, ErrorsNameWhatIsWrong) {
  const Settings settings = *ProposeSettings(Arm());
  const auto error = [&settings](const std::string& text) {
    const auto wiring = ReadWiring(text, "robot.json", settings);
    return wiring.ok() ? "" : wiring.error().ToString();
  };
  EXPECT_THAT(error("{}"), HasSubstr("sensors"));
  const std::string sensors =
      R"("sensors": {"observation.images.top": {"topic": "/a"}, "observation.images.wrist": {"topic": "/b"},
    "observation.state": {"topic": "/c")";
  EXPECT_THAT(error("{" + sensors + R"(, "type": "sensor_msgs/msg/Imu"}}})"),
              AllOf(HasSubstr("observation.state"), HasSubstr("Float32MultiArray")));
  EXPECT_THAT(error("{" + sensors + R"(}}, "commands": {"type": "geometry_msgs/msg/Twist"}})"),
              HasSubstr("'shoulder' is no part of a twist"));
  EXPECT_THAT(error("{" + sensors + R"(}}, "comands": {}})"), HasSubstr("commands"));
  EXPECT_EQ(error("{" + sensors + R"(}}, "commands": {"type": "std_msgs/msg/Float64MultiArray"}})"), "");
}

}  // namespace
}  // namespace vlaq::robot::ros2

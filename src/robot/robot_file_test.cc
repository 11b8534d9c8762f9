#include "robot/robot_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"

namespace vlaq::robot {
namespace {

using ::testing::HasSubstr;

PolicyFeatures Base(int64_t chunk, double period_s) {
  PolicyFeatures policy;
  Feature camera, task, action;
  camera.name = "observation.images.front";
  camera.type = FeatureType::kImage;
  task.name = "task";
  task.type = FeatureType::kText;
  policy.inputs = {camera, task};
  action.name = "action";
  action.type = FeatureType::kAction;
  action.shape = {chunk, 2};
  action.names = {"linear_x", "angular_z"};
  action.units = {"m/s", "rad/s"};
  policy.outputs = {action};
  policy.control_period_s = period_s;
  return policy;
}

TEST(RobotFileTest, WhatIsProposedForABaseFitsIt) {
  const auto settings = ProposeSettings(Base(1, 0.4));
  ASSERT_TRUE(settings.ok());
  EXPECT_TRUE(Validate(*settings, 1).ok()) << Validate(*settings, 1).error().ToString();
  ASSERT_EQ(settings->axes.size(), 2U);
  EXPECT_EQ(settings->axes[0].to, "linear.x");
  EXPECT_EQ(settings->axes[1].to, "angular.z");
  EXPECT_EQ(settings->axes[1].kind, AxisKind::kVelocity);
  EXPECT_LE(settings->axes[0].max, 0.5);
  ASSERT_EQ(settings->sensors.size(), 1U);  // a text is no sensor
  EXPECT_EQ(settings->timing.inference_period_ms, 400);
}

TEST(RobotFileTest, WhatIsProposedForAnyChunkAndPeriodFits) {
  for (const int64_t chunk : {1, 2, 8, 10, 50, 100}) {
    for (const double period : {0.0, 0.002, 0.02, 1.0 / 30, 0.1, 0.4, 1.0}) {
      const auto settings = ProposeSettings(Base(chunk, period));
      ASSERT_TRUE(settings.ok());
      const Status valid = Validate(*settings, chunk);
      EXPECT_TRUE(valid.ok()) << chunk << " " << period << ": " << valid.error().ToString();
    }
  }
}

TEST(RobotFileTest, JointsAreProposedAsPositionsWithoutLimits) {
  PolicyFeatures policy = Base(100, 1.0 / 50);
  policy.outputs[0].names = {"shoulder", "grip"};
  policy.outputs[0].units = {"rad", ""};
  const auto settings = ProposeSettings(policy);
  EXPECT_EQ(settings->axes[0].kind, AxisKind::kPosition);
  EXPECT_EQ(settings->axes[0].to, "shoulder");
  EXPECT_EQ(settings->timing.chunk_rule, ChunkRule::kReplaceAligned);
}

TEST(RobotFileTest, WhatCannotBeDrivenIsRefused) {
  PolicyFeatures policy = Base(1, 0.1);
  policy.outputs[0].shape = {1, 65};
  EXPECT_THAT(ProposeSettings(policy).error().ToString(), HasSubstr("65"));
  policy.outputs.clear();
  EXPECT_FALSE(ProposeSettings(policy).ok());
}

class FileTest : public ::testing::Test {
 protected:
  Result<RobotFile> Read(const std::string& text) {
    const std::filesystem::path path = folder_.path() / "robot.json";
    std::ofstream(path) << text;
    return ReadRobotFile(path);
  }
  TemporaryFolder folder_;
};

TEST_F(FileTest, IsReadAsItWasWritten) {
  RobotFile file{*ProposeSettings(Base(10, 0.4)), R"({"commands": {"topic": "/cmd_vel"}})"};
  const std::string text = RobotFileText(file);
  const auto again = Read(text);
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_EQ(RobotFileText(*again), text);
  EXPECT_THAT(again->ros2, HasSubstr("/cmd_vel"));
}

TEST_F(FileTest, ErrorsNameFileAndPlace) {
  EXPECT_THAT(Read("{").error().ToString(), HasSubstr("robot.json"));
  EXPECT_THAT(Read(R"({"schema": "vlaq.policy/2"})").error().ToString(), HasSubstr("vlaq.robot/1"));
  EXPECT_THAT(Read(R"({"schema": "vlaq.robot/1", "axis": []})").error().ToString(), HasSubstr("axes"));
  EXPECT_THAT(Read(R"({"schema": "vlaq.robot/1", "timing": {"ramp_ms": true}})").error().ToString(),
              HasSubstr("timing.ramp_ms"));
  EXPECT_FALSE(ReadRobotFile(folder_.path() / "absent.json").ok());
}

}  // namespace
}  // namespace vlaq::robot

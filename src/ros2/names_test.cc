#include "ros2/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::ros2 {
namespace {

using testing::HasSubstr;

std::string Resolved(std::string_view name, const NameSpace& space) {
  const Result<std::string> topic = ResolveTopic(name, space);
  return topic.ok() ? *topic : topic.error().ToString();
}

TEST(Names, AreAbsoluteRelativeOrPrivate) {
  const NameSpace root;
  EXPECT_EQ(Resolved("/cmd_vel", root), "/cmd_vel");
  EXPECT_EQ(Resolved("camera/image", root), "/camera/image");
  EXPECT_EQ(Resolved("~/status", root), "/vlaq/status");
  const NameSpace robot{"/r1", "driver", {}};
  EXPECT_EQ(Resolved("/cmd_vel", robot), "/cmd_vel");
  EXPECT_EQ(Resolved("cmd_vel", robot), "/r1/cmd_vel");
  EXPECT_EQ(Resolved("~/status", robot), "/r1/driver/status");
}

TEST(Names, AreRemappedOnceByTheFirstRule) {
  const NameSpace space{
      "/r1", "driver", {{"cmd_vel", "/base/cmd_vel"}, {"/r1/image", "~/image"}, {"/base/cmd_vel", "/x"}}};
  EXPECT_EQ(Resolved("cmd_vel", space), "/base/cmd_vel");
  EXPECT_EQ(Resolved("/r1/cmd_vel", space), "/base/cmd_vel");
  EXPECT_EQ(Resolved("image", space), "/r1/driver/image");
  EXPECT_EQ(Resolved("/cmd_vel", space), "/cmd_vel");
}

TEST(Names, WrongOnesSayWhy) {
  const NameSpace root;
  EXPECT_THAT(Resolved("", root), HasSubstr("is empty"));
  EXPECT_THAT(Resolved("/a//b", root), HasSubstr("has an empty part"));
  EXPECT_THAT(Resolved("/a/", root), HasSubstr("has an empty part"));
  EXPECT_THAT(Resolved("/2d", root), HasSubstr("begins with a digit"));
  EXPECT_THAT(Resolved("/cmd vel", root), HasSubstr("a character other than"));
  EXPECT_THAT(Resolved("/a__b", root), HasSubstr("two underscores"));
  EXPECT_THAT(Resolved("~status", root), HasSubstr("a character other than"));
  EXPECT_THAT(Resolved("/" + std::string(300, 'a'), root), HasSubstr("longer than 247"));
  EXPECT_FALSE(CheckNameSpace({"r1", "driver", {}}).ok());
  EXPECT_FALSE(CheckNameSpace({"/r1/", "driver", {}}).ok());
  EXPECT_FALSE(CheckNameSpace({"/", "my node", {}}).ok());
  EXPECT_TRUE(CheckNameSpace({"/a/b", "driver", {{"x", "/y"}}}).ok());
}

TEST(Names, RemappingsAreOldAndNew) {
  const Result<Remapping> rule = ParseRemapping("image:=/camera/image_raw");
  ASSERT_TRUE(rule.ok());
  EXPECT_EQ(rule->from, "image");
  EXPECT_EQ(rule->to, "/camera/image_raw");
  for (const char* wrong : {"image", "image=/x", ":=/x", "/x:=", "/x:=/a b"}) {
    EXPECT_FALSE(ParseRemapping(wrong).ok()) << wrong;
  }
}

TEST(Names, OverDds) {
  EXPECT_EQ(DdsTopicName("/r1/cmd_vel"), "rt/r1/cmd_vel");
  const Result<std::string> type = DdsTypeName("sensor_msgs/msg/CompressedImage");
  ASSERT_TRUE(type.ok());
  EXPECT_EQ(*type, "sensor_msgs::msg::dds_::CompressedImage_");
  EXPECT_EQ(RosTypeName(*type), "sensor_msgs/msg/CompressedImage");
  EXPECT_EQ(RosTypeName("Other"), "Other");
  for (const char* wrong : {"Twist", "geometry_msgs/Twist", "geometry_msgs/srv/Twist", "/msg/Twist", "a/msg/"}) {
    EXPECT_FALSE(DdsTypeName(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace vlaq::ros2

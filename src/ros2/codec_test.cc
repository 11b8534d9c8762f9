#include "ros2/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/allocation_guard_testing.h"
#include "ros2/testing.h"

namespace vlaq::ros2 {
namespace {

using testing::HasSubstr;

const std::string kTwistHex =
    "00010000 666666666666f23f 666666666666f2bf 0000000000000000 0000000000000000 0000000000000000 000000000000e03f";
const std::string kImageHex =
    "00010000 01000000 02000000 04000000 63616d00 01000000 02000000 05000000 7267623800 00 0000 06000000 06000000 "
    "010203040506";
const std::string kCompressedHex =
    "00010000 01000000 02000000 04000000 63616d00 05000000 6a70656700 000000 03000000 010203";
const std::string kStampedHex =
    "00010000 01000000 02000000 05000000 6261736500 00000000000000 666666666666f23f" + std::string(80, '0');

Header CameraHeader() { return {{1, 2}, "cam"}; }

std::vector<std::byte> Six() { return FromHex("010203040506"); }

TEST(Codec, TwistIsTheBytesOfCyclone) {
  const Twist twist{{1.15, -1.15, 0}, {0, 0, 0.5}};
  EXPECT_EQ(Encode(twist), FromHex(kTwistHex));
  const std::vector<std::byte> bytes = FromHex(kTwistHex);
  const Result<Twist> read = Decode<Twist>(bytes);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->linear.y, -1.15);
  EXPECT_EQ(read->angular.z, 0.5);
}

TEST(Codec, ImageIsTheBytesOfCyclone) {
  const std::vector<std::byte> data = Six();
  const Image image{CameraHeader(), 1, 2, "rgb8", 0, 6, data};
  EXPECT_EQ(Encode(image), FromHex(kImageHex));
  // As Cyclone sends it: two bytes of padding, announced in the header.
  std::vector<std::byte> sent = FromHex(kImageHex + "0000");
  sent[3] = std::byte{2};
  const Result<Image> read = Decode<Image>(sent);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->header.stamp.nanosec, 2U);
  EXPECT_EQ(read->header.frame_id, "cam");
  EXPECT_EQ(read->step, 6U);
  EXPECT_EQ(read->data.size(), 6U);
  EXPECT_EQ(read->data.data(), sent.data() + 48) << "pixels are not copied";
}

TEST(Codec, CompressedImageIsTheBytesOfCyclone) {
  const std::vector<std::byte> data = FromHex("010203");
  EXPECT_EQ(Encode(CompressedImage{CameraHeader(), "jpeg", data}), FromHex(kCompressedHex));
  const std::vector<std::byte> bytes = FromHex(kCompressedHex + "00");
  const Result<CompressedImage> read = Decode<CompressedImage>(bytes);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->format, "jpeg");
  EXPECT_EQ(ToHex(read->data), "010203");
}

TEST(Codec, StampedTwistIsAlignedFromTheBody) {
  const TwistStamped twist{{{1, 2}, "base"}, {{1.15, 0, 0}, {}}};
  EXPECT_EQ(Encode(twist), FromHex(kStampedHex));
  const std::vector<std::byte> bytes = FromHex(kStampedHex);
  const Result<TwistStamped> read = Decode<TwistStamped>(bytes);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->twist.linear.x, 1.15);
}

TEST(Codec, BigEndianIsReadToo) {
  const std::vector<std::byte> twist = FromHex(
      "00000000 3ff2666666666666 bff2666666666666 0000000000000000 0000000000000000 0000000000000000 3fe0000000000000");
  const Result<Twist> read = Decode<Twist>(twist);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(Encode(*read), FromHex(kTwistHex));
  const std::vector<std::byte> image = FromHex(
      "00000000 00000001 00000002 00000004 63616d00 00000001 00000002 00000005 7267623800 00 0000 00000006 00000006 "
      "010203040506");
  const Result<Image> picture = Decode<Image>(image);
  ASSERT_TRUE(picture.ok()) << picture.error().ToString();
  EXPECT_EQ(Encode(*picture), FromHex(kImageHex));
  const std::vector<std::byte> scan = FromHex("00000000 00000000 00000000 00000002 3f800000 40000000");
  const Result<Float32MultiArray> array = Decode<Float32MultiArray>(scan);
  ASSERT_TRUE(array.ok()) << array.error().ToString();
  EXPECT_THAT(array->data, testing::ElementsAre(1.0F, 2.0F));
}

TEST(Codec, EveryTypeComesBackAsItWas) {
  ASSERT_EQ(TestedTypes().size(), MessageTypes().size());
  for (const TestedType& type : TestedTypes()) {
    for (int first = 1; first <= 4; ++first) {  // strings and sequences of several lengths, so paddings differ
      const std::vector<std::byte> bytes = type.sample(first);
      const auto again = type.encode_again(bytes);
      ASSERT_TRUE(again.ok()) << again.error().ToString();
      EXPECT_EQ(*again, bytes) << type.name;
      EXPECT_TRUE(FindMessageType(type.name)->check(bytes).ok());
    }
  }
}

TEST(Codec, EmptySequencesAreNotPadded) {
  const JointState none{{{0, 0}, ""}, {}, {}, {}, {}};
  EXPECT_EQ(Encode(none).size(), 4U + 8 + 5 + 3 + 4 * 4);
}

TEST(Codec, RangesOfOlderRosHaveNoVariance) {
  std::vector<std::byte> bytes = Encode(Filled<Range>());
  const Result<Range> newer = Decode<Range>(bytes);
  ASSERT_TRUE(newer.ok());
  EXPECT_NE(newer->variance, 0.0F);
  bytes.resize(bytes.size() - 4);
  const Result<Range> older = Decode<Range>(bytes);
  ASSERT_TRUE(older.ok()) << older.error().ToString();
  EXPECT_EQ(older->range, newer->range);
  EXPECT_EQ(older->variance, 0.0F);
}

TEST(Codec, EncodesIntoBytesOfTheCaller) {
  const Twist twist = Filled<Twist>();
  std::array<std::byte, 52> room{};
  EXPECT_EQ(EncodedSize(twist), room.size());
  EXPECT_EQ(ToHex(EncodeInto(twist, MutableBytes(room))), ToHex(Encode(twist)));
  EXPECT_TRUE(EncodeInto(twist, MutableBytes(room).first(51)).empty());
  EXPECT_TRUE(EncodeInto(twist, MutableBytes()).empty());
  std::vector<std::byte> buffer(100);
  EXPECT_EQ(EncodeInto(twist, buffer).size(), 52U);
  EXPECT_EQ(EncodeInto(Filled<Image>(), buffer).size(), EncodedSize(Filled<Image>()));
}

TEST(Codec, NothingIsAllocatedOnTheWayOut) {
  const JointTrajectory trajectory = Filled<JointTrajectory>();
  std::array<std::byte, 1024> room{};
  const std::vector<std::byte> bytes = Encode(trajectory);
  const AllocationGuard guard;
  const size_t size = EncodeInto(trajectory, MutableBytes(room)).size();
  const bool is_good = Check<JointTrajectory>(bytes).ok();
  EXPECT_EQ(guard.count(), 0U);
  EXPECT_EQ(size, bytes.size());
  EXPECT_TRUE(is_good);
}

TEST(Codec, SchemaListsTheTypesItUses) {
  const MessageType* twist = FindMessageType("geometry_msgs/msg/Twist");
  ASSERT_NE(twist, nullptr);
  EXPECT_EQ(twist->schema(), "geometry_msgs/Vector3 linear\ngeometry_msgs/Vector3 angular\n" + std::string(80, '=') +
                                 "\nMSG: geometry_msgs/Vector3\nfloat64 x\nfloat64 y\nfloat64 z\n");
  const std::string image = FindMessageType("sensor_msgs/msg/Image")->schema();
  EXPECT_THAT(image,
              HasSubstr("std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\n"));
  EXPECT_THAT(image, HasSubstr("uint8[] data\n"));
  EXPECT_THAT(image, HasSubstr("MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n"));
  EXPECT_THAT(FindMessageType("trajectory_msgs/msg/JointTrajectory")->schema(),
              HasSubstr("string[] joint_names\ntrajectory_msgs/JointTrajectoryPoint[] points\n"));
  EXPECT_EQ(FindMessageType("geometry_msgs/msg/Wrench"), nullptr);
}

}  // namespace
}  // namespace vlaq::ros2

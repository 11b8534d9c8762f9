// Messages that are cut, changed or something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "ros2/codec.h"
#include "ros2/testing.h"

namespace vlaq::ros2 {
namespace {

using testing::HasSubstr;

TEST(CodecDamage, CutAtEveryByteIsAnError) {
  for (const TestedType& type : TestedTypes()) {
    const std::vector<std::byte> whole = type.sample(1);
    for (size_t size = 0; size < whole.size(); ++size) {
      if (type.name == Range::kType && size + 4 >= whole.size()) continue;  // without variance it is older ROS's
      const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      const auto json = type.json(cut);
      ASSERT_FALSE(json.ok()) << type.name << " of " << size << " bytes";
      EXPECT_THAT(json.error().ToString(), HasSubstr(std::string(type.name)));
      EXPECT_THAT(json.error().ToString(), HasSubstr("byte "));
      EXPECT_FALSE(FindMessageType(type.name)->check(cut).ok());
    }
  }
}

TEST(CodecDamage, ChangedBitsAreReadOrRefused) {
  for (const TestedType& type : TestedTypes()) {
    std::vector<std::byte> bytes = type.sample(2);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      const auto mask = static_cast<std::byte>(1U << (bit % 8));
      bytes[bit / 8] ^= mask;
      EXPECT_EQ(type.json(bytes).ok(), FindMessageType(type.name)->check(bytes).ok()) << type.name << ", bit " << bit;
      bytes[bit / 8] ^= mask;
    }
  }
}

// The error of decoding `hex` as T.
template <Message T>
std::string ErrorOf(std::string_view hex) {
  const std::vector<std::byte> bytes = FromHex(hex);
  const Result<T> message = Decode<T>(bytes);
  return message.ok() ? "none" : message.error().ToString();
}

TEST(CodecDamage, ErrorsNameFieldAndByte) {
  EXPECT_EQ(ErrorOf<TwistStamped>("00010000 01000000"),
            "geometry_msgs/msg/TwistStamped: header.stamp.nanosec: byte 8: 4 bytes are needed and 0 are left");
  EXPECT_EQ(ErrorOf<String>("00010000 02000000 4141"),
            "std_msgs/msg/String: data: byte 10: a string does not end in a zero byte");
  EXPECT_EQ(ErrorOf<Bool>("00010000 02"), "std_msgs/msg/Bool: data: byte 4: a truth value is 2, not 0 or 1");
  EXPECT_THAT(ErrorOf<Bool>("00070000 01"), HasSubstr("encapsulation 00 07 is not plain CDR of version 1"));
  EXPECT_THAT(ErrorOf<Bool>("0001"), HasSubstr("a message of 2 bytes has no encapsulation header"));
}

TEST(CodecDamage, CountsAreHeldAgainstTheBytes) {
  EXPECT_THAT(ErrorOf<Float64MultiArray>("00010000 00000000 00000000 ffffffff 0000000000000000"),
              HasSubstr("data: byte 16: a count of 4294967295 does not fit into the 8 bytes that are left"));
  EXPECT_THAT(ErrorOf<Float64MultiArray>("00010000 ffffff7f 0000000000000000"),
              HasSubstr("layout.dim: byte 8: a count"));
  EXPECT_THAT(ErrorOf<CompressedImage>("00010000 00000000 00000000 00000000 00000000 ffffffff 01"),
              HasSubstr("data: byte 24: a count"));
  EXPECT_THAT(ErrorOf<String>("00010000 ffffffff 41"), HasSubstr("a count of 4294967295"));
}

TEST(CodecDamage, WhatFollowsIsPaddingOrNothing) {
  EXPECT_EQ(ErrorOf<Bool>("00010000 01"), "none");
  EXPECT_EQ(ErrorOf<Bool>("00010000 01 aabbcc"), "none") << "padding has any value";
  EXPECT_EQ(ErrorOf<Bool>("00010000 01 000000000000"), "none");
  EXPECT_THAT(ErrorOf<Bool>("00010000 01 00000001"), HasSubstr("4 bytes more than the type has"));
  EXPECT_EQ(ErrorOf<String>("00010000 00000000"), "none") << "some senders leave out the zero byte of nothing";
}

}  // namespace
}  // namespace vlaq::ros2

#include "ros2/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/image.h"
#include "image/testing.h"
#include "ros2/testing.h"

namespace vlaq::ros2 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A picture of two columns and `height` rows.
Image Picture(std::string encoding, uint32_t height, uint32_t step, const std::vector<std::byte>& data) {
  return {{}, height, 2, std::move(encoding), 0, step, data};
}

std::string Values(const Result<Tensor>& tensor) {
  return tensor.ok() ? ToHex(tensor->bytes()) : tensor.error().ToString();
}

TEST(Picture, EveryEncodingBecomesRgb) {
  const std::vector<std::byte> three = FromHex("010203040506");
  EXPECT_EQ(Values(ToRgb(Picture("rgb8", 1, 6, three))), "010203040506");
  EXPECT_EQ(Values(ToRgb(Picture("bgr8", 1, 6, three))), "030201060504");
  const std::vector<std::byte> four = FromHex("0102030405060708");
  EXPECT_EQ(Values(ToRgb(Picture("rgba8", 1, 8, four))), "010203050607");
  EXPECT_EQ(Values(ToRgb(Picture("bgra8", 1, 8, four))), "030201070605");
  EXPECT_EQ(Values(ToRgb(Picture("mono8", 1, 2, FromHex("0709")))), "070707090909");
}

TEST(Picture, RowsMayBeLongerThanTheirPixels) {
  const std::vector<std::byte> rows = FromHex("010203040506 ffff 0708090a0b0c ffff");
  const Result<Tensor> rgb = ToRgb(Picture("rgb8", 2, 8, rows));
  EXPECT_EQ(Values(rgb), "0102030405060708090a0b0c");
  ASSERT_TRUE(rgb.ok());
  EXPECT_THAT(rgb->shape(), ElementsAre(2, 2, 3));
  EXPECT_EQ(Values(ToRgb(Picture("bgr8", 2, 8, rows))), "0302010605040908070c0b0a");
  std::vector<uint8_t> room(12);
  EXPECT_TRUE(ToRgbInto(Picture("rgb8", 2, 8, rows), room).ok());
  EXPECT_EQ(room.back(), 12);
  EXPECT_FALSE(ToRgbInto(Picture("rgb8", 2, 8, rows), std::span(room).first(11)).ok());
}

TEST(Picture, WhatDoesNotFitIsRefused) {
  const std::vector<std::byte> six = FromHex("010203040506");
  EXPECT_THAT(Values(ToRgb(Picture("yuv422", 1, 6, six))), HasSubstr("encoding 'yuv422' is not read"));
  EXPECT_THAT(Values(ToRgb(Picture("rgb8", 1, 5, six))), HasSubstr("step is 5"));
  EXPECT_THAT(Values(ToRgb(Picture("rgb8", 2, 6, six))), HasSubstr("6 bytes of data, and 2 rows of 6 bytes are 12"));
  EXPECT_THAT(Values(ToRgb(Picture("rgb8", 0, 6, six))), HasSubstr("is not allowed"));
  const Image huge{{}, 4000000000U, 4000000000U, "mono8", 0, 4000000000U, six};
  EXPECT_THAT(Values(ToRgb(huge)), HasSubstr("is not allowed"));
}

TEST(Picture, CompressedOnesAreKnownByTheirBytes) {
  const std::string png = image::ReadAll(image::Fixture("rgb.png"));
  const Result<Tensor> rgb = ToRgb(CompressedImage{{}, "jpeg", AsBytes(png)});
  ASSERT_TRUE(rgb.ok()) << rgb.error().ToString();
  EXPECT_EQ(rgb->rank(), 3);
  EXPECT_EQ(rgb->shape().back(), 3);
  EXPECT_FALSE(ToRgb(CompressedImage{{}, "png", AsBytes(png).first(40)}).ok());
}

}  // namespace
}  // namespace vlaq::ros2

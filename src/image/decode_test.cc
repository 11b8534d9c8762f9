#include "image/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/random.h"
#include "base/testing.h"
#include "image/testing.h"

namespace vlaq::image {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string>& Pictures() {
  static const std::vector<std::string> names = {"rgb_444.jpg",      "rgb_422.jpg",
                                                 "rgb_420.jpg",      "progressive.jpg",
                                                 "grey.jpg",         "restart.jpg",
                                                 "orientation.jpg",  "stored_as_rgb.jpg",
                                                 "rgb.png",          "rgba.png",
                                                 "grey.png",         "grey_alpha.png",
                                                 "bilevel.png",      "palette.png",
                                                 "palette_4bit.png", "palette_transparent.png",
                                                 "grey_16bit.png",   "rgb_16bit.png",
                                                 "rgba_16bit.png",   "grey_alpha_16bit.png",
                                                 "interlaced.png",   "grey_16bit_interlaced.png",
                                                 "gamma.png",        "transparent_colour.png",
                                                 "grey_2bit.png"};
  return names;
}

class DecodePicture : public ::testing::TestWithParam<std::string> {};

TEST_P(DecodePicture, GivesPillowsPixels) {
  const Image expected = ReadPpm(Fixture(GetParam() + ".ppm"));
  ASSERT_GT(expected.width, 0);
  const Result<Image> image = ReadImage(Fixture(GetParam()));
  ASSERT_TRUE(image.ok()) << image.error().ToString();
  EXPECT_EQ(image->width, expected.width);
  EXPECT_EQ(image->height, expected.height);
  EXPECT_EQ(image->rgb, expected.rgb);
}

// No prefix of a picture is a picture, except that JPEG's two last bytes (the end marker) may be anything's start.
TEST_P(DecodePicture, EveryTruncationIsACleanError) {
  const std::string whole = ReadAll(Fixture(GetParam()));
  for (size_t size = 0; size + 2 < whole.size(); size += size < 700 ? 1 : 7) {
    const std::string part = whole.substr(0, size);
    const Result<Image> image = DecodeImage(AsBytes(part), "part");
    ASSERT_FALSE(image.ok()) << GetParam() << " cut to " << size << " of " << whole.size();
    EXPECT_EQ(image.error().code, ErrorCode::kInput);
    EXPECT_THAT(image.error().where, HasSubstr("part"));
  }
}

TEST_P(DecodePicture, FlippedBytesNeverCrash) {
  const std::string whole = ReadAll(Fixture(GetParam()));
  Random random(7, std::hash<std::string>{}(GetParam()));
  for (int round = 0; round < 150; ++round) {
    std::string bytes = whole;
    for (uint64_t flips = 1 + random.Below(4); flips > 0; --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    const Result<Image> image = DecodeImage(AsBytes(bytes), "flipped");
    if (image.ok()) {
      EXPECT_TRUE(ImageView(*image).IsValid());
    } else {
      EXPECT_EQ(image.error().code, ErrorCode::kInput) << image.error().ToString();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DecodePicture, ::testing::ValuesIn(Pictures()), [](const auto& tested) {
  std::string name = tested.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

std::string ErrorOf(const std::string& name) {
  const Result<Image> image = ReadImage(Fixture(name));
  if (image.ok()) return "no error";
  EXPECT_EQ(image.error().code, ErrorCode::kInput);
  EXPECT_THAT(image.error().ToString(), HasSubstr(name));
  return image.error().ToString();
}

TEST(Decode, SizeIsCheckedBeforeAnythingIsAllocated) { EXPECT_THAT(ErrorOf("huge.png"), HasSubstr("60000 x 60000")); }

TEST(Decode, CmykIsRefused) { EXPECT_THAT(ErrorOf("cmyk.jpg"), HasSubstr("CMYK")); }

TEST(Decode, PaletteIndicesAreChecked) { EXPECT_THAT(ErrorOf("wild_index.png"), HasSubstr("palette")); }

TEST(Decode, AbsentFileIsNamed) { EXPECT_NE(ErrorOf("no_such.png"), "no error"); }

TEST(Decode, ContentDecidesNotTheName) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "really_png.jpg";
  std::ofstream(path, std::ios::binary) << ReadAll(Fixture("rgb.png"));
  const Result<Image> image = ReadImage(path);
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->rgb, ReadPpm(Fixture("rgb.png.ppm")).rgb);
}

TEST(Decode, OtherFormatsAreNamed) {
  const Result<Image> image = DecodeImage(AsBytes("GIF89a\x01"), "x.gif");
  ASSERT_FALSE(image.ok());
  EXPECT_THAT(image.error().ToString(), HasSubstr("is a GIF picture, not a JPEG or PNG picture; convert it"));
  EXPECT_THAT(DecodeImage(AsBytes("\x01\x02\x03"), "x").error().ToString(), HasSubstr("it starts with 01 02 03"));
  EXPECT_THAT(DecodeImage({}, "empty").error().ToString(), HasSubstr("is empty"));
}

TEST(Decode, BytesAfterThePictureAreIgnored) {
  for (const std::string name : {"rgb.png", "rgb_420.jpg"}) {
    const std::string longer = ReadAll(Fixture(name)) + "something else";
    const Result<Image> image = DecodeImage(AsBytes(longer), name);
    ASSERT_TRUE(image.ok()) << image.error().ToString();
    EXPECT_EQ(image->rgb, ReadPpm(Fixture(name + ".ppm")).rgb);
  }
}

}  // namespace
}  // namespace vlaq::image

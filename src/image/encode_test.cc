#include "image/encode.h"

#include <gmock/gmock.h>

#include "base/testing.h"
#include "image/decode.h"
#include "image/testing.h"

namespace vlaq::image {
namespace {

TEST(EncodePng, WhatIsWrittenIsReadBack) {
  for (const auto& [width, height] : {std::pair{1, 1}, {37, 5}, {224, 126}}) {
    const Image picture = Pattern("random", 7, width, height);
    const auto bytes = EncodePng(picture);
    ASSERT_TRUE(bytes.ok());
    const auto back = DecodeImage(AsBytes(*bytes), "memory");
    ASSERT_TRUE(back.ok()) << back.error().ToString();
    EXPECT_EQ(back->width, width);
    EXPECT_EQ(back->rgb, picture.rgb);
  }
}

TEST(EncodePng, RefusesWhatIsNoPicture) {
  const Image empty;
  EXPECT_EQ(EncodePng(empty).error().code, ErrorCode::kUsage);
}

TEST(WritePng, DoesNotOverwriteUnasked) {
  const TemporaryFolder folder;
  const Image picture = Pattern("random", 7, 4, 4);
  const auto path = folder.path() / "a.png";
  ASSERT_TRUE(WritePng(path, picture, Existing::kRefuse).ok());
  EXPECT_EQ(WritePng(path, picture, Existing::kRefuse).error().code, ErrorCode::kUsage);
  EXPECT_TRUE(WritePng(path, picture, Existing::kReplace).ok());
}

}  // namespace
}  // namespace vlaq::image

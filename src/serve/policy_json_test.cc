#include "serve/policy_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/json.h"
#include "image/encode.h"
#include "serve/testing.h"

namespace vlaq::serve {
namespace {

using ::testing::HasSubstr;

bool IsPicture(std::string_view key) { return key == "image" || key.starts_with("images/"); }

Result<Request> Read(const Json& json, int max_side = 100) {
  return RequestFromJson(json.dump(), IsPicture, {.max_side = max_side});
}
std::string ErrorOf(const Json& json, int max_side = 100) {
  const auto read = Read(json, max_side);
  return read.ok() ? "read" : read.error().ToString();
}

std::string PngOf(const Tensor& picture) {
  const auto png = image::EncodePng(
      {static_cast<int>(picture.shape()[1]), static_cast<int>(picture.shape()[0]), picture.data<uint8_t>()});
  return Base64(std::as_bytes(std::span(*png)));
}

TEST(PolicyJsonTest, PicturesNumbersAndTexts) {
  const Tensor picture = testing::Picture(3);
  const auto request = Read({{"image", PngOf(picture)},
                             {"images", {{"left", {{"shape", {12, 16, 3}}, {"data", Base64(picture.bytes())}}}}},
                             {"state", {1, 2.5}},
                             {"instruction", "go"},
                             {"reset", true}});
  ASSERT_TRUE(request.ok()) << request.error().ToString();
  for (const char* key : {"image", "images/left"}) {
    const Tensor& read = request->values.at(key);
    EXPECT_EQ(read.shape(), picture.shape()) << key;
    EXPECT_TRUE(std::ranges::equal(read.bytes(), picture.bytes())) << key;
  }
  EXPECT_THAT(request->values.at("state").data<double>(), ::testing::ElementsAre(1, 2.5));
  EXPECT_EQ(request->texts.at("instruction"), "go");
  EXPECT_TRUE(request->reset);
}

TEST(PolicyJsonTest, ErrorsNameTheKey) {
  EXPECT_THAT(ErrorOf({{"image", "%%%%"}}), HasSubstr("image: character 0: is none of base64"));
  EXPECT_THAT(ErrorOf({{"image", "AAAA"}}), HasSubstr("JPEG"));
  EXPECT_THAT(ErrorOf({{"image", PngOf(testing::Picture(1))}}, 15),
              HasSubstr("16 x 12 pixels, but sides must be 1 to 15"));
  EXPECT_THAT(ErrorOf({{"images", {{"left", {{"shape", {2, 2, 3}}, {"data", "AAAA"}}}}}}),
              HasSubstr("[2, 2, 3] has 3 bytes"));
  EXPECT_THAT(ErrorOf({{"images", {{"left", {{"shape", {101, 2, 3}}, {"data", "AAAA"}}}}}}),
              HasSubstr("from 1 to 100"));
  EXPECT_THAT(ErrorOf({{"state", {1, "x"}}}), HasSubstr("state: a string where a number must be"));
  EXPECT_THAT(ErrorOf({{"state", {{1, 2}, {3}}}}), HasSubstr("of one length"));
  EXPECT_THAT(ErrorOf({{"reset", 1}}), HasSubstr("reset: must be true or false"));
  EXPECT_THAT(ErrorOf(Json::array()), HasSubstr("must be a JSON object"));
  EXPECT_THAT(RequestFromJson("{", IsPicture, {}).error().ToString(), HasSubstr("request"));
}

TEST(PolicyJsonTest, ActionsAreRows) {
  const std::vector<float> numbers{1, 2, 3, 4};
  EXPECT_EQ(ActionsJson(Tensor::From<float>({2, 2}, numbers)).dump(), "[[1.0,2.0],[3.0,4.0]]");
  EXPECT_EQ(FirstActionJson(Tensor::From<float>({4}, numbers)).dump(), "[1.0,2.0,3.0,4.0]");
}

}  // namespace
}  // namespace vlaq::serve

#include "image/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "image/decode.h"
#include "image/testing.h"

namespace vlaq::image {
namespace {

Preprocessor MakeOrDie(const PreprocessSpec& spec) {
  Result<Preprocessor> made = Preprocessor::Make(spec);
  EXPECT_TRUE(made.ok());
  return std::move(*made);
}

// Frames and pixel values of the golden cases (Pillow, NumPy in double, rounded to float32); every 37th value.
void ExpectGolden(const std::string& name, const PreprocessSpec& spec) {
  constexpr size_t kStride = 37;
  const std::string bytes = ReadAll(Fixture(name + ".f32"));
  std::vector<float> expected(bytes.size() / sizeof(float));
  ASSERT_EQ(expected.size(), (size_t{3} * 224 * 224 + kStride - 1) / kStride);
  std::memcpy(expected.data(), bytes.data(), bytes.size());
  const Result<Image> frame = ReadImage(Fixture(name + ".png"));
  ASSERT_TRUE(frame.ok());
  Preprocessor preprocessor = MakeOrDie(spec);
  const Result<Tensor> pixels = preprocessor.Run(*frame);
  ASSERT_TRUE(pixels.ok());
  EXPECT_EQ(pixels->shape(), (Shape{3, 224, 224}));
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto actual = static_cast<double>(pixels->data<float>()[i * kStride]);
    worst = std::max(worst, std::abs(actual - static_cast<double>(expected[i])));
  }
  EXPECT_LE(worst, 1e-6);
}

TEST(Preprocess, GoldenBicubicClip) {
  ExpectGolden("golden_micro909", {.resize = Filter::kBicubic, .normalization = Normalization::kClip});
}

TEST(Preprocess, GoldenBilinearImagenet) {
  ExpectGolden("golden_micro909_last_token", {.resize = Filter::kBilinear, .normalization = Normalization::kImagenet});
}

TEST(Preprocess, NamesGoBothWays) {
  for (const auto normalization : {Normalization::kClip, Normalization::kImagenet, Normalization::kNone}) {
    EXPECT_EQ(FindNormalization(NormalizationName(normalization)), normalization);
  }
  for (const auto order : {ChannelOrder::kRgb, ChannelOrder::kBgr}) {
    EXPECT_EQ(FindChannelOrder(ChannelOrderName(order)), order);
  }
  EXPECT_EQ(FindNormalization("CLIP"), std::nullopt);
  EXPECT_EQ(FindChannelOrder("gbr"), std::nullopt);
}

TEST(Preprocess, ChannelsComeFirstAndNoneMeansZeroToOne) {
  const std::vector<uint8_t> bytes = {0, 51, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90};
  Preprocessor preprocessor = MakeOrDie({.normalization = Normalization::kNone, .image_size = 2});
  const Result<Tensor> pixels = preprocessor.Run(Tensor::From<uint8_t>({2, 2, 3}, bytes));
  ASSERT_TRUE(pixels.ok());
  const std::vector<float> expected = {0.F,        10 / 255.F, 40 / 255.F, 70 / 255.F, 0.2F,       20 / 255.F,
                                       50 / 255.F, 80 / 255.F, 1.F,        30 / 255.F, 60 / 255.F, 90 / 255.F};
  EXPECT_THAT(pixels->data<float>(), ::testing::Pointwise(::testing::FloatEq(), expected));
}

TEST(Preprocess, OwnStatisticsStandInForTheNamed) {
  const std::vector<uint8_t> bytes = {0, 51, 255};
  const Statistics own{{0.25, 0.5, 0.75}, {0.5, 0.25, 0.125}};
  Preprocessor preprocessor =
      MakeOrDie({.normalization = Normalization::kImagenet, .image_size = 1, .statistics = own});
  const Result<Tensor> pixels = preprocessor.Run(Tensor::From<uint8_t>({1, 1, 3}, bytes));
  ASSERT_TRUE(pixels.ok());
  EXPECT_THAT(pixels->data<float>(), ::testing::Pointwise(::testing::FloatEq(), std::vector<float>{-0.5F, -1.2F, 2.F}));
  for (const double deviation : {0.0, -1.0, std::nan("")}) {
    const auto refused = Preprocessor::Make({.statistics = Statistics{{0, 0, 0}, {1, deviation, 1}}});
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().ToString(), ::testing::HasSubstr("standard deviation of"));
  }
}

TEST(Preprocess, HeightMayDifferFromWidth) {
  const Image frame = Pattern("noise", 3, 20, 14);
  Preprocessor wide = MakeOrDie({.image_size = 12, .image_height = 5});
  EXPECT_EQ(wide.size(), 3U * 12 * 5);
  const Result<Tensor> pixels = wide.Run(frame);
  ASSERT_TRUE(pixels.ok());
  EXPECT_EQ(pixels->shape(), (Shape{3, 5, 12}));
  // The same numbers as the resizer's own picture gives.
  Image resized;
  ASSERT_TRUE(Resizer(Filter::kBicubic, 12, 5).Resize(frame, resized).ok());
  const Statistics& clip = StatisticsOf(Normalization::kClip);
  for (size_t i = 0; i < size_t{12} * 5; ++i) {
    const double expected = (resized.rgb[3 * i + 1] / 255.0 - clip.mean[1]) / clip.standard_deviation[1];
    ASSERT_FLOAT_EQ(pixels->data<float>()[size_t{12} * 5 + i], static_cast<float>(expected)) << i;
  }
  EXPECT_FALSE(Preprocessor::Make({.image_size = 12, .image_height = 4097}).ok());
  EXPECT_FALSE(Preprocessor::Make({.image_size = 12, .image_height = -1}).ok());
}

TEST(Preprocess, BgrSwapsTheFrameAndNotTheStatistics) {
  const Image rgb = Pattern("noise", 3, 20, 14);
  Image bgr = rgb;
  for (size_t i = 0; i < bgr.rgb.size(); i += 3) std::swap(bgr.rgb[i], bgr.rgb[i + 2]);
  Preprocessor straight = MakeOrDie({.image_size = 16});
  Preprocessor swapped = MakeOrDie({.channel_order = ChannelOrder::kBgr, .image_size = 16});
  EXPECT_THAT(swapped.Run(bgr)->data<float>(), ::testing::Pointwise(::testing::Eq(), straight.Run(rgb)->data<float>()));
  EXPECT_NE(swapped.Run(rgb)->data<float>()[0], straight.Run(rgb)->data<float>()[0]);
}

TEST(Preprocess, RefusesWrongInputs) {
  EXPECT_EQ(Preprocessor::Make({.image_size = 0}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(Preprocessor::Make({.image_size = 5000}).error().code, ErrorCode::kUsage);
  Preprocessor preprocessor = MakeOrDie({.image_size = 2});
  for (const Tensor& wrong : {Tensor::Make(DType::kU8, {2, 2, 4}), Tensor::Make(DType::kF32, {2, 2, 3}),
                              Tensor::Make(DType::kU8, {2, 2}), Tensor::Make(DType::kU8, {0, 2, 3})}) {
    const Result<Tensor> pixels = preprocessor.Run(wrong);
    ASSERT_FALSE(pixels.ok());
    EXPECT_EQ(pixels.error().code, ErrorCode::kInput);
    EXPECT_THAT(pixels.error().what, ::testing::HasSubstr(ShapeText(wrong.shape())));
  }
  std::vector<float> short_room(11);
  EXPECT_FALSE(preprocessor.Run(Pattern("noise", 1, 4, 4), short_room).ok());
}

}  // namespace
}  // namespace vlaq::image

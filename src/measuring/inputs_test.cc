#include "measuring/inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"

namespace vlaq::measuring {
namespace {

using ::testing::HasSubstr;

TEST(Inputs, ComeBackAsTheyWere) {
  const TemporaryFolder folder;
  const Tensor pixels = NoiseFrames(5, 3, 7);
  EXPECT_EQ(pixels.shape(), (Shape{3, 3, 5, 5}));
  ASSERT_TRUE(WriteInputs(folder.path() / "x.safetensors", pixels).ok());
  const auto read = ReadInputs(folder.path() / "x.safetensors");
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->shape(), pixels.shape());
  EXPECT_TRUE(std::ranges::equal(read->bytes(), pixels.bytes()));
}

TEST(Inputs, NoiseIsSeeded) {
  EXPECT_TRUE(std::ranges::equal(NoiseFrames(4, 2, 1).bytes(), NoiseFrames(4, 2, 1).bytes()));
  EXPECT_FALSE(std::ranges::equal(NoiseFrames(4, 2, 1).bytes(), NoiseFrames(4, 2, 2).bytes()));
}

TEST(Inputs, FramesRunRound) {
  Tensor recorded = Tensor::Make(DType::kU8, {2, 4, 4, 3});
  for (uint8_t& x : recorded.mutable_data<uint8_t>()) x = 9;
  recorded.mutable_data<uint8_t>()[0] = 200;
  const auto frames = image::FramesOf(recorded, "recorded");
  ASSERT_TRUE(frames.ok());
  image::PreprocessSpec preprocess;
  preprocess.image_size = 4;
  const auto pixels = PixelValues(**frames, preprocess, 3);
  ASSERT_TRUE(pixels.ok());
  const auto values = pixels->data<float>();
  const size_t one = values.size() / 3;
  EXPECT_TRUE(std::equal(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(one),
                         values.begin() + static_cast<std::ptrdiff_t>(2 * one)));
  EXPECT_NE(values[0], values[one]);
}

TEST(Inputs, OtherFilesAreRefused) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  std::ofstream(path) << "nothing";
  EXPECT_FALSE(ReadInputs(path).ok());
  ASSERT_TRUE(WriteInputs(path, Tensor::Make(DType::kF32, {1, 4, 5, 5})).ok());
  const auto read = ReadInputs(path);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().ToString(), HasSubstr("pixel_values"));
}

}  // namespace
}  // namespace vlaq::measuring

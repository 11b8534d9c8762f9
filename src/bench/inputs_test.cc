#include "bench/inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"

namespace vlaq::bench {
namespace {

using ::testing::HasSubstr;

policy::Input Camera(int64_t side) {
  policy::Input input;
  input.name = "camera";
  input.type = policy::InputType::kImage;
  input.shape = {3, side, side};
  return input;
}
policy::Input State(const std::string& name, DType dtype, Shape shape) {
  policy::Input input;
  input.name = name;
  input.dtype = dtype;
  input.shape = std::move(shape);
  return input;
}
Tensor MadeUp(const policy::Input& input, int64_t count, uint64_t seed) {
  auto made = MakeUp(input, count, seed, kMadeUpStream);
  EXPECT_TRUE(made.ok()) << made.error().ToString();
  return made.ok() ? *made : Tensor();
}

TEST(Inputs, ComeBackAsTheyWere) {
  const TemporaryFolder folder;
  const Tensor pixels = MadeUp(Camera(5), 3, 7);
  EXPECT_EQ(pixels.shape(), (Shape{3, 3, 5, 5}));
  const Tensor state = MadeUp(State("s", DType::kF64, {2, -1}), 3, 7);
  EXPECT_EQ(state.shape(), (Shape{3, 2, 1})) << "an open extent is 1";
  ASSERT_TRUE(WriteInputs(folder.path() / "x.safetensors", {{"frames", pixels}, {"s", state}}).ok());
  const auto read = ReadInputs(folder.path() / "x.safetensors");
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->at("frames").shape(), pixels.shape());
  EXPECT_TRUE(std::ranges::equal(read->at("frames").bytes(), pixels.bytes()));
  EXPECT_EQ(read->at("s").dtype(), DType::kF64);
  EXPECT_TRUE(std::ranges::equal(pixels.Row(2).bytes(), pixels.bytes().subspan(2 * 3 * 5 * 5 * 4)));
}

TEST(Inputs, NoiseIsSeeded) {
  EXPECT_TRUE(std::ranges::equal(MadeUp(Camera(4), 2, 1).bytes(), MadeUp(Camera(4), 2, 1).bytes()));
  EXPECT_FALSE(std::ranges::equal(MadeUp(Camera(4), 2, 1).bytes(), MadeUp(Camera(4), 2, 2).bytes()));
}

TEST(Inputs, NoiseIsInTheRangeOfItsKind) {
  const auto between = [](const Tensor& tensor, double low, double high) {
    const auto [least, most] = std::ranges::minmax(tensor.data<float>());
    const double a_tenth = (high - low) / 10;
    EXPECT_GE(least, low);
    EXPECT_LT(least, low + a_tenth);
    EXPECT_LT(most, high);
    EXPECT_GT(most, high - a_tenth);
  };
  policy::Input camera = Camera(16);
  between(MadeUp(camera, 2, 1), -1.8, 2.1);
  camera.preprocess.normalization = image::Normalization::kNone;
  between(MadeUp(camera, 2, 1), 0, 1);
  camera.layout = policy::ImageLayout::kHwc;
  camera.dtype = DType::kU8;
  const Tensor bytes = MadeUp(camera, 2, 1);
  EXPECT_EQ(std::ranges::max(bytes.data<uint8_t>()), 255);
  policy::Input noise = State("noise", DType::kF32, {500});
  EXPECT_LT(std::ranges::min(MadeUp(noise, 1, 1).data<float>()), -1.5F) << "states are normal";
  noise.type = policy::InputType::kNoise;
  noise.noise = policy::NoiseKind::kUniform;
  between(MadeUp(noise, 1, 1), 0, 1);
  noise.noise = policy::NoiseKind::kZeros;
  EXPECT_EQ(std::ranges::max(MadeUp(noise, 1, 1).data<float>()), 0);
}

TEST(Inputs, MasksAreOnesAndOtherIntegersZeros) {
  EXPECT_EQ(MadeUp(State("attention_mask", DType::kI64, {3}), 2, 1).data<int64_t>()[5], 1);
  EXPECT_EQ(MadeUp(State("mask", DType::kBool, {3}), 1, 1).data<uint8_t>()[1], 1);
  EXPECT_EQ(MadeUp(State("ids", DType::kI64, {3}), 1, 1).data<int64_t>()[1], 0);
}

TEST(Inputs, WhatCannotBeMadeUpIsNamed) {
  const auto complex = MakeUp(State("wave", DType::kC64, {3}), 1, 1, 1);
  ASSERT_FALSE(complex.ok());
  EXPECT_THAT(complex.error().ToString(),
              ::testing::AllOf(HasSubstr("'wave'"), HasSubstr("complex64"), HasSubstr("--inputs")));
  EXPECT_FALSE(MakeUp(State("vast", DType::kF32, {1 << 30, 1 << 30}), 1, 1, 1).ok());
}

TEST(Inputs, OneCameraAndAnInstructionAreFrames) {
  policy::Policy policy;
  policy.inputs = {Camera(8)};
  EXPECT_EQ(TensorName(policy, policy.inputs[0]), "frames");
  policy::Input task;
  task.name = "task";
  task.type = policy::InputType::kText;
  policy.inputs.push_back(task);
  EXPECT_EQ(TensorName(policy, policy.inputs[0]), "frames");
  policy.inputs.push_back(State("state", DType::kF32, {2}));
  EXPECT_EQ(TensorName(policy, policy.inputs[0]), "camera");
}

TEST(Inputs, OtherFilesAreRefused) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  std::ofstream(path) << "nothing";
  EXPECT_FALSE(ReadInputs(path).ok());
  ASSERT_TRUE(
      WriteInputs(path, {{"a", Tensor::Make(DType::kF32, {2, 4})}, {"b", Tensor::Make(DType::kF32, {3})}}).ok());
  const auto read = ReadInputs(path);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().ToString(), HasSubstr("'b'"));
}

}  // namespace
}  // namespace vlaq::bench

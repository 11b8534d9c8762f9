#include "quantize/numerics/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "quantize/numerics/encode_kernels.h"

namespace vlaq::numerics {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float Highest(NumericType number) { return number == NumericType::kInt4 ? 7 : 127; }
float Lowest(NumericType number) { return number == NumericType::kInt4 ? -8 : -127; }

// Index of the scale of one element, from its coordinates.
size_t ScaleOf(size_t element, const Shape& shape, const WeightChoice& choice) {
  if (choice.granularity == Granularity::kTensor) return 0;
  std::vector<size_t> at(shape.size());
  for (size_t i = shape.size(); i-- > 0; element /= static_cast<size_t>(shape[i])) {
    at[i] = element % static_cast<size_t>(shape[i]);
  }
  const auto axis = static_cast<size_t>(choice.axis);
  if (choice.granularity == Granularity::kChannel) return at[axis];
  const auto block = static_cast<size_t>(choice.block);
  if (axis == 0) return at[0] / block * static_cast<size_t>(shape[1]) + at[1];
  return at[0] * ((static_cast<size_t>(shape[1]) + block - 1) / block) + at[1] / block;
}

// The values of each scale.
std::vector<std::vector<float>> ByScale(const Tensor& weight, const WeightChoice& choice, size_t scales) {
  std::vector<std::vector<float>> result(scales);
  const auto values = weight.data<float>();
  for (size_t i = 0; i < values.size(); ++i) result.at(ScaleOf(i, weight.shape(), choice)).push_back(values[i]);
  return result;
}

float Largest(const std::vector<float>& values) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::fabs(value));
  return most;
}

int CodeOf(float value, float scale, NumericType number) {
  return static_cast<int>(std::clamp(std::nearbyint(value / scale), Lowest(number), Highest(number)));
}

double SquaredError(const std::vector<float>& values, float scale, NumericType number) {
  double sum = 0;
  for (const float value : values) {
    const double off = (static_cast<double>(value) - static_cast<double>(scale) * CodeOf(value, scale, number));
    sum += off * off;
  }
  return sum;
}

void ExpectGoodScale(float scale, const std::vector<float>& values, const WeightChoice& choice) {
  const float most = Largest(values);
  if (most < kNegligible) {
    EXPECT_EQ(scale, 1.0F);
    return;
  }
  const float full = most / Highest(choice.number);
  if (choice.range == RangeMethod::kMinMax) {
    EXPECT_EQ(scale, full);
    return;
  }
  EXPECT_LE(scale, full);
  EXPECT_GE(scale, 0.2F * full);
  const double error = SquaredError(values, scale, choice.number);
  EXPECT_LE(error, SquaredError(values, full, choice.number) * 1.0001) << "never worse than max|w|";
  if (values.size() < 32) return;
  // With few values the error jumps from range to range: any search may miss the deepest hole.
  const double tolerated = values.size() >= 200 ? 1.05 : 1.5;
  for (int i = 75; i <= 250; ++i) {
    const float share = static_cast<float>(i) / 250;
    EXPECT_LE(error, tolerated * SquaredError(values, full * share, choice.number))
        << share << ", not " << scale / full;
  }
}

// Everything that the header promises, element by element.
void ExpectAsDefined(const Tensor& weight, const WeightChoice& choice, const Encoded& encoded) {
  const auto values = weight.data<float>();
  const auto codes = encoded.codes.data<int8_t>();
  const auto scales = encoded.scales.data<float>();
  ASSERT_EQ(encoded.codes.shape(), weight.shape());
  const auto groups = ByScale(weight, choice, scales.size());
  Difference whole;
  int64_t dead = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    ExpectGoodScale(scales[g], groups[g], choice);
    dead += Largest(groups[g]) < kNegligible;
  }
  EXPECT_EQ(encoded.dead, dead);
  int64_t clipped = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const float scale = scales[ScaleOf(i, weight.shape(), choice)];
    ASSERT_EQ(codes[i], CodeOf(values[i], scale, choice.number))
        << "element " << i << ": " << values[i] << " / " << scale;
    const float back = static_cast<float>(codes[i]) * scale;
    whole.Add({&values[i], 1}, {&back, 1});
    clipped += std::fabs(values[i] - back) / scale > 0.5001F;
  }
  // Squares are summed up as float32, in units of the scale: what is 1e-19 of it does not show.
  const double rounding = 1e-15 * std::max(whole.max_reference(), 1.0);
  const Difference& seen = encoded.distortion.difference();
  EXPECT_EQ(seen.count(), whole.count());
  EXPECT_EQ(seen.sign_flips(), whole.sign_flips());
  EXPECT_EQ(seen.rounded_to_zero(), whole.rounded_to_zero());
  EXPECT_EQ(seen.max_reference(), whole.max_reference());
  EXPECT_NEAR(seen.max_absolute(), whole.max_absolute(), 1e-6 * whole.max_absolute());
  EXPECT_NEAR(seen.mean_absolute(), whole.mean_absolute(), 1e-4 * whole.mean_absolute() + rounding);
  EXPECT_NEAR(seen.root_mean_square(), whole.root_mean_square(), 1e-4 * whole.root_mean_square() + rounding);
  if (whole.max_reference() > static_cast<double>(kNegligible)) {
    EXPECT_NEAR(seen.cosine(), whole.cosine(), 1e-6);
  }
  EXPECT_EQ(encoded.distortion.clipped(), clipped);
}

// Bit for bit, the sums of the distortion too.
void ExpectSame(const Encoded& a, const Encoded& b) {
  EXPECT_TRUE(std::ranges::equal(a.codes.bytes(), b.codes.bytes()));
  EXPECT_TRUE(std::ranges::equal(a.scales.bytes(), b.scales.bytes()));
  EXPECT_EQ(a.distortion.signal_to_noise_db(), b.distortion.signal_to_noise_db());
  EXPECT_EQ(a.distortion.difference().cosine(), b.distortion.difference().cosine());
  EXPECT_EQ(a.distortion.worst_group(), b.distortion.worst_group());
  EXPECT_EQ(a.distortion.worst_group_db(), b.distortion.worst_group_db());
}

enum class Mix { kNormal, kHeavy, kOdd };

// kOdd: zeros of both signs, denormal and huge numbers among the normal ones, and whole runs of zeros.
Tensor MixedWeights(const Shape& shape, Mix mix, uint64_t seed) {
  Random random(seed);
  Tensor tensor = Tensor::Make(DType::kF32, shape);
  constexpr std::array kOdd = {0.0F, -0.0F, 1e-40F, -1e-45F, 1e-36F, 3e38F, -3e38F, 1e-20F, 127.0F, 0.5F};
  for (float& value : tensor.mutable_data<float>()) {
    value = static_cast<float>(random.Normal());
    if (mix == Mix::kHeavy) value /= static_cast<float>(0.1 + std::fabs(random.Normal()));
    if (mix == Mix::kOdd) value = random.Below(50) == 0 ? 0 : kOdd[random.Below(kOdd.size())];
    if (mix == Mix::kOdd && random.Below(3) != 0) value = 0;
  }
  return tensor;
}

std::vector<WeightChoice> ChoicesFor(const Shape& shape, Random& random) {
  std::vector<WeightChoice> choices;
  for (const NumericType number : {NumericType::kInt8, NumericType::kInt4}) {
    for (const RangeMethod range : {RangeMethod::kMinMax, RangeMethod::kMse}) {
      choices.push_back({"w", number, Granularity::kTensor, 0, 0, range});
      for (int64_t axis = 0; axis < static_cast<int64_t>(shape.size()); ++axis) {
        choices.push_back({"w", number, Granularity::kChannel, axis, 0, range});
        if (shape.size() != 2) continue;
        for (const int64_t block : {int64_t{1}, int64_t{2}, int64_t{32}, static_cast<int64_t>(1 + random.Below(70))}) {
          choices.push_back({"w", number, Granularity::kBlock, axis, block, range});
        }
      }
    }
  }
  return choices;
}

std::string Text(const Shape& shape, const WeightChoice& choice) {
  return ShapeText(shape) + " " + std::string(NumericTypeName(choice.number)) + " " +
         std::string(GranularityName(choice.granularity)) + " axis " + std::to_string(choice.axis) + " block " +
         std::to_string(choice.block) + " " + std::string(RangeMethodName(choice.range));
}

void CheckAll(const Shape& shape, Mix mix, uint64_t seed) {
  Random random(seed);
  const Tensor weight = MixedWeights(shape, mix, seed);
  for (const WeightChoice& choice : ChoicesFor(shape, random)) {
    SCOPED_TRACE(Text(shape, choice));
    const auto encoded = Encode(weight, choice);
    ASSERT_TRUE(encoded.ok()) << encoded.error().ToString();
    ExpectAsDefined(weight, choice, *encoded);
    ExpectSame(*encoded, *Encode(weight, choice, 3));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Encode, EveryPathOnEveryShape) {
  const std::vector<Shape> shapes = {{},      {0},      {1},       {7},          {8, 0},      {0, 8},       {1, 1},
                                     {1, 9},  {9, 1},   {8, 8},    {33, 65},     {65, 130},   {64, 256},    {3, 5, 7},
                                     {1, 24}, {24, 16}, {2, 3, 8}, {4, 3, 3, 3}, {1, 40, 17}, {5, 1, 1, 9}, {257, 3}};
  uint64_t seed = 0;
  for (const Shape& shape : shapes) {
    for (const Mix mix : {Mix::kNormal, Mix::kHeavy, Mix::kOdd}) CheckAll(shape, mix, ++seed);
  }
}

TEST(Encode, RandomShapes) {
  Random random(7);
  for (uint64_t i = 0; i < 30; ++i) {
    Shape shape(1 + random.Below(3));
    for (int64_t& extent : shape) extent = static_cast<int64_t>(1 + random.Below(40));
    CheckAll(shape, static_cast<Mix>(random.Below(3)), 100 + i);
  }
}

TEST(Encode, BySmallHand) {
  const Tensor weight = Tensor::From<float>({2, 3}, std::vector<float>{1.27F, 0.5F, 0, -0.635F, -0.25F, 0});
  const auto encoded = Encode(weight, {"w", NumericType::kInt8, Granularity::kChannel, 1, 0, RangeMethod::kMinMax});
  EXPECT_THAT(encoded->scales.data<float>(), ElementsAre(1.27F / 127, 0.5F / 127, 1.0F));
  EXPECT_THAT(encoded->codes.data<int8_t>(), ElementsAre(127, 127, 0, -64, -64, 0)) << "-63.5 becomes the even -64";
  EXPECT_EQ(encoded->dead, 1);
  const auto small = Encode(weight, {"w", NumericType::kInt4, Granularity::kTensor, 0, 0, RangeMethod::kMinMax});
  EXPECT_THAT(small->codes.data<int8_t>(), ElementsAre(7, 3, 0, -4, -1, 0));
}

// A single outlier: with its own share of the range lost, everything else is read back better.
TEST(Encode, MseGivesUpAnOutlier) {
  std::vector<float> values(4096);
  Random random(5);
  for (float& value : values) value = static_cast<float>(random.Normal());
  values[17] = 12;
  const Tensor weight = Tensor::From<float>({4096}, values);
  for (const NumericType number : {NumericType::kInt8, NumericType::kInt4}) {
    const auto all = Encode(weight, {"w", number, Granularity::kTensor, 0, 0, RangeMethod::kMinMax});
    const auto best = Encode(weight, {"w", number, Granularity::kTensor, 0, 0, RangeMethod::kMse});
    EXPECT_EQ(all->distortion.clipped(), 0);
    if (number == NumericType::kInt8) continue;
    EXPECT_GE(best->distortion.clipped(), 1);
    EXPECT_GT(best->distortion.signal_to_noise_db(), all->distortion.signal_to_noise_db() + 3);
  }
}

TEST(Encode, RefusesWhatIsNotFinite) {
  Random random(9);
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    const Shape shape{40, 30};
    for (const WeightChoice& choice : ChoicesFor(shape, random)) {
      Tensor weight = MixedWeights(shape, Mix::kNormal, 2);
      const size_t at = random.Below(1200);
      weight.mutable_data<float>()[at] = bad;
      const auto encoded = Encode(weight, choice, 2);
      ASSERT_FALSE(encoded.ok()) << Text(shape, choice);
      EXPECT_EQ(encoded.error().code, ErrorCode::kInput);
      EXPECT_THAT(encoded.error().ToString(), HasSubstr("(element " + std::to_string(at) + ")"));
    }
  }
}

TEST(Encode, RefusesChoicesThatDoNotFit) {
  const Tensor cube = Tensor::Make(DType::kF32, {2, 2, 2});
  const auto error = [&](WeightChoice choice) { return Encode(cube, choice).error().ToString(); };
  EXPECT_THAT(error({"w", NumericType::kUint8}), HasSubstr("weight 'w'"));
  EXPECT_THAT(error({"w", NumericType::kInt8, Granularity::kChannel, 3}), HasSubstr("axis 3"));
  EXPECT_THAT(error({"w", NumericType::kInt8, Granularity::kChannel, -1}), HasSubstr("axis -1"));
  EXPECT_THAT(error({"w", NumericType::kInt4, Granularity::kBlock, 0, 32}), HasSubstr("only matrices"));
  EXPECT_THAT(error({"w", NumericType::kInt8, Granularity::kTensor, 0, 0, RangeMethod::kEntropy}), HasSubstr("'mse'"));
  const Tensor square = Tensor::Make(DType::kF32, {2, 2});
  EXPECT_FALSE(Encode(square, {"w", NumericType::kInt4, Granularity::kBlock, 0, 0}).ok());
}

// Whatever the processor has, the same bits.
TEST(EncodeKernels, AllAgree) {
  const Tensor panel = MixedWeights({1003, 8}, Mix::kHeavy, 4);
  const auto values = panel.data<float>();
  const Kernels& plain = *RunnableKernels().front();
  for (const Kernels* kernels : RunnableKernels()) {
    SCOPED_TRACE(kernels->name);
    OfLanes<float> expected_most{}, most{};
    plain.magnitudes(values.data(), 1003, expected_most);
    kernels->magnitudes(values.data(), 1003, most);
    EXPECT_EQ(most, expected_most);
    std::array<OfLanes<float>, kTrials> scales{};
    for (size_t k = 0; k < kTrials; ++k) {
      for (size_t i = 0; i < kLanes; ++i) scales[k][i] = most[i] / static_cast<float>(100 + 20 * k);
    }
    std::array<OfLanes<double>, kTrials> expected_errors{}, errors{};
    plain.errors(values.data(), 1003, scales, {-127, 127}, expected_errors);
    kernels->errors(values.data(), 1003, scales, {-127, 127}, errors);
    EXPECT_EQ(errors, expected_errors);
    std::vector<int8_t> expected_codes(values.size()), codes(values.size());
    LaneSums expected_sums, sums;
    plain.encode(values.data(), 1003, scales[3], {-127, 127}, expected_codes.data(), expected_sums);
    kernels->encode(values.data(), 1003, scales[3], {-127, 127}, codes.data(), sums);
    EXPECT_EQ(codes, expected_codes);
    EXPECT_EQ(sums.squares, expected_sums.squares);
    EXPECT_EQ(sums.absolute, expected_sums.absolute);
    EXPECT_EQ(sums.reference_squares, expected_sums.reference_squares);
    EXPECT_EQ(sums.actual_squares, expected_sums.actual_squares);
    EXPECT_EQ(sums.max_absolute, expected_sums.max_absolute);
    EXPECT_EQ(sums.clipped, expected_sums.clipped);
    EXPECT_EQ(sums.rounded_to_zero, expected_sums.rounded_to_zero);
    EXPECT_EQ(sums.sign_flips, expected_sums.sign_flips);
  }
}

TEST(PackInt4, UnpacksToTheSame) {
  Random random(11);
  for (const int64_t size : {0, 1, 2, 3, 64, 101}) {
    Tensor codes = Tensor::Make(DType::kI8, {size});
    for (int8_t& code : codes.mutable_data<int8_t>())
      code = static_cast<int8_t>(static_cast<int>(random.Below(16)) - 8);
    const Tensor packed = PackInt4(codes);
    ASSERT_EQ(packed.bytes().size(), static_cast<size_t>((size + 1) / 2));
    for (size_t i = 0; i < static_cast<size_t>(size); ++i) {
      const auto nibble = static_cast<int>(std::to_integer<unsigned>(packed.bytes()[i / 2]) >> (i % 2 * 4) & 15U);
      EXPECT_EQ(nibble < 8 ? nibble : nibble - 16, codes.data<int8_t>()[i]) << i;
    }
    if (size % 2 != 0) {
      EXPECT_EQ(std::to_integer<unsigned>(packed.bytes().back()) >> 4U, 0U);
    }
  }
}

TEST(PackNBits, UnpacksToTheSame) {
  for (const NumericType number : {NumericType::kInt4, NumericType::kInt8}) {
    for (const Shape& shape : {Shape{32, 1}, Shape{64, 70}, Shape{100, 129}, Shape{5, 3}, Shape{0, 4}}) {
      const int64_t block = 32;
      const auto encoded = Encode(MixedWeights(shape, Mix::kNormal, 6), {"w", number, Granularity::kBlock, 0, block});
      const NBits packed = PackNBits(*encoded, number, block);
      const auto blocks = static_cast<size_t>((shape[0] + block - 1) / block);
      const auto columns = static_cast<size_t>(shape[1]);
      const size_t bytes = number == NumericType::kInt4 ? 16 : 32;
      ASSERT_THAT(packed.values.shape(),
                  ElementsAre(shape[1], static_cast<int64_t>(blocks), static_cast<int64_t>(bytes)));
      ASSERT_THAT(packed.scales.shape(), ElementsAre(shape[1], static_cast<int64_t>(blocks)));
      for (size_t row = 0; row < blocks * 32; ++row) {
        for (size_t column = 0; column < columns; ++column) {
          const size_t at = (column * blocks + row / 32) * bytes;
          const size_t in = row % 32;
          const auto values = packed.values.data<uint8_t>();
          const int code =
              number == NumericType::kInt4 ? (values[at + in / 2] >> (in % 2 * 4) & 15) - 8 : values[at + in] - 128;
          const bool there = row < static_cast<size_t>(shape[0]);
          ASSERT_EQ(code, there ? encoded->codes.data<int8_t>()[row * columns + column] : 0) << row << ", " << column;
          EXPECT_EQ(packed.scales.data<float>()[column * blocks + row / 32],
                    encoded->scales.data<float>()[row / 32 * columns + column]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace vlaq::numerics

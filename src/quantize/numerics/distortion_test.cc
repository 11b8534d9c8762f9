#include "quantize/numerics/distortion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "quantize/numerics/encode.h"

namespace vlaq::numerics {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Optional;

enum class Kind { kNormal, kLaplace, kHeavy };  // kHeavy: Student's t with 3 degrees of freedom
constexpr std::array kKinds = {Kind::kNormal, Kind::kLaplace, Kind::kHeavy};

float Draw(Kind kind, Random& random) {
  switch (kind) {
    case Kind::kNormal:
      break;
    case Kind::kLaplace: {
      const double u = random.Uniform() - 0.5;
      return static_cast<float>(std::copysign(-std::log1p(-2 * std::fabs(u)), u));
    }
    case Kind::kHeavy: {
      double squares = 0;
      for (int i = 0; i < 3; ++i) squares += std::pow(random.Normal(), 2);
      return static_cast<float>(random.Normal() / std::sqrt(squares / 3));
    }
  }
  return static_cast<float>(random.Normal());
}

// Channels (of either axis) are of different sizes, as in trained weights.
Tensor Weights(const Shape& shape, Kind kind, uint64_t seed) {
  Random random(seed);
  Tensor tensor = Tensor::Make(DType::kF32, shape);
  size_t i = 0;
  for (float& value : tensor.mutable_data<float>()) {
    value = 0.02F * Draw(kind, random) * (1 + static_cast<float>(i++ % static_cast<size_t>(shape.back()) % 7) / 4);
  }
  return tensor;
}

std::vector<WeightChoice> AllChoices() {
  std::vector<WeightChoice> choices;
  for (const NumericType number : {NumericType::kInt8, NumericType::kInt4}) {
    for (const RangeMethod range : {RangeMethod::kMinMax, RangeMethod::kMse}) {
      choices.push_back({"w", number, Granularity::kTensor, 0, 0, range});
      for (const int64_t axis : {0, 1}) {
        choices.push_back({"w", number, Granularity::kChannel, axis, 0, range});
        choices.push_back({"w", number, Granularity::kBlock, axis, 32, range});
      }
    }
  }
  return choices;
}

// Measure() goes another way than Encode(), to the same figures.
TEST(Measure, AgreesWithEncode) {
  for (const Kind kind : kKinds) {
    const Tensor weight = Weights({150, 203}, kind, 1);
    for (const WeightChoice& choice : AllChoices()) {
      const auto encoded = Encode(weight, choice, 2);
      const auto measured = Measure(weight, encoded->codes, encoded->scales, choice, 3);
      ASSERT_TRUE(measured.ok()) << measured.error().ToString();
      const Distortion& expected = encoded->distortion;
      EXPECT_NEAR(measured->signal_to_noise_db(), expected.signal_to_noise_db(), 1e-3);
      EXPECT_NEAR(measured->worst_group_db(), expected.worst_group_db(), 1e-3);
      EXPECT_EQ(measured->worst_group(), expected.worst_group());
      EXPECT_EQ(measured->clipped(), expected.clipped());
      EXPECT_EQ(measured->used_codes(choice.number), expected.used_codes(choice.number));
      EXPECT_EQ(measured->difference().count(), expected.difference().count());
      EXPECT_EQ(measured->difference().sign_flips(), expected.difference().sign_flips());
      EXPECT_EQ(measured->difference().rounded_to_zero(), expected.difference().rounded_to_zero());
      EXPECT_NEAR(measured->difference().relative(), expected.difference().relative(), 1e-6);
      EXPECT_NEAR(measured->difference().cosine(), expected.difference().cosine(), 1e-7);
    }
  }
}

TEST(Measure, OfThreeDimensions) {
  for (const int64_t axis : {0, 1, 2}) {
    const Tensor weight = Weights({3, 70, 11}, Kind::kNormal, 5);
    const WeightChoice choice{"w", NumericType::kInt8, Granularity::kChannel, axis};
    const auto encoded = Encode(weight, choice);
    const auto measured = Measure(weight, encoded->codes, encoded->scales, choice);
    EXPECT_NEAR(measured->worst_group_db(), encoded->distortion.worst_group_db(), 1e-3) << axis;
    EXPECT_EQ(measured->worst_group(), encoded->distortion.worst_group()) << axis;
  }
}

TEST(Measure, CountsBySmallHand) {
  const Tensor weight = Tensor::From<float>({2, 2}, std::vector<float>{1, -0.1F, 3, 0});
  const Tensor codes = Tensor::From<int8_t>({2, 2}, std::vector<int8_t>{1, 0, 2, 0});
  const Tensor scales = Tensor::From<float>({2}, std::vector<float>{1, 1});
  const auto measured = Measure(weight, codes, scales, {"w", NumericType::kInt8, Granularity::kChannel, 0});
  EXPECT_EQ(measured->difference().rounded_to_zero(), 1);
  EXPECT_EQ(measured->difference().sign_flips(), 1);
  EXPECT_EQ(measured->clipped(), 1) << "3 is read back as 2";
  EXPECT_EQ(measured->worst_group(), 1);
  EXPECT_NEAR(measured->worst_group_db(), 10 * std::log10(9.0), 1e-9);
  EXPECT_DOUBLE_EQ(measured->used_codes(NumericType::kInt8), 3.0 / 255);
}

TEST(Measure, RefusesWhatDoesNotFit) {
  const Tensor weight = Weights({4, 6}, Kind::kNormal, 2);
  const WeightChoice choice{"some.weight", NumericType::kInt4, Granularity::kChannel, 1};
  const auto encoded = Encode(weight, choice);
  const auto refusal = [&](const Tensor& codes, const Tensor& scales) {
    const auto measured = Measure(weight, codes, scales, choice);
    return measured.ok() ? "" : measured.error().ToString();
  };
  EXPECT_THAT(refusal(encoded->codes.Reshaped({6, 4}), encoded->scales), HasSubstr("some.weight"));
  EXPECT_THAT(refusal(encoded->codes, Tensor::Make(DType::kF32, {4})), HasSubstr("[4]"));
  EXPECT_THAT(refusal(encoded->codes, Tensor::Make(DType::kF32, {6})), HasSubstr("scale 0 is 0"));
  EXPECT_THAT(refusal(Tensor::From<int8_t>({4, 6}, std::vector<int8_t>(24, 8)), encoded->scales), HasSubstr("int4"));
}

TEST(Distortion, MergesToTheSame) {
  const std::vector<float> original{1, 2, 3, 4}, back{1, 2.5F, 3, 3};
  Distortion whole, first, second;
  for (size_t g = 0; g < 2; ++g) {
    Difference difference;
    difference.Add(std::span(original).subspan(2 * g, 2), std::span(back).subspan(2 * g, 2));
    whole.AddGroup(static_cast<int64_t>(g), difference, static_cast<int64_t>(g));
    (g == 0 ? first : second).AddGroup(static_cast<int64_t>(g), difference, static_cast<int64_t>(g));
  }
  second.Merge(first);
  EXPECT_EQ(second.worst_group(), 0) << "0.25 / 5 is more than 1 / 25";
  EXPECT_EQ(second.worst_group(), whole.worst_group());
  EXPECT_EQ(second.worst_group_db(), whole.worst_group_db());
  EXPECT_EQ(second.clipped(), 1);
  EXPECT_DOUBLE_EQ(second.signal_to_noise_db(), whole.signal_to_noise_db());
}

TEST(Complaint, NoneAboutHealthyWeights) {
  for (const Kind kind : kKinds) {
    for (const Shape& shape : {Shape{64, 96}, Shape{2048, 40}, Shape{8192, 9}}) {
      const Tensor weight = Weights(shape, kind, 3);
      for (const WeightChoice& choice : AllChoices()) {
        // As the header says: of heavy tails int4 by tensor leaves noise.
        if (kind == Kind::kHeavy && choice.number == NumericType::kInt4 && choice.granularity == Granularity::kTensor)
          continue;
        const auto encoded = Encode(weight, choice);
        EXPECT_EQ(Complaint(encoded->distortion, choice), std::nullopt)
            << static_cast<int>(kind) << ShapeText(shape) << NumericTypeName(choice.number)
            << GranularityName(choice.granularity) << choice.axis;
      }
    }
  }
}

TEST(Complaint, AboutTensorsThatOneScaleRuins) {
  Tensor weight = Weights({1000, 100}, Kind::kNormal, 4);
  weight.mutable_data<float>()[5] = 3;
  const WeightChoice choice{"w", NumericType::kInt4, Granularity::kTensor};
  EXPECT_THAT(Complaint(Encode(weight, choice)->distortion, choice), Optional(HasSubstr("healthy weights")));
}

TEST(Complaint, AboutWhatIsTooGood) {
  const WeightChoice choice{"w", NumericType::kInt8, Granularity::kChannel, 1};
  const Tensor weight = Weights({100, 30}, Kind::kNormal, 6);
  const auto once = Encode(weight, choice);
  Tensor rounded = Tensor::Make(DType::kF32, weight.shape());
  for (size_t i = 0; i < rounded.data<float>().size(); ++i) {
    rounded.mutable_data<float>()[i] = once->codes.data<int8_t>()[i] * once->scales.data<float>()[i % 30];
  }
  EXPECT_THAT(Complaint(Encode(rounded, choice)->distortion, choice), Optional(HasSubstr("better than")));
}

// The whole hardly shows it; the worst scales and what is off by more than half a step do.
TEST(Complaint, AboutSwappedScales) {
  for (const NumericType number : {NumericType::kInt8, NumericType::kInt4}) {
    for (const int64_t axis : {0, 1}) {
      const WeightChoice choice{"w", number, Granularity::kChannel, axis};
      const Tensor weight = Weights({300, 200}, Kind::kNormal, 8);
      const auto encoded = Encode(weight, choice);
      Tensor scales = Tensor::From(encoded->scales.shape(), encoded->scales.data<float>());
      const auto [least, most] = std::ranges::minmax_element(scales.mutable_data<float>());
      const auto first = least - scales.mutable_data<float>().begin(),
                 second = most - scales.mutable_data<float>().begin();
      std::iter_swap(least, most);
      const auto healthy = Measure(weight, encoded->codes, encoded->scales, choice);
      const auto swapped = Measure(weight, encoded->codes, scales, choice);
      EXPECT_EQ(Complaint(*healthy, choice), std::nullopt);
      EXPECT_THAT(Complaint(*swapped, choice), Optional(HasSubstr("half a step")));
      EXPECT_THAT(swapped->worst_group(), AnyOf(first, second));
    }
  }
}

TEST(Complaint, AboutShiftedCodes) {
  const WeightChoice choice{"w", NumericType::kInt8, Granularity::kBlock, 0, 32, RangeMethod::kMse};
  const Tensor weight = Weights({128, 64}, Kind::kLaplace, 9);
  const auto encoded = Encode(weight, choice);
  Tensor codes = Tensor::Make(DType::kI8, weight.shape());
  const auto from = encoded->codes.data<int8_t>();
  std::copy(from.begin(), from.end() - 1, codes.mutable_data<int8_t>().begin() + 1);
  EXPECT_THAT(Complaint(*Measure(weight, codes, encoded->scales, choice), choice), Optional(HasSubstr("at least")));
}

TEST(Complaint, NoneAboutZeros) {
  const WeightChoice choice{"w", NumericType::kInt8, Granularity::kTensor};
  EXPECT_EQ(Complaint(Encode(Tensor::Make(DType::kF32, {100, 100}), choice)->distortion, choice), std::nullopt);
}

}  // namespace
}  // namespace vlaq::numerics

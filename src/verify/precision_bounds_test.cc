// The limits hold for what rounding really does, in any shape and distribution, and not for what it cannot do.
#include "verify/precision_bounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "target/precision.h"
#include "verify/dequantize.h"
#include "verify/quantized_net_for_test.h"

namespace vlaq::verify {
namespace {

using numerics::Granularity;
using numerics::NumericType;
using numerics::WeightChoice;
using ::testing::HasSubstr;
using testing::Normal;

Tensor Rounded(const Tensor& weight, size_t axis, float levels) {
  const testing::Codes codes = testing::ByChannel(weight, axis, levels);
  return *Dequantize(codes.codes, codes.scales, nullptr, static_cast<int64_t>(axis), 0);
}

WeightChoice Choice(NumericType number, int64_t axis) {
  return {"w", number, Granularity::kChannel, axis, 0, numerics::RangeMethod::kMinMax};
}

TEST(MeasureWeight, AcceptsRoundingOfAnyDistribution) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Tensor weight = Normal({64, 40}, seed, 0.02);
    for (float& x : weight.mutable_data<float>()) {
      if (seed % 3 == 1) x = std::copysign(x * x, x);  // heavy-tailed
      if (seed % 3 == 2) x = x * x * x * 1e6F;         // heavier
    }
    for (const size_t axis : {size_t{0}, size_t{1}}) {
      const WeightError int8 =
          MeasureWeight(weight, Rounded(weight, axis, 127), Choice(NumericType::kInt8, static_cast<int64_t>(axis)));
      EXPECT_EQ(int8.problem, "") << seed;
      const WeightError int4 =
          MeasureWeight(weight, Rounded(weight, axis, 7), Choice(NumericType::kInt4, static_cast<int64_t>(axis)));
      EXPECT_EQ(int4.problem, "") << seed;
      EXPECT_GT(int8.signal_to_noise_db, int4.signal_to_noise_db);
    }
  }
}

TEST(MeasureWeight, RefusesTheNextCoarserFormat) {
  const Tensor weight = Normal({64, 40}, 1, 0.02);
  EXPECT_THAT(MeasureWeight(weight, Rounded(weight, 1, 31), Choice(NumericType::kInt8, 1)).problem,
              HasSubstr("channel"));
}

TEST(MeasureWeight, RefusesWhatIsTooGood) {
  const Tensor weight = Normal({64, 40}, 1, 0.02);
  EXPECT_THAT(MeasureWeight(weight, weight, Choice(NumericType::kInt8, 1)).problem,
              HasSubstr("better than int8 can be"));
}

TEST(MeasureWeight, RefusesNoNumbersOtherShapesAndLiveDeadChannels) {
  Tensor weight = Tensor::Make(DType::kF32, {4, 2});
  Tensor other = Tensor::Make(DType::kF32, {4, 2});
  EXPECT_EQ(MeasureWeight(weight, other, Choice(NumericType::kInt8, 1)).problem, "") << "zeros stay zeros";
  other.mutable_data<float>()[1] = 1e-9F;
  EXPECT_THAT(MeasureWeight(weight, other, Choice(NumericType::kInt8, 1)).problem, HasSubstr("channel 1"));
  weight.mutable_data<float>()[1] = 1;
  other.mutable_data<float>()[1] = std::nanf("");
  EXPECT_THAT(MeasureWeight(weight, other, Choice(NumericType::kInt8, 1)).problem, HasSubstr("channel 1"));
  EXPECT_THAT(MeasureWeight(weight, Tensor::Make(DType::kF32, {2, 4}), Choice(NumericType::kInt8, 1)).problem,
              HasSubstr("shape"));
  EXPECT_THAT(MeasureWeight(weight, weight, Choice(NumericType::kInt8, 2)).problem, HasSubstr("shape"));
}

TEST(MeasureFloats, HalfIsOneRoundingAway) {
  const Tensor weight = Normal({64, 40}, 1, 0.02);
  const Tensor half = *ToFloat32(testing::InHalf(weight));
  EXPECT_EQ(MeasureFloats(weight, half, NumericType::kFloat16).problem, "");
  EXPECT_THAT(MeasureFloats(weight, half, NumericType::kFloat32).problem, HasSubstr("instead of"));
  EXPECT_EQ(MeasureFloats(weight, weight, NumericType::kFloat32).problem, "");
}

TEST(Bounds, EveryPrecisionHasItsOwn) {
  for (const target::PrecisionRow& row : target::kPrecisions) {
    ASSERT_TRUE(BoundsOfStages(row.name).ok() && BoundsOfReality(row.name).ok()) << row.name;
    EXPECT_EQ((*BoundsOfStages(row.name))->precision, row.name);
    EXPECT_EQ((*BoundsOfReality(row.name))->precision, row.name);
    EXPECT_FALSE((*BoundsOfStages(row.name))->reason.empty());
  }
  EXPECT_LT((*BoundsOfStages("fp16"))->actions, (*BoundsOfStages("int8"))->actions);
  for (const auto& error : {BoundsOfStages("int3").error(), BoundsOfReality("int3").error()}) {
    EXPECT_EQ(error.code, ErrorCode::kInput);
    EXPECT_THAT(error.ToString(), ::testing::AllOf(HasSubstr("'int3'"), HasSubstr("fp32, fp16, bf16-as-stored, int8")));
  }
}

}  // namespace
}  // namespace vlaq::verify

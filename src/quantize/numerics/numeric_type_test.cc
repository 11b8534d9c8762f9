#include "quantize/numerics/numeric_type.h"

#include <gtest/gtest.h>

namespace vlaq::numerics {
namespace {

TEST(ScaleFor, Int8TakesTheLargerSide) {
  const Scale scale = ScaleFor({-2, 1}, NumericType::kInt8);
  EXPECT_FLOAT_EQ(scale.scale, 2.0F / 127);
  EXPECT_EQ(scale.zero_point, 0);
}

TEST(ScaleFor, Uint8KeepsZeroRepresentable) {
  const Scale scale = ScaleFor({-1, 3}, NumericType::kUint8);
  EXPECT_FLOAT_EQ(scale.scale, 4.0F / 255);
  EXPECT_EQ(scale.zero_point, 64);  // 1 / (4 / 255) = 63.75
  EXPECT_EQ(ScaleFor({2, 4}, NumericType::kUint8).zero_point, 0) << "zero belongs to every range";
  EXPECT_FLOAT_EQ(ScaleFor({2, 4}, NumericType::kUint8).scale, 4.0F / 255);
  EXPECT_EQ(ScaleFor({-4, -2}, NumericType::kUint8).zero_point, 255);
}

TEST(ScaleFor, Int4HasSevenSteps) { EXPECT_FLOAT_EQ(ScaleFor({-1, 7}, NumericType::kInt4).scale, 1.0F); }

TEST(ScaleFor, ADeadTensorGetsScaleOne) {
  for (const NumericType number : {NumericType::kInt8, NumericType::kUint8, NumericType::kInt4}) {
    EXPECT_EQ(ScaleFor({0, 0}, number).scale, 1.0F) << NumericTypeName(number);
    EXPECT_EQ(ScaleFor({0, 0}, number).zero_point, 0);
  }
}

TEST(Names, GoThereAndBack) {
  for (const NumericType number :
       {NumericType::kFloat32, NumericType::kFloat16, NumericType::kInt8, NumericType::kUint8, NumericType::kInt4}) {
    EXPECT_EQ(FindNumericType(NumericTypeName(number)), number);
  }
  EXPECT_EQ(FindNumericType("int7"), std::nullopt);
  EXPECT_EQ(FindRangeMethod("entropy"), RangeMethod::kEntropy);
  EXPECT_EQ(FindGranularity("block"), Granularity::kBlock);
}

}  // namespace
}  // namespace vlaq::numerics

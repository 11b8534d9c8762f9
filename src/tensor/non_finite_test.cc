#include "tensor/non_finite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/convert.h"

namespace vlaq {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(NonFinite, TheFirstAndTheCountAreFound) {
  const std::vector<float> values{1, -2, -kInf, 3, std::nanf(""), 0};
  const NonFinite found = FindNonFinite(DType::kF32, std::as_bytes(std::span(values)));
  EXPECT_EQ(found.count, 2);
  EXPECT_EQ(found.first, 2);
  EXPECT_EQ(found.value, -kInf);
  EXPECT_EQ(found.Describe(6), "element 2 is -inf (2 of 6 values are not finite)");
}

TEST(NonFinite, LargeAndTinyNumbersAreFinite) {
  const std::vector<float> values{std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min(), -0.0F};
  EXPECT_FALSE(FindNonFinite(DType::kF32, std::as_bytes(std::span(values))).any());
  EXPECT_FALSE(FindNonFinite(DType::kF32, {}).any());
}

TEST(NonFinite, EveryFloatTypeIsRead) {
  const std::vector<uint16_t> half{FloatToHalf(1), FloatToHalf(kInf)}, bfloat{FloatToBFloat16(std::nanf("")), 0};
  EXPECT_EQ(FindNonFinite(DType::kF16, std::as_bytes(std::span(half))).first, 1);
  EXPECT_EQ(FindNonFinite(DType::kBF16, std::as_bytes(std::span(bfloat))).first, 0);
  const std::vector<double> wide{0, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_EQ(FindNonFinite(DType::kF64, std::as_bytes(std::span(wide))).first, 1);
  const std::vector<uint8_t> eight{0x38, 0x7F};  // 1, NaN
  EXPECT_EQ(FindNonFinite(DType::kF8E4M3FN, std::as_bytes(std::span(eight))).first, 1);
}

TEST(NonFinite, IntegersAlwaysAre) {
  const std::vector<uint8_t> bytes(16, 0xFF);
  EXPECT_FALSE(FindNonFinite(DType::kI8, std::as_bytes(std::span(bytes))).any());
  EXPECT_FALSE(FindNonFinite(DType::kI64, std::as_bytes(std::span(bytes))).any());
}

}  // namespace
}  // namespace vlaq

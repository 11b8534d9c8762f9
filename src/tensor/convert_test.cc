#include "tensor/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "base/random.h"
#include "tensor/non_finite.h"

namespace vlaq {
namespace {

// The slow, obvious twin: the nearest of all finite half values, ties to the even bit pattern.
uint16_t NearestHalf(float value) {
  const double magnitude = std::abs(static_cast<double>(value));
  uint16_t best = 0;
  double best_distance = magnitude;
  for (uint32_t bits = 0; bits <= 0x7C00; ++bits) {
    // 65536 stands in for infinity: what IEEE rounding compares against.
    const double candidate = bits == 0x7C00 ? 65536.0 : static_cast<double>(HalfToFloat(static_cast<uint16_t>(bits)));
    const double distance = std::abs(candidate - magnitude);
    if (distance < best_distance || (distance == best_distance && bits % 2 == 0)) {
      best = static_cast<uint16_t>(bits);
      best_distance = distance;
    }
  }
  return static_cast<uint16_t>(best | (std::signbit(value) ? 0x8000U : 0U));
}

TEST(Convert, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = HalfToFloat(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(value))));
    } else {
      EXPECT_EQ(FloatToHalf(value), half);
    }
  }
}

TEST(Convert, HalfRoundingAgreesWithTheObviousTwin) {
  Random random(3);
  for (int i = 0; i < 300; ++i) {
    const float value = static_cast<float>(random.Normal() * std::exp2(random.Uniform(-26, 17)));
    EXPECT_EQ(FloatToHalf(value), NearestHalf(value)) << value;
  }
  for (const float value : {65519.0F, 65520.0F, 65536.0F, 1e30F, 0x1p-25F, 0x1.8p-25F, 0x1p-24F, 0.0F, -0.0F}) {
    EXPECT_EQ(FloatToHalf(value), NearestHalf(value)) << value;
  }
}

TEST(Convert, BFloat16RoundsToNearestEven) {
  EXPECT_EQ(FloatToBFloat16(1.0F), 0x3F80);
  EXPECT_EQ(FloatToBFloat16(std::bit_cast<float>(0x3F808000U)), 0x3F80);  // tie to even
  EXPECT_EQ(FloatToBFloat16(std::bit_cast<float>(0x3F818000U)), 0x3F82);
  EXPECT_EQ(FloatToBFloat16(std::bit_cast<float>(0x3F808001U)), 0x3F81);
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(std::numeric_limits<float>::quiet_NaN()))));
  for (uint32_t bits = 0; bits < 0x7F80; ++bits) {
    EXPECT_EQ(FloatToBFloat16(BFloat16ToFloat(static_cast<uint16_t>(bits))), bits);
  }
}

TEST(Convert, Float8KnownValues) {
  EXPECT_EQ(Float8ToFloat(0x7E, DType::kF8E4M3FN), 448.0F);
  EXPECT_EQ(Float8ToFloat(0x01, DType::kF8E4M3FN), 0x1p-9F);
  EXPECT_TRUE(std::isnan(Float8ToFloat(0x7F, DType::kF8E4M3FN)));
  EXPECT_EQ(Float8ToFloat(0x7B, DType::kF8E5M2), 57344.0F);
  EXPECT_EQ(Float8ToFloat(0xFC, DType::kF8E5M2), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(Float8ToFloat(0x7F, DType::kF8E4M3FNUZ), 240.0F);
  EXPECT_TRUE(std::isnan(Float8ToFloat(0x80, DType::kF8E4M3FNUZ)));
  EXPECT_EQ(Float8ToFloat(0x7F, DType::kF8E5M2FNUZ), 57344.0F);
  EXPECT_EQ(Float8ToFloat(127, DType::kF8E8M0FNU), 1.0F);
}

TEST(Convert, ReportsWhatNarrowingLoses) {
  const std::vector<float> values{1.0F, 1e6F, 1e-10F, 0.0F, std::numeric_limits<float>::infinity()};
  std::vector<uint16_t> halves(values.size());
  const ConversionReport report =
      Convert(DType::kF32, std::as_bytes(std::span(values)), DType::kF16, std::as_writable_bytes(std::span(halves)));
  EXPECT_EQ(report.overflowed, 1);
  EXPECT_EQ(report.flushed, 1);
  EXPECT_EQ(halves[0], 0x3C00);
}

TEST(Convert, IntegersAndDoublesBecomeFloats) {
  const Tensor ints = Tensor::From<int64_t>({3}, std::vector<int64_t>{-1, 0, 70000});
  auto floats = ToFloat32(ints);
  ASSERT_TRUE(floats.ok());
  EXPECT_EQ(floats->data<float>()[0], -1.0F);
  EXPECT_EQ(floats->data<float>()[2], 70000.0F);
  EXPECT_FALSE(ToFloat32(Tensor::Make(DType::kC64, {2})).ok());
}

TEST(NonFinite, IsFoundInEveryFloatType) {
  const std::vector<float> values = {
      1, -2, std::numeric_limits<float>::infinity(), 3, std::numeric_limits<float>::quiet_NaN(), 65504};
  const Bytes source = std::as_bytes(std::span(values));
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64}) {
    std::vector<std::byte> bytes(values.size() * DTypeBits(dtype) / 8);
    Convert(DType::kF32, source, dtype, bytes);
    const NonFinite found = FindNonFinite(dtype, bytes, 100);
    EXPECT_EQ(found.count, 2) << DTypeName(dtype);
    EXPECT_EQ(found.first, 102);
    EXPECT_TRUE(std::isinf(found.value));
    const Bytes finite = Bytes(bytes).first(2 * DTypeBits(dtype) / 8);
    EXPECT_FALSE(FindNonFinite(dtype, finite).any());
    NonFinite all = FindNonFinite(dtype, finite);
    Merge(all, found);
    Merge(all, found);
    EXPECT_EQ(all.count, 4);
    EXPECT_EQ(all.first, 102);
  }
  const std::vector<uint8_t> float8 = {0x38, 0x7F};  // 1, NaN of float8 E4M3
  EXPECT_EQ(FindNonFinite(DType::kF8E4M3FN, std::as_bytes(std::span(float8))).first, 1);
  EXPECT_FALSE(FindNonFinite(DType::kI8, std::as_bytes(std::span(float8))).any());
}

}  // namespace
}  // namespace vlaq

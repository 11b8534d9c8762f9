#include "quantize/numerics/bias.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace vlaq::numerics {
namespace {

using ::testing::HasSubstr;

constexpr size_t kRows = 70, kColumns = 90;

Tensor Weight() {
  Random random(1);
  Tensor tensor = Tensor::Make(DType::kF32, {kRows, kColumns});
  for (float& value : tensor.mutable_data<float>()) value = static_cast<float>(random.Normal());
  return tensor;
}

// With the correction, the mean of the output is what it was: mean W = mean W' + correction.
TEST(BiasCorrection, GivesBackTheMean) {
  Random random(2);
  std::vector<float> mean(kRows);
  for (float& value : mean) value = static_cast<float>(random.Normal() + 1);
  const Tensor weight = Weight();
  for (const WeightChoice& choice : std::vector<WeightChoice>{
           {"w", NumericType::kInt4, Granularity::kTensor},
           {"w", NumericType::kInt4, Granularity::kChannel, 0},
           {"w", NumericType::kInt8, Granularity::kChannel, 1},
           {"w", NumericType::kInt4, Granularity::kBlock, 0, 32},
           {"w", NumericType::kInt4, Granularity::kBlock, 1, 32},
       }) {
    const auto encoded = Encode(weight, choice);
    const auto correction = BiasCorrection(mean, weight, *encoded, choice);
    ASSERT_TRUE(correction.ok());
    const auto scales = encoded->scales.data<float>();
    double largest = 0;
    for (size_t j = 0; j < kColumns; ++j) {
      double exact = 0, rounded = 0;
      for (size_t i = 0; i < kRows; ++i) {
        size_t scale = 0;
        if (choice.granularity == Granularity::kChannel) scale = choice.axis == 0 ? i : j;
        if (choice.granularity == Granularity::kBlock)
          scale = choice.axis == 0 ? i / 32 * kColumns + j : i * 3 + j / 32;
        const auto code = static_cast<double>(encoded->codes.data<int8_t>()[i * kColumns + j]);
        exact += static_cast<double>(mean[i]) * static_cast<double>(weight.data<float>()[i * kColumns + j]);
        rounded += static_cast<double>(mean[i]) * code * static_cast<double>(scales[scale]);
      }
      EXPECT_NEAR(rounded + static_cast<double>((*correction)[j]), exact, 1e-5);
      largest = std::max(largest, std::fabs(exact - rounded));
    }
    EXPECT_GT(largest, 0.01) << "there was something to correct";
  }
}

TEST(BiasCorrection, RefusesOtherLengths) {
  const WeightChoice choice{"some.weight", NumericType::kInt8};
  const auto encoded = Encode(Weight(), choice);
  EXPECT_THAT(BiasCorrection(std::vector<float>(3), Weight(), *encoded, choice).error().ToString(),
              HasSubstr("'some.weight': has 70 rows, the activation 3 channels"));
  const Tensor flat = Weight().Reshaped({kRows * kColumns});
  EXPECT_FALSE(BiasCorrection(std::vector<float>(kRows), flat, *Encode(flat, choice), choice).ok());
}

}  // namespace
}  // namespace vlaq::numerics

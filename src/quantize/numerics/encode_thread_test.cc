// Encode() and Measure() on many threads: the bits of one thread, and no races (this runs under ThreadSanitizer).
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/random.h"
#include "quantize/numerics/encode.h"

namespace vlaq::numerics {
namespace {

Tensor Weight(const Shape& shape) {
  Random random(1);
  Tensor tensor = Tensor::Make(DType::kF32, shape);
  for (float& value : tensor.mutable_data<float>())
    value = static_cast<float>(random.Normal() / (0.1 + random.Uniform()));
  return tensor;
}

void ExpectSame(const Distortion& a, const Distortion& b) {
  EXPECT_EQ(a.signal_to_noise_db(), b.signal_to_noise_db());
  EXPECT_EQ(a.difference().cosine(), b.difference().cosine());
  EXPECT_EQ(a.worst_group(), b.worst_group());
  EXPECT_EQ(a.worst_group_db(), b.worst_group_db());
  EXPECT_EQ(a.clipped(), b.clipped());
}

// Several chunks for each thread, tiles that share lines of the cache, and an end that fills no row of lanes.
TEST(EncodeThreads, GiveTheSameBits) {
  const Tensor weight = Weight({1031, 517});
  for (const RangeMethod range : {RangeMethod::kMinMax, RangeMethod::kMse}) {
    for (const WeightChoice& choice : std::vector<WeightChoice>{
             {"w", NumericType::kInt8, Granularity::kTensor, 0, 0, range},
             {"w", NumericType::kInt8, Granularity::kChannel, 0, 0, range},
             {"w", NumericType::kInt8, Granularity::kChannel, 1, 0, range},
             {"w", NumericType::kInt4, Granularity::kBlock, 0, 32, range},
             {"w", NumericType::kInt4, Granularity::kBlock, 1, 50, range},
         }) {
      const auto one = Encode(weight, choice, 1);
      const auto measured = Measure(weight, one->codes, one->scales, choice, 1);
      for (const int threads : {2, 5, 64}) {
        const auto many = Encode(weight, choice, threads);
        EXPECT_TRUE(std::ranges::equal(one->codes.bytes(), many->codes.bytes()));
        EXPECT_TRUE(std::ranges::equal(one->scales.bytes(), many->scales.bytes()));
        ExpectSame(one->distortion, many->distortion);
        ExpectSame(*measured, *Measure(weight, one->codes, one->scales, choice, threads));
      }
    }
  }
}

TEST(EncodeThreads, StopAtWhatIsNotFinite) {
  Tensor weight = Weight({1031, 517});
  for (const size_t at : {size_t{0}, size_t{300000}, size_t{1031 * 517 - 1}})
    weight.mutable_data<float>()[at] = std::numeric_limits<float>::infinity();
  for (const int64_t axis : {0, 1}) {
    const auto encoded = Encode(weight, {"w", NumericType::kInt8, Granularity::kChannel, axis}, 5);
    ASSERT_FALSE(encoded.ok());
    EXPECT_NE(encoded.error().ToString().find("(element 0)"), std::string::npos) << encoded.error().ToString();
  }
}

}  // namespace
}  // namespace vlaq::numerics

// Weights as vlaq encodes and packs them mean to ONNX Runtime what they mean to us.
#include <gtest/gtest.h>

#include "node_case.h"
#include "quantize/numerics/encode.h"

namespace vlaq::differential {
namespace {

using numerics::Encode;
using numerics::Granularity;
using numerics::NumericType;
using numerics::WeightChoice;

Tensor Identity(int64_t size) {
  Tensor tensor = Tensor::Make(DType::kF32, {size, size});
  for (int64_t i = 0; i < size; ++i) tensor.mutable_data<float>()[static_cast<size_t>(i * (size + 1))] = 1;
  return tensor;
}

// What `encoded`, by blocks along axis 0, stands for.
Tensor ReadBack(const numerics::Encoded& encoded, int64_t block) {
  Tensor tensor = Tensor::Make(DType::kF32, encoded.codes.shape());
  const auto columns = static_cast<size_t>(tensor.shape()[1]);
  for (size_t i = 0; i < static_cast<size_t>(tensor.size()); ++i) {
    const size_t scale = i / columns / static_cast<size_t>(block) * columns + i % columns;
    tensor.mutable_data<float>()[i] = encoded.codes.data<int8_t>()[i] * encoded.scales.data<float>()[scale];
  }
  return tensor;
}

// The product with the identity is the weight as the engine reads it: one term of each sum is not 0.
TEST(Encoded, MatMulNBitsReadsPackedWeights) {
  Random random(1);
  for (const NumericType number : {NumericType::kInt4, NumericType::kInt8}) {
    for (const int64_t block : {16, 32, 128}) {
      for (const int64_t k : {block, 2 * block, 3 * block - 7}) {
        const int64_t n = 1 + static_cast<int64_t>(random.Below(70));
        const Tensor weight = RandomTensor(random, DType::kF32, {k, n});
        const WeightChoice choice{"w", number, Granularity::kBlock, 0, block};
        const auto encoded = Encode(weight, choice);
        ASSERT_TRUE(encoded.ok());
        const auto packed = PackNBits(*encoded, number, block);
        NodeCase("MatMulNBits", {{"K", k}, {"N", n}, {"bits", BitsOf(number)}, {"block_size", block}})
            .Contrib()
            .Input(Identity(k))
            .Constant(packed.values)
            .Constant(packed.scales)
            .ExpectResult(ReadBack(*encoded, block), kRounding);
      }
    }
  }
}

TEST(Encoded, DequantizeLinearReadsPackedInt4) {
  Random random(2);
  for (const Shape& shape : {Shape{4, 6}, Shape{3, 5}, Shape{1, 1}}) {
    const WeightChoice choice{"w", NumericType::kInt4, Granularity::kChannel, 1};
    const auto encoded = Encode(RandomTensor(random, DType::kF32, shape), choice);
    ASSERT_TRUE(encoded.ok());
    NodeCase("DequantizeLinear", {{"axis", int64_t{1}}})
        .Opset(21)
        .Constant(numerics::PackInt4(encoded->codes))
        .Input(encoded->scales)
        .ExpectResult(ReadBack(*encoded, shape[0]), kRounding);
  }
}

}  // namespace
}  // namespace vlaq::differential

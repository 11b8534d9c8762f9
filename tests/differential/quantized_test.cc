// Q/DQ, dynamic quantization, integer products and ONNX Runtime's own quantized operators.
#include <gtest/gtest.h>

#include "node_case.h"

namespace vlaq::differential {
namespace {

Tensor Scales(Random& random, Shape shape) { return RandomTensor(random, DType::kF32, std::move(shape), 0.01, 0.05); }

TEST(Quantized, QuantizeLinearOfAWholeTensor) {
  Random random(1);
  for (int round = 0; round < kRounds; ++round) {
    for (const DType dtype : {DType::kI8, DType::kU8}) {
      const Tensor x = RandomTensor(random, DType::kF32, RandomShape(random, 3), -5, 5);  // some values clip
      const Tensor zero = RandomTensor(random, dtype, {}, dtype == DType::kU8 ? 0 : -20, 20);
      NodeCase("QuantizeLinear").Input(x).Constant(Scales(random, {})).Constant(zero).ExpectSame();
    }
    const Tensor x = RandomTensor(random, DType::kF32, {7}, 0, 5);
    NodeCase("QuantizeLinear").Input(x).Constant(Scales(random, {})).ExpectSame();  // uint8 without a zero point
  }
}

TEST(Quantized, TiesGoToTheEvenCode) {
  const std::vector<float> ties{-2.5F, -1.5F, -0.5F, 0.5F, 1.5F, 2.5F, 126.5F, 127.5F, -128.5F};
  NodeCase("QuantizeLinear")
      .Input(Tensor::From<float>({9}, ties))
      .Constant(Tensor::Scalar<float>(1))
      .Constant(Tensor::Scalar<int8_t>(0))
      .ExpectSame();
}

TEST(Quantized, QuantizeLinearByChannel) {
  Random random(2);
  for (int round = 0; round < kRounds; ++round) {
    const Shape shape = RandomShape(random, 3);
    const int64_t axis = static_cast<int64_t>(random.Below(3));
    const int64_t channels = shape[static_cast<size_t>(axis)];
    NodeCase("QuantizeLinear", {{"axis", axis - (round % 2 == 0 ? 0 : 3)}})
        .Input(RandomTensor(random, DType::kF32, shape))
        .Constant(Scales(random, {channels}))
        .Constant(RandomTensor(random, DType::kI8, {channels}, -9, 9))
        .ExpectSame();
  }
}

TEST(Quantized, DequantizeLinear) {
  Random random(3);
  for (int round = 0; round < kRounds; ++round) {
    for (const DType dtype : {DType::kI8, DType::kU8}) {
      const Shape shape = RandomShape(random, 2);
      const Tensor codes = RandomTensor(random, dtype, shape, dtype == DType::kU8 ? 0 : -128, 128);
      NodeCase("DequantizeLinear")
          .Input(codes)
          .Constant(Scales(random, {}))
          .Constant(RandomTensor(random, dtype, {}, 0, 20))
          .ExpectSame(kRounding);
      NodeCase("DequantizeLinear", {{"axis", 0}})
          .Input(codes)
          .Constant(Scales(random, {shape[0]}))
          .ExpectSame(kRounding);
    }
  }
  NodeCase("DequantizeLinear", {{"axis", 0}})
      .Input(RandomTensor(random, DType::kI8, {3, 2}))
      .Constant(Scales(random, {2}))
      .ExpectBothRefuse();
}

TEST(Quantized, DequantizeLinearByBlocks) {
  Random random(4);
  for (int round = 0; round < kRounds; ++round) {
    const int64_t block = 16 << random.Below(3);
    const int64_t rows = Extent(random, 100);
    const int64_t columns = 2 * Extent(random, 10);
    const int64_t blocks = (rows + block - 1) / block;
    NodeCase("DequantizeLinear", {{"axis", 0}, {"block_size", block}})
        .Opset(21)
        .Input(RandomTensor(random, DType::kI8, {rows, columns}, -128, 128))
        .Constant(Scales(random, {blocks, columns}))
        .ExpectSame(kRounding);
  }
}

TEST(Quantized, DynamicQuantizeLinear) {
  Random random(5);
  for (int round = 0; round < kRounds; ++round) {
    const double low = round % 3 == 0 ? 0.5 : -3;  // all above zero, or on both sides
    NodeCase("DynamicQuantizeLinear")
        .Outputs(3)
        .Input(RandomTensor(random, DType::kF32, RandomShape(random, 2, 30), low, 4))
        .ExpectSame(kRounding);
  }
  NodeCase("DynamicQuantizeLinear").Outputs(3).Input(Tensor::Make(DType::kF32, {4})).ExpectSame();
}

TEST(Quantized, MatMulInteger) {
  Random random(6);
  for (int round = 0; round < kRounds; ++round) {
    const int64_t k = Extent(random, 90);
    const int64_t n = Extent(random, 30);
    const Tensor a = RandomTensor(random, DType::kU8, {Extent(random, 2), Extent(random, 9), k}, 0, 256);
    const Tensor b = RandomTensor(random, DType::kI8, {k, n}, -128, 128);
    const Tensor a_zero = RandomTensor(random, DType::kU8, {}, 0, 256);
    NodeCase("MatMulInteger").Input(a).Constant(b).ExpectSame();
    NodeCase("MatMulInteger").Input(a).Constant(b).Input(a_zero).ExpectSame();
    NodeCase("MatMulInteger")
        .Input(a)
        .Constant(b)
        .Input(a_zero)
        .Constant(RandomTensor(random, DType::kI8, {n}, -5, 5))
        .ExpectSame();
  }
}

TEST(Quantized, MatMulNBits) {
  Random random(7);
  for (int round = 0; round < kRounds; ++round) {
    for (const int64_t bits : {4, 8}) {
      for (const int64_t level : {1, 4}) {
        const int64_t block = 16 << random.Below(3);
        const int64_t k = Extent(random, 5) * block;
        const int64_t n = Extent(random, 40);
        const int64_t blocks = k / block;
        // Level 4 rounds activations by blocks; how kernels round ties and sum is theirs.
        const Tolerance tolerance =
            level == 1 ? SumOf(k, 8 * 0.05 * 128) : Tolerance{0.02 * static_cast<double>(bits), 1e-3};
        NodeCase("MatMulNBits", {{"K", k}, {"N", n}, {"bits", bits}, {"block_size", block}, {"accuracy_level", level}})
            .Contrib()
            .Input(RandomTensor(random, DType::kF32, {Extent(random, 7), k}))
            .Constant(RandomTensor(random, DType::kU8, {n, blocks, block * bits / 8}, 0, 256))
            .Constant(Scales(random, {n, blocks}))
            .ExpectSame(tolerance);
      }
    }
  }
}

TEST(Quantized, DynamicQuantizeLstm) {
  Random random(8);
  for (int round = 0; round < kRounds; ++round) {
    const int64_t time = Extent(random, 5);
    const int64_t input = Extent(random, 20);
    const int64_t hidden = Extent(random, 12);
    const Shape scale = round % 2 == 0 ? Shape{1, 4 * hidden} : Shape{1};
    NodeCase("DynamicQuantizeLSTM", {{"hidden_size", hidden}})
        .Contrib()
        .Outputs(3)
        .Input(RandomTensor(random, DType::kF32, {time, 1, input}))
        .Constant(RandomTensor(random, DType::kI8, {1, input, 4 * hidden}, -127, 128))
        .Constant(RandomTensor(random, DType::kI8, {1, hidden, 4 * hidden}, -127, 128))
        .Constant(RandomTensor(random, DType::kF32, {1, 8 * hidden}))
        .Nothing()
        .Nothing()
        .Nothing()
        .Nothing()
        .Constant(RandomTensor(random, DType::kF32, scale, 0.001, 0.01))
        .Constant(Tensor::Make(DType::kI8, scale))
        .Constant(RandomTensor(random, DType::kF32, scale, 0.001, 0.01))
        .Constant(Tensor::Make(DType::kI8, scale))
        // A code of h or x that falls on the other side of a tie moves a gate by one step of its product.
        .ExpectSame({2e-2, 0});
  }
}

}  // namespace
}  // namespace vlaq::differential

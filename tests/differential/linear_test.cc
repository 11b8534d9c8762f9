// MatMul, Gemm, Conv, LSTM, Softmax, LayerNormalization.
#include <gtest/gtest.h>

#include "node_case.h"

namespace vlaq::differential {
namespace {

TEST(Linear, MatMul) {
  Random random(1);
  for (int round = 0; round < 3 * kRounds; ++round) {
    auto [a, b] = RandomBroadcastPair(random);
    const int64_t k = Extent(random, 70);
    a.insert(a.end(), {Extent(random, 9), k});
    b.insert(b.end(), {k, Extent(random, 40)});
    const Tensor x = RandomTensor(random, DType::kF32, a);
    const Tensor y = RandomTensor(random, DType::kF32, b);
    NodeCase("MatMul").Input(x).Input(y).ExpectSame(SumOf(k, 4));
    NodeCase("MatMul").Input(x).Constant(y).ExpectSame(SumOf(k, 4));  // prepacked weights
  }
}

TEST(Linear, MatMulOfVectors) {
  Random random(2);
  const auto vector = [&] { return RandomTensor(random, DType::kF32, {6}); };
  const auto matrix = [&](Shape shape) { return RandomTensor(random, DType::kF32, std::move(shape)); };
  NodeCase("MatMul").Input(vector()).Input(vector()).ExpectSame(SumOf(6, 4));
  NodeCase("MatMul").Input(vector()).Input(matrix({6, 3})).ExpectSame(SumOf(6, 4));
  NodeCase("MatMul").Input(matrix({3, 6})).Input(vector()).ExpectSame(SumOf(6, 4));
  NodeCase("MatMul").Input(vector()).Input(matrix({2, 4, 6, 3})).ExpectSame(SumOf(6, 4));
  NodeCase("MatMul").Input(matrix({2, 4, 3, 6})).Input(vector()).ExpectSame(SumOf(6, 4));
  NodeCase("MatMul").Input(matrix({2, 6})).Input(matrix({5, 3})).ExpectBothRefuse();
}

TEST(Linear, Gemm) {
  Random random(3);
  for (int round = 0; round < kRounds; ++round) {
    const bool trans_a = random.Below(2) == 0;
    const bool trans_b = random.Below(2) == 0;
    const int64_t m = Extent(random, 9);
    const int64_t k = Extent(random, 40);
    const int64_t n = Extent(random, 20);
    const onnx::Attributes attributes{
        {"transA", trans_a ? 1 : 0}, {"transB", trans_b ? 1 : 0}, {"alpha", 0.5F}, {"beta", 2.0F}};
    const Tensor a = RandomTensor(random, DType::kF32, trans_a ? Shape{k, m} : Shape{m, k});
    const Tensor b = RandomTensor(random, DType::kF32, trans_b ? Shape{n, k} : Shape{k, n});
    NodeCase("Gemm", attributes).Input(a).Input(b).ExpectSame(SumOf(k, 4));
    for (const Shape& bias : {Shape{n}, Shape{m, n}, Shape{m, 1}, Shape{1}, Shape{}}) {
      NodeCase("Gemm", attributes)
          .Input(a)
          .Constant(b)
          .Input(RandomTensor(random, DType::kF32, bias))
          .ExpectSame(SumOf(k + 1, 4));
    }
  }
}

TEST(Linear, Conv) {
  Random random(4);
  for (int round = 0; round < 3 * kRounds; ++round) {
    const int64_t groups = Extent(random, 3);
    const int64_t channels = Extent(random, 3);
    const int64_t filters = groups * Extent(random, 3);
    const int64_t kernel_h = Extent(random, 3);
    const int64_t kernel_w = Extent(random, 3);
    const onnx::Attributes attributes{{"group", groups},
                                      {"strides", onnx::Ints{Extent(random, 3), Extent(random, 3)}},
                                      {"dilations", onnx::Ints{Extent(random, 2), Extent(random, 2)}},
                                      {"pads", onnx::Ints{Extent(random, 3) - 1, Extent(random, 3) - 1,
                                                          Extent(random, 3) - 1, Extent(random, 3) - 1}},
                                      {"kernel_shape", onnx::Ints{kernel_h, kernel_w}}};
    const Shape image{Extent(random, 2), groups * channels, 5 + Extent(random, 5), 5 + Extent(random, 5)};
    NodeCase node("Conv", attributes);
    node.Input(RandomTensor(random, DType::kF32, image));
    node.Constant(RandomTensor(random, DType::kF32, {filters, channels, kernel_h, kernel_w}));
    if (round % 2 == 0) node.Constant(RandomTensor(random, DType::kF32, {filters}));
    node.ExpectSame(SumOf(channels * kernel_h * kernel_w + 1, 4));
  }
  // The patch embedding's form: kernel as wide as the stride.
  NodeCase("Conv", {{"strides", onnx::Ints{14, 14}}})
      .Input(RandomTensor(random, DType::kF32, {2, 3, 28, 42}))
      .Constant(RandomTensor(random, DType::kF32, {8, 3, 14, 14}))
      .ExpectSame(SumOf(588, 4));
}

TEST(Linear, Lstm) {
  Random random(5);
  for (int round = 0; round < kRounds; ++round) {
    const int64_t time = Extent(random, 6);
    const int64_t batch = Extent(random, 3);
    const int64_t input = Extent(random, 9);
    const int64_t hidden = Extent(random, 7);
    const auto make = [&](Shape shape) { return RandomTensor(random, DType::kF32, std::move(shape), -1, 1); };
    NodeCase node("LSTM", {{"hidden_size", hidden}});
    node.Input(make({time, batch, input}));
    node.Constant(make({1, 4 * hidden, input})).Constant(make({1, 4 * hidden, hidden}));
    if (round % 3 > 0) node.Constant(make({1, 8 * hidden}));
    if (round % 3 == 2) {
      node.Nothing();
      node.Input(make({1, batch, hidden})).Input(make({1, batch, hidden}));
    }
    node.Outputs(3).ExpectSame(kApproximation);
  }
}

TEST(Linear, Softmax) {
  Random random(6);
  for (int round = 0; round < kRounds; ++round) {
    const size_t rank = 1 + random.Below(4);
    const Tensor x = RandomTensor(random, DType::kF32, RandomShape(random, rank, 9), -10, 10);
    const auto axis = static_cast<int64_t>(random.Below(2 * rank)) - static_cast<int64_t>(rank);
    NodeCase("Softmax", {{"axis", axis}}).Input(x).ExpectSame(kApproximation);
    NodeCase("Softmax").Input(x).ExpectSame(kApproximation);
  }
  // A masked row, as attention makes them.
  const std::vector<float> masked{1, -1e9F, 2, -3.4e38F};
  NodeCase("Softmax").Input(Tensor::From<float>({4}, masked)).ExpectSame(kApproximation);
}

TEST(Linear, LayerNormalization) {
  Random random(7);
  for (int round = 0; round < kRounds; ++round) {
    const size_t rank = 1 + random.Below(4);
    Shape shape = RandomShape(random, rank, 9);
    shape.back() += 8;
    const auto axis = static_cast<ptrdiff_t>(random.Below(rank));
    const Shape row(shape.begin() + axis, shape.end());
    NodeCase node("LayerNormalization",
                  {{"axis", static_cast<int64_t>(axis)}, {"epsilon", round % 3 == 0 ? 0.5F : 1e-5F}});
    node.Input(RandomTensor(random, DType::kF32, shape, -5, 5));
    node.Constant(RandomTensor(random, DType::kF32, row));
    if (round % 2 == 0) node.Constant(RandomTensor(random, DType::kF32, row));
    // ONNX Runtime takes the variance as a difference of float32 sums of squares, which loses a few digits.
    node.ExpectSame({2e-5, 2e-5});
  }
}

}  // namespace
}  // namespace vlaq::differential

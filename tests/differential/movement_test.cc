// Operators on shapes and positions, reductions, and those that make values.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "node_case.h"

namespace vlaq::differential {
namespace {

constexpr DType kMovedTypes[] = {DType::kF32, DType::kI64, DType::kI32, DType::kBool, DType::kU8, DType::kF64};

DType AnyType(Random& random) { return kMovedTypes[random.Below(std::size(kMovedTypes))]; }
int64_t AnyAxis(Random& random, size_t rank) {
  return static_cast<int64_t>(random.Below(2 * rank)) - static_cast<int64_t>(rank);
}
size_t Index(int64_t axis, size_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}

TEST(Movement, Reshape) {
  Random random(1);
  const Tensor x = RandomTensor(random, DType::kF32, {2, 3, 4});
  for (const onnx::Ints& shape : {onnx::Ints{6, 4}, {0, -1}, {-1}, {0, 0, 2, 2}, {4, 1, -1}, {1, 24}, {0, 12, -1}}) {
    NodeCase("Reshape").Input(x).Ints(shape).ExpectSame();
  }
  const Tensor empty = RandomTensor(random, DType::kF32, {0, 3});
  NodeCase("Reshape", {{"allowzero", 1}}).Input(empty).Ints({3, 0, 7}).ExpectSame();
  NodeCase("Reshape").Input(RandomTensor(random, DType::kI64, {1})).Ints({}).ExpectSame();
  NodeCase("Reshape").Input(x).Ints({5, -1}).ExpectBothRefuse();
  NodeCase("Reshape").Input(x).Ints({-1, -1}).ExpectBothRefuse();
}

TEST(Movement, FlattenSqueezeUnsqueeze) {
  Random random(2);
  const Tensor x = RandomTensor(random, DType::kF32, {2, 1, 3, 1});
  for (int64_t axis = -3; axis <= 4; ++axis) NodeCase("Flatten", {{"axis", axis}}).Input(x).ExpectSame();
  NodeCase("Squeeze").Input(x).ExpectSame();
  NodeCase("Squeeze").Input(x).Ints({1}).ExpectSame();
  NodeCase("Squeeze").Input(x).Ints({-1, 1}).ExpectSame();
  NodeCase("Squeeze").Input(x).Ints({0}).ExpectBothRefuse();
  NodeCase("Unsqueeze").Input(x).Ints({0, 3}).ExpectSame();
  NodeCase("Unsqueeze").Input(x).Ints({-1, 2, 0}).ExpectSame();
  NodeCase("Unsqueeze").Input(RandomTensor(random, DType::kI64, {})).Ints({0}).ExpectSame();
}

TEST(Movement, Shape) {
  Random random(3);
  const Tensor x = RandomTensor(random, DType::kF32, {2, 5, 3});
  NodeCase("Shape").Input(x).ExpectSame();
  for (int64_t start = -4; start <= 4; ++start) {
    NodeCase("Shape", {{"start", start}}).Input(x).ExpectSame();
    NodeCase("Shape", {{"end", start}}).Input(x).ExpectSame();
  }
  NodeCase("Shape", {{"start", 1}, {"end", -1}}).Input(x).ExpectSame();
}

TEST(Movement, Transpose) {
  Random random(4);
  for (int round = 0; round < kRounds; ++round) {
    const size_t rank = random.Below(5);
    onnx::Ints perm(rank);
    std::iota(perm.begin(), perm.end(), 0);
    for (size_t i = rank; i > 1; --i) std::swap(perm[i - 1], perm[random.Below(i)]);
    const Tensor x = RandomTensor(random, AnyType(random), RandomShape(random, rank), 0, 100);
    NodeCase("Transpose", {{"perm", perm}}).Input(x).ExpectSame();
    NodeCase("Transpose").Input(x).ExpectSame();
  }
}

TEST(Movement, Concat) {
  Random random(5);
  for (int round = 0; round < kRounds; ++round) {
    const size_t rank = 1 + random.Below(4);
    const int64_t axis = AnyAxis(random, rank);
    const DType dtype = AnyType(random);
    Shape shape = RandomShape(random, rank);
    NodeCase node("Concat", {{"axis", axis}});
    for (uint64_t i = 1 + random.Below(4); i > 0; --i) {
      shape[Index(axis, rank)] = static_cast<int64_t>(random.Below(4));  // 0 too
      node.Input(RandomTensor(random, dtype, shape, 0, 100));
    }
    node.ExpectSame();
  }
  NodeCase("Concat", {{"axis", 0}})
      .Input(RandomTensor(random, DType::kF32, {2, 3}))
      .Input(RandomTensor(random, DType::kF32, {2, 4}))
      .ExpectBothRefuse();
}

TEST(Movement, Slice) {
  Random random(6);
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  const Tensor x = RandomTensor(random, DType::kF32, {6, 5});
  struct {
    onnx::Ints starts, ends, axes, steps;
  } const cases[] = {{{1}, {4}, {0}, {1}},
                     {{-3}, {kFar}, {1}, {2}},
                     {{kFar}, {-kFar}, {0}, {-1}},
                     {{4, 0}, {0, 3}, {0, 1}, {-2, 1}},
                     {{2}, {2}, {-1}, {1}},
                     {{0}, {9}, {-2}, {kFar}},
                     {{5}, {1}, {0}, {1}},
                     {{-1}, {-6}, {1}, {-3}},
                     {{3}, {-kFar - 1}, {0}, {-kFar}},
                     {{-99}, {99}, {0}, {4}}};
  for (const auto& c : cases) {
    NodeCase("Slice").Input(x).Ints(c.starts).Ints(c.ends).Ints(c.axes).Ints(c.steps).ExpectSame();
  }
  NodeCase("Slice").Input(x).Ints({1, 2}).Ints({5, 4}).ExpectSame();
  for (int round = 0; round < 5 * kRounds; ++round) {
    const auto any = [&] { return static_cast<int64_t>(random.Below(19)) - 9; };
    const int64_t step = any();
    NodeCase("Slice")
        .Input(RandomTensor(random, AnyType(random), {3, 7, 2}, 0, 100))
        .Ints({any()})
        .Ints({any()})
        .Ints({1})
        .Ints({step == 0 ? 1 : step})
        .ExpectSame();
  }
}

TEST(Movement, Split) {
  Random random(7);
  const Tensor x = RandomTensor(random, DType::kF32, {2, 6, 3});
  NodeCase("Split", {{"axis", 1}}).Input(x).Outputs(3).ExpectSame();
  NodeCase("Split", {{"axis", -2}}).Input(x).Ints({1, 0, 5}).Outputs(3).ExpectSame();
  NodeCase("Split").Input(x).Outputs(2).ExpectSame();
  NodeCase("Split", {{"axis", 1}}).Input(x).Ints({1, 4}).Outputs(2).ExpectBothRefuse();
}

TEST(Movement, Gather) {
  Random random(8);
  for (int round = 0; round < kRounds; ++round) {
    const size_t rank = 1 + random.Below(3);
    const int64_t axis = AnyAxis(random, rank);
    const Shape shape = RandomShape(random, rank);
    const auto extent = static_cast<double>(shape[Index(axis, rank)]);
    const Tensor x = RandomTensor(random, AnyType(random), shape, 0, 100);
    const DType index = random.Below(2) == 0 ? DType::kI64 : DType::kI32;
    NodeCase("Gather", {{"axis", axis}})
        .Input(x)
        .Input(RandomTensor(random, index, RandomShape(random, random.Below(3)), -extent, extent))
        .ExpectSame();
    Shape elements = RandomShape(random, rank);
    for (size_t i = 0; i < rank; ++i) elements[i] = std::min(elements[i], shape[i]);
    NodeCase("GatherElements", {{"axis", axis}})
        .Input(x)
        .Input(RandomTensor(random, index, elements, -extent, extent))
        .ExpectSame();
  }
  NodeCase("Gather").Input(RandomTensor(random, DType::kF32, {3})).Input(Tensor::Scalar<int64_t>(3)).ExpectBothRefuse();
}

TEST(Movement, ExpandAndTile) {
  Random random(9);
  for (int round = 0; round < kRounds; ++round) {
    const auto [a, b] = RandomBroadcastPair(random);
    const DType dtype = AnyType(random);
    NodeCase("Expand").Input(RandomTensor(random, dtype, a, 0, 100)).Ints(b).ExpectSame();
    onnx::Ints repeats(a.size());
    for (int64_t& repeat : repeats) repeat = static_cast<int64_t>(random.Below(4));
    if (!repeats.empty()) NodeCase("Tile").Input(RandomTensor(random, dtype, a, 0, 100)).Ints(repeats).ExpectSame();
  }
}

TEST(Reductions, AllForms) {
  Random random(10);
  for (int round = 0; round < 2 * kRounds; ++round) {
    const size_t rank = 1 + random.Below(4);
    const Shape shape = RandomShape(random, rank);
    onnx::Ints axes;
    for (size_t i = 0; i < rank; ++i) {
      if (random.Below(2) == 0)
        axes.push_back(static_cast<int64_t>(i) - (random.Below(2) == 0 ? 0 : static_cast<int64_t>(rank)));
    }
    const int64_t keep = static_cast<int64_t>(random.Below(2));
    const Tensor x = RandomTensor(random, DType::kF32, shape, -3, 3);
    const Tensor whole = RandomTensor(random, DType::kI64, shape, -9, 9);
    onnx::Attributes attributes{{"keepdims", keep}};
    NodeCase("ReduceSum", attributes).Input(x).Ints(axes).ExpectSame(SumOf(x.size(), 3));
    NodeCase("ReduceSum", attributes).Input(whole).Ints(axes).ExpectSame();
    if (!axes.empty()) attributes["axes"] = axes;
    NodeCase("ReduceMean", attributes).Input(x).ExpectSame(SumOf(x.size(), 3));
    NodeCase("ReduceL2", attributes).Input(x).ExpectSame(SumOf(x.size(), 9));
    for (const char* op : {"ReduceMax", "ReduceMin"}) {
      NodeCase(op, attributes).Input(x).ExpectSame();
      NodeCase(op, attributes).Input(whole).ExpectSame();
    }
  }
  const Tensor x = RandomTensor(random, DType::kF32, {3, 4});
  NodeCase("ReduceSum", {{"noop_with_empty_axes", 1}}).Input(x).Ints({}).ExpectSame();
  NodeCase("ReduceSum").Input(x).ExpectSame(SumOf(12, 2));
}

TEST(Generators, CumSum) {
  Random random(11);
  for (int round = 0; round < kRounds; ++round) {
    const size_t rank = 1 + random.Below(3);
    const onnx::Attributes attributes{{"exclusive", static_cast<int64_t>(random.Below(2))},
                                      {"reverse", static_cast<int64_t>(random.Below(2))}};
    const Shape shape = RandomShape(random, rank, 9);
    const Tensor axis = Tensor::Scalar(AnyAxis(random, rank));
    NodeCase("CumSum", attributes).Input(RandomTensor(random, DType::kI64, shape, -9, 9)).Constant(axis).ExpectSame();
    NodeCase("CumSum", attributes).Input(RandomTensor(random, DType::kI32, shape, -9, 9)).Constant(axis).ExpectSame();
    NodeCase("CumSum", attributes)
        .Input(RandomTensor(random, DType::kF32, shape))
        .Constant(axis)
        .ExpectSame(SumOf(9, 2));
  }
}

TEST(Generators, Range) {
  for (const auto& [start, limit, delta] : {std::tuple{0, 5, 1}, {3, -4, -2}, {5, 5, 1}, {1, 0, 1}, {-7, 9, 3}}) {
    NodeCase("Range")
        .Input(Tensor::Scalar<int64_t>(start))
        .Input(Tensor::Scalar<int64_t>(limit))
        .Input(Tensor::Scalar<int64_t>(delta))
        .ExpectSame();
    NodeCase("Range")
        .Input(Tensor::Scalar<int32_t>(start))
        .Input(Tensor::Scalar<int32_t>(limit))
        .Input(Tensor::Scalar<int32_t>(delta))
        .ExpectSame();
  }
  NodeCase("Range")
      .Input(Tensor::Scalar(0.5F))
      .Input(Tensor::Scalar(3.1F))
      .Input(Tensor::Scalar(0.3F))
      .ExpectSame({1e-6, 0});
}

TEST(Generators, Constants) {
  Random random(12);
  NodeCase("ConstantOfShape").Ints({2, 3}).ExpectSame();
  NodeCase("ConstantOfShape").Ints({}).ExpectSame();
  NodeCase("ConstantOfShape", {{"value", Tensor::From<int64_t>({1}, onnx::Ints{-7})}}).Ints({0, 4}).ExpectSame();
  NodeCase("ConstantOfShape", {{"value", Tensor::From<int64_t>({1}, onnx::Ints{-7})}}).Ints({4}).ExpectSame();
  NodeCase("Constant", {{"value", RandomTensor(random, DType::kF16, {2, 2})}}).ExpectSame();
  NodeCase("Constant", {{"value_int", 3}}).ExpectSame();
  NodeCase("Constant", {{"value_floats", std::vector<float>{1, 2.5F}}}).ExpectSame();
}

}  // namespace
}  // namespace vlaq::differential

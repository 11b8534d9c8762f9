#include <gtest/gtest.h>

#include <limits>

#include "node_case.h"

namespace vlaq::differential {
namespace {

constexpr DType kNumbers[] = {DType::kF32, DType::kF64, DType::kI32, DType::kI64};

void CompareBinary(const char* op, DType dtype, double low = -3, double high = 3) {
  Random random(1, static_cast<uint64_t>(dtype));
  for (int round = 0; round < kRounds; ++round) {
    const auto [a, b] = RandomBroadcastPair(random);
    NodeCase(op)
        .Input(RandomTensor(random, dtype, a, low, high))
        .Input(RandomTensor(random, dtype, b, low, high))
        .ExpectSame(kRounding);
  }
}

TEST(Elementwise, Arithmetic) {
  for (const char* op : {"Add", "Sub", "Mul", "Min", "Max"}) {
    for (const DType dtype : kNumbers) CompareBinary(op, dtype, -100, 100);
  }
}

TEST(Elementwise, Division) {
  for (const DType dtype : {DType::kF32, DType::kF64}) CompareBinary("Div", dtype);
  Random random(2);
  for (const DType dtype : {DType::kI32, DType::kI64}) {  // truncates towards zero; no zero divisors
    NodeCase("Div")
        .Input(RandomTensor(random, dtype, {40}, -100, 100))
        .Input(RandomTensor(random, dtype, {40}, -9, -1))
        .ExpectSame();
  }
}

TEST(Elementwise, Comparisons) {
  for (const char* op : {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}) {
    for (const DType dtype : kNumbers) CompareBinary(op, dtype);
  }
  CompareBinary("Equal", DType::kBool);
}

TEST(Elementwise, Logic) {
  CompareBinary("And", DType::kBool);
  CompareBinary("Or", DType::kBool);
  Random random(3);
  NodeCase("Not").Input(RandomTensor(random, DType::kBool, {3, 4})).ExpectSame();
}

TEST(Elementwise, MinAndMaxTakeAnyNumber) {
  Random random(4);
  for (const char* op : {"Min", "Max"}) {
    NodeCase(op).Input(RandomTensor(random, DType::kF32, {3})).ExpectSame();
    NodeCase(op)
        .Input(RandomTensor(random, DType::kF32, {2, 3}))
        .Input(RandomTensor(random, DType::kF32, {3}))
        .Input(RandomTensor(random, DType::kF32, {4, 1, 1}))
        .ExpectSame();
  }
}

TEST(Elementwise, Pow) {
  Random random(5);
  for (int round = 0; round < kRounds; ++round) {
    const auto [a, b] = RandomBroadcastPair(random);
    NodeCase("Pow")
        .Input(RandomTensor(random, DType::kF32, a, 0.1, 3))
        .Input(RandomTensor(random, DType::kF32, b, -2, 2))
        .ExpectSame({0, 1e-5});
    NodeCase("Pow")
        .Input(RandomTensor(random, DType::kI64, a, -5, 5))
        .Input(RandomTensor(random, DType::kI32, b, 0, 5))
        .ExpectSame();
    NodeCase("Pow")
        .Input(RandomTensor(random, DType::kF32, a, -3, 3))
        .Constant(Tensor::Scalar(2.0F))
        .ExpectSame(kRounding);
  }
}

TEST(Elementwise, Functions) {
  Random random(6);
  const auto compare = [&](const char* op, double low, double high, Tolerance tolerance) {
    for (int round = 0; round < kRounds; ++round) {
      const Shape shape = RandomShape(random, random.Below(4), 9);
      NodeCase(op).Input(RandomTensor(random, DType::kF32, shape, low, high)).ExpectSame(tolerance);
    }
  };
  for (const char* op : {"Neg", "Abs", "Relu", "Floor", "Ceil"}) compare(op, -9, 9, {});
  compare("Sqrt", 0, 100, kRounding);
  compare("Reciprocal", 0.1, 9, kRounding);
  compare("Exp", -20, 5, kApproximation);
  compare("Log", 0.01, 100, kApproximation);
  for (const char* op : {"Erf", "Sigmoid", "Tanh"}) compare(op, -9, 9, kApproximation);
  for (const DType dtype : {DType::kI32, DType::kI64}) {
    for (const char* op : {"Neg", "Abs"}) {
      NodeCase(op).Input(RandomTensor(random, dtype, {30}, -100, 100)).ExpectSame();
    }
  }
}

TEST(Elementwise, Clip) {
  Random random(7);
  for (const DType dtype : kNumbers) {
    const Tensor low = RandomTensor(random, dtype, {}, -5, 0);
    const Tensor high = RandomTensor(random, dtype, {}, 1, 5);
    const Tensor x = RandomTensor(random, dtype, {4, 5}, -10, 10);
    NodeCase("Clip").Input(x).Constant(low).Constant(high).ExpectSame();
    NodeCase("Clip").Input(x).Nothing().Constant(high).ExpectSame();
    NodeCase("Clip").Input(x).Constant(low).ExpectSame();
    NodeCase("Clip").Input(x).ExpectSame();
  }
}

TEST(Elementwise, Where) {
  Random random(8);
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kI32, DType::kI64, DType::kU8}) {
    for (int round = 0; round < kRounds; ++round) {
      const auto [a, b] = RandomBroadcastPair(random);
      const Shape condition = round % 2 == 0 ? a : Shape{};
      NodeCase("Where")
          .Input(RandomTensor(random, DType::kBool, condition))
          .Input(RandomTensor(random, dtype, a, 0, 100))
          .Input(RandomTensor(random, dtype, b, 0, 100))
          .ExpectSame();
    }
  }
}

// Codes of ONNX's TensorProto.DataType.
TEST(Elementwise, Cast) {
  struct Type {
    DType dtype;
    int64_t code;
  };
  constexpr Type kTypes[] = {{DType::kF32, 1},  {DType::kU8, 2},   {DType::kI8, 3},   {DType::kI32, 6},
                             {DType::kI64, 7},  {DType::kBool, 9}, {DType::kF16, 10}, {DType::kF64, 11},
                             {DType::kU32, 12}, {DType::kBF16, 16}};
  Random random(9);
  for (const Type& from : kTypes) {
    for (const Type& to : kTypes) {
      // In the range of every type: ONNX leaves the rest undefined. Half-way cases are met through float16's coarse
      // grid.
      const Tensor x = RandomTensor(random, from.dtype, {50}, 0, 100);
      NodeCase("Cast", {{"to", to.code}}).Input(x).ExpectSame();
    }
  }
  const std::vector<float> odd{
      1.0F + 0x1p-11F, 1.0F + 0x1p-8F, 65519, 65520, 1e-8F, -0.0F, std::numeric_limits<float>::infinity(),
      3e38F,           0x1p-25F,       6e-8F};
  const Tensor x = Tensor::From<float>({static_cast<int64_t>(odd.size())}, odd);
  NodeCase("Cast", {{"to", 10}}).Input(x).ExpectSame();  // rounding, overflow, subnormals
  NodeCase("Cast", {{"to", 16}}).Input(x).ExpectSame();
}

TEST(Elementwise, Identity) {
  Random random(10);
  for (const DType dtype : kNumbers) NodeCase("Identity").Input(RandomTensor(random, dtype, {2, 3})).ExpectSame();
}

TEST(Elementwise, SpecialValues) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{kInf, -kInf, kNaN, 0.0F, -0.0F, 1e-40F, 3e38F, -1};
  const Tensor x = Tensor::From<float>({8, 1}, values);
  const Tensor y = Tensor::From<float>({8}, values);
  for (const char* op :
       {"Add", "Sub", "Mul", "Div", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "Min", "Max"}) {
    NodeCase(op).Input(x).Input(y).ExpectSame(kRounding);
  }
  for (const char* op : {"Neg", "Abs", "Sqrt", "Exp", "Reciprocal"}) NodeCase(op).Input(x).ExpectSame(kApproximation);
}

}  // namespace
}  // namespace vlaq::differential

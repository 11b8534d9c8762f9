// MACs of the operators that ONNX Runtime reports, in the shapes in which it was seen to report them.
#include "onnx/cost.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vlaq::onnx {
namespace {

using Shapes = std::vector<TypedShape>;

TypedShape F(Shape shape) { return {DType::kF32, std::move(shape)}; }
TypedShape H(Shape shape) { return {DType::kF16, std::move(shape)}; }
TypedShape U(Shape shape) { return {DType::kU8, std::move(shape)}; }
TypedShape S(Shape shape) { return {DType::kI8, std::move(shape)}; }

struct Case {
  std::string op_type;
  Shapes inputs, outputs;
  int64_t macs;
  Arithmetic arithmetic;
};

const Case kCases[] = {
    {"MatMul", {F({1, 65, 96}), F({96, 256})}, {F({1, 65, 256})}, 65 * 96 * 256, Arithmetic::kFloat32},
    {"MatMul", {F({1, 65, 96})}, {F({1, 65, 256})}, 65 * 96 * 256, Arithmetic::kFloat32},  // packed weight
    {"MatMul", {H({7, 5}), H({5, 3})}, {H({7, 3})}, 105, Arithmetic::kHalf},
    {"MatMul", {F({5}), F({5, 3})}, {F({3})}, 15, Arithmetic::kFloat32},
    {"MatMul", {F({5}), F({5})}, {F({})}, 5, Arithmetic::kFloat32},
    {"FusedMatMul", {F({2, 5, 7}), F({2, 5, 3})}, {F({2, 7, 3})}, 210, Arithmetic::kFloat32},  // A is transposed
    {"FusedGemm", {F({1, 128}), F({64})}, {F({1, 64})}, 128 * 64, Arithmetic::kFloat32},
    {"DynamicQuantizeMatMul", {F({1, 65, 96}), F({96}), S({96})}, {F({1, 65, 96})}, 65 * 96 * 96, Arithmetic::kInt8},
    {"MatMulIntegerToFloat",
     {U({1, 65, 96}), F({}), F({96}), U({})},
     {F({1, 65, 96})},
     65 * 96 * 96,
     Arithmetic::kInt8},
    {"QGemm", {U({1, 128}), F({}), U({})}, {U({1, 32})}, 128 * 32, Arithmetic::kInt8},
    {"MatMulNBits", {F({1, 33, 96}), F({768})}, {F({1, 33, 256})}, 33 * 96 * 256, Arithmetic::kWeightOnly},
    {"Conv", {F({1, 3, 112, 112}), F({96, 3, 14, 14})}, {F({1, 96, 8, 8})}, 96 * 64 * 588, Arithmetic::kFloat32},
    {"FusedConv",
     {F({1, 8, 4, 4}), F({8, 2, 3, 3}), F({8}), F({1, 8, 4, 4})},
     {F({1, 8, 4, 4})},
     128 * 18,
     Arithmetic::kFloat32},
    // 8 x 8 pixels of 3 channels, each times 4 channels of 2 x 2.
    {"ConvTranspose", {F({1, 3, 8, 8}), F({3, 4, 2, 2})}, {F({1, 4, 16, 16})}, 64 * 3 * 4 * 4, Arithmetic::kFloat32},
    {"ConvTranspose", {F({1, 4, 5}), F({4, 3, 2})}, {F({1, 6, 10})}, 5 * 4 * 3 * 2, Arithmetic::kFloat32},  // 2 groups
    // Its weight has the output's extents.
    {"Conv", {F({2, 2, 2, 2}), F({2, 2, 1, 1})}, {F({2, 2, 2, 2})}, 16 * 2, Arithmetic::kFloat32},
    {"Conv", {F({1, 1, 2, 2}), F({1, 1, 1, 1})}, {F({1, 1, 2, 2})}, 4, Arithmetic::kFloat32},
    {"LSTM",
     {F({2, 5, 4}), F({1, 12, 4}), F({1, 12, 3})},  // batch first
     {F({2, 5, 1, 3})},
     2 * 5 * 12 * (4 + 3),
     Arithmetic::kFloat32},
    {"Attention",
     {F({1, 2, 5, 4}), F({1, 2, 7, 4}), F({1, 2, 7, 6})},
     {F({1, 2, 5, 6})},
     2 * 5 * 7 * (4 + 6),
     Arithmetic::kFloat32},
    {"ConvInteger",
     {U({1, 3, 28, 28}), S({96, 3, 14, 14}), U({}), S({})},
     {{DType::kI32, {1, 96, 2, 2}}},
     384 * 588,
     Arithmetic::kInt8},
    {"LSTM", {F({8, 1, 96}), F({1, 1024})}, {F({8, 1, 1, 128})}, 8 * 4 * 128 * (96 + 128), Arithmetic::kFloat32},
    {"LSTM", {F({8, 2, 96}), F({2, 1024})}, {F({2, 2, 128})}, 2 * 2 * 8 * 4 * 128 * (96 + 128), Arithmetic::kFloat32},
    {"DynamicQuantizeLSTM",
     {F({8, 1, 96}), F({1, 1024})},
     {F({8, 1, 1, 128})},
     8 * 4 * 128 * (96 + 128),
     Arithmetic::kInt8},
    {"GRU", {F({8, 1, 96})}, {F({8, 1, 1, 128})}, 8 * 3 * 128 * (96 + 128), Arithmetic::kFloat32},
    {"Attention",
     {F({2, 10, 6}), F({6, 18})},
     {F({2, 10, 6})},
     2 * 10 * 6 * 18 + 2 * 2 * 10 * 10 * 6,
     Arithmetic::kFloat32},
    {"QAttention", {U({2, 10, 6})}, {F({2, 10, 6})}, 2 * 10 * 6 * 18 + 2 * 2 * 10 * 10 * 6, Arithmetic::kInt8},
    {"MultiHeadAttention",
     {F({1, 4, 6}), F({1, 10, 6}), F({1, 10, 6})},
     {F({1, 4, 6})},
     2 * 4 * 10 * 6,
     Arithmetic::kFloat32},
};

TEST(Cost, CountsWhatEnginesReport) {
  for (const Case& c : kCases) {
    const auto cost = CostOf(c.op_type, c.inputs, c.outputs);
    ASSERT_TRUE(cost) << c.op_type;
    EXPECT_EQ(cost->macs, c.macs) << c.op_type;
    EXPECT_EQ(cost->arithmetic, c.arithmetic) << c.op_type;
    EXPECT_FALSE(cost->both_signed) << c.op_type;
  }
}

TEST(Cost, APackedConvolutionDoesNotSay) {
  const Shapes inputs{U({1, 112, 112, 3}), F({}), U({}), F({96}), S({96}), F({}), U({})};
  const Shapes outputs{U({1, 8, 8, 96})};
  const auto cost = CostOf("QLinearConv", inputs, outputs);
  ASSERT_TRUE(cost);
  EXPECT_FALSE(cost->macs);
  EXPECT_EQ(cost->arithmetic, Arithmetic::kInt8);
}

TEST(Cost, KnowsTwoSignedOperands) {
  const Shapes outputs{S({4, 8})};
  const auto signed_both =
      CostOf("QLinearMatMul", Shapes{S({4, 16}), F({}), S({}), F({8}), S({8}), F({}), S({})}, outputs);
  ASSERT_TRUE(signed_both);
  EXPECT_TRUE(signed_both->both_signed);
  const auto unsigned_left = CostOf("QLinearMatMul", Shapes{U({4, 16}), F({}), U({}), F({8}), S({8})}, outputs);
  ASSERT_TRUE(unsigned_left);
  EXPECT_FALSE(unsigned_left->both_signed);
}

TEST(Cost, OthersMultiplyNoMatrices) {
  EXPECT_FALSE(CostOf("Softmax", Shapes{F({2, 2})}, Shapes{F({2, 2})}));
  EXPECT_FALSE(IsUnknownProduct("Softmax"));
  EXPECT_FALSE(IsUnknownProduct("QLinearMatMul"));
  EXPECT_TRUE(IsUnknownProduct("GroupQueryAttention"));
  EXPECT_TRUE(IsUnknownProduct("SparseToDenseMatMul"));
}

TEST(Cost, HugeShapesDoNotOverflow) {
  const int64_t big = int64_t{1} << 40;
  const auto cost = CostOf("MatMul", Shapes{F({big, big})}, Shapes{F({big, 1})});
  ASSERT_TRUE(cost);
  EXPECT_FALSE(cost->macs);
  EXPECT_FALSE(CostOf("MatMul", {}, {})->macs);
}

}  // namespace
}  // namespace vlaq::onnx

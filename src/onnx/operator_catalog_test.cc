#include "onnx/operator_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"
#include "onnx/cost.h"

namespace vlaq::onnx {
namespace {

using ::testing::HasSubstr;

// One node with activation [2, 3, 8, 8] or what it needs, and what the catalog says of it.
class OperatorCatalogTest : public ::testing::Test {
 protected:
  OperatorCatalogTest() { x_ = builder_.Input("x", DType::kF32, {}); }

  std::string Weight(const std::string& name, Shape shape, DType dtype = DType::kF32) {
    return builder_.External(name, dtype, std::move(shape), {"weights.bin", 0, 0});
  }
  // What is found at the only node.
  std::optional<WeightedNode> Find(std::string op_type, std::vector<std::string> inputs, Attributes attributes = {}) {
    builder_.Output(builder_.Op(std::move(op_type), std::move(inputs), std::move(attributes), "op"), "y", DType::kF32,
                    {});
    graph_ = *builder_.Finish();
    index_.emplace(graph_);
    return FindWeighted(graph_.nodes.back(), *index_);
  }

  GraphBuilder builder_{"g"};
  std::string x_;
  Graph graph_;
  std::optional<GraphIndex> index_;
};

TEST(OperatorCatalog, HasACostForEachThatMultiplies) {
  for (const OperatorRow& row : OperatorCatalog()) {
    EXPECT_EQ(CostOf(row.op_type, {}, {}).has_value(), row.macs != nullptr) << row.op_type;
    EXPECT_EQ(row.macs != nullptr, row.activation.has_value()) << row.op_type << ": takes rows, or multiplies";
    EXPECT_NE(FindInCatalog(row.op_type), nullptr);
  }
  EXPECT_EQ(FindInCatalog("Softmax"), nullptr);
}

TEST_F(OperatorCatalogTest, AMatMulSumsOverTheFirstAxisOfItsWeight) {
  const auto found = Find("MatMul", {x_, Weight("w", {8, 5})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->weight().name, "w");
  EXPECT_EQ(*found->activation(), "x");
  EXPECT_EQ(found->row.output_axis, 1);
  EXPECT_EQ(found->row.summed_axis, 0);
  EXPECT_TRUE(found->row.sums_last_axis);
  EXPECT_EQ(found->no_integers, "");
}

TEST_F(OperatorCatalogTest, OfABatchOfMatricesAxesCountFromTheBack) {
  const auto found = Find("MatMul", {x_, Weight("w", {2, 8, 5})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->row.output_axis, 2);
  EXPECT_EQ(found->row.summed_axis, 1);
  EXPECT_EQ(found->no_integers, "its weight has 3 axes, not 2");
}

TEST_F(OperatorCatalogTest, AWeightMayBeTheFirstOperand) {
  const auto found = Find("MatMul", {Weight("w", {5, 8}), x_});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found->activation(), "x");
  EXPECT_EQ(found->row.output_axis, 0);
  EXPECT_EQ(found->row.summed_axis, 1);
  EXPECT_FALSE(found->row.sums_last_axis);
  EXPECT_THAT(found->no_integers, HasSubstr("first operand"));
}

TEST_F(OperatorCatalogTest, WhatReadsConstantsOnlyNeedsNoIntegers) {
  const auto found = Find("MatMul", {Weight("a", {5, 8}), Weight("b", {8, 5})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->weight().name, "b");
  EXPECT_THAT(found->no_integers, HasSubstr("constants only"));
}

TEST_F(OperatorCatalogTest, TwoActivationsHaveNoWeight) { EXPECT_FALSE(Find("MatMul", {x_, x_})); }

TEST_F(OperatorCatalogTest, IntegersAreNoWeights) {
  EXPECT_FALSE(Find("MatMul", {x_, Weight("w", {8, 5}, DType::kI32)}));
}

TEST_F(OperatorCatalogTest, OthersDomainsHaveOtherOperators) {
  builder_.SetDomain("MatMul", "com.example");
  EXPECT_FALSE(Find("MatMul", {x_, Weight("w", {8, 5})}));
}

TEST_F(OperatorCatalogTest, AGemmTurnsItsOperands) {
  const auto found = Find("Gemm", {x_, Weight("w", {5, 8}), Weight("b", {5})}, {{"transB", 1}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->row.output_axis, 0);
  EXPECT_EQ(found->row.summed_axis, 1);
  EXPECT_TRUE(found->row.sums_last_axis);
  EXPECT_EQ(found->row.bias, std::optional<size_t>(2));
  EXPECT_EQ(found->no_integers, "");
}

TEST_F(OperatorCatalogTest, AGemmThatIsMoreThanAProductHasNoIntegers) {
  const auto found = Find("Gemm", {x_, Weight("w", {8, 5})}, {{"transA", 1}, {"alpha", 0.5F}});
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->row.sums_last_axis);
  EXPECT_THAT(found->no_integers, HasSubstr("alpha"));
}

TEST_F(OperatorCatalogTest, ConvolutionsHaveTheirOutputsAtEitherSide) {
  const auto found = Find("Conv", {x_, Weight("w", {16, 3, 3, 3})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->row.output_axis, 0);
  EXPECT_FALSE(found->row.sums_last_axis);
}

TEST_F(OperatorCatalogTest, ATransposedConvolutionHasThemSecond) {
  const auto found = Find("ConvTranspose", {x_, Weight("w", {3, 16, 2, 2})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->row.output_axis, 1);
  EXPECT_EQ(found->row.summed_axis, 0);
}

TEST_F(OperatorCatalogTest, ALoopHasTwoWeights) {
  const auto found = Find("LSTM", {x_, Weight("w", {1, 16, 8}), Weight("r", {1, 16, 4})}, {{"hidden_size", 4}});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->weights.size(), 2U);
  EXPECT_EQ(found->weights[1]->name, "r");
  EXPECT_EQ(found->row.output_axis, 1);
  EXPECT_EQ(found->no_integers, "");
}

TEST_F(OperatorCatalogTest, ALoopOfBothDirectionsHasNoIntegers) {
  const auto found = Find("LSTM", {x_, Weight("w", {2, 16, 8}), Weight("r", {2, 16, 4})}, {{"hidden_size", 4}});
  ASSERT_TRUE(found);
  EXPECT_THAT(found->no_integers, HasSubstr("both directions"));
}

TEST_F(OperatorCatalogTest, OfALoopBothWeightsMustBeThere) {
  EXPECT_FALSE(Find("GRU", {x_, Weight("w", {1, 12, 8}), x_}, {{"hidden_size", 4}}));
}

TEST_F(OperatorCatalogTest, ATableGivesRows) {
  const auto found = Find("Gather", {Weight("table", {9, 5}), builder_.Input("ids", DType::kI64, {})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->activation(), nullptr);
  EXPECT_EQ(found->row.output_axis, 0);
}

TEST_F(OperatorCatalogTest, ColumnsAreNoTable) {
  EXPECT_FALSE(Find("Gather", {Weight("table", {9, 5}), builder_.Input("ids", DType::kI64, {})}, {{"axis", 1}}));
}

}  // namespace
}  // namespace vlaq::onnx

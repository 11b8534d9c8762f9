#include "quantize/plan/size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quantize/plan/testing.h"

namespace vlaq::plan {
namespace {

using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using numerics::WeightChoice;
using ::testing::HasSubstr;
using testing::SmallBundle;

OperatorChoice Choice(const std::string& node, const WeightChoice& weight, Form form) {
  OperatorChoice choice;
  choice.node = node;
  choice.form = form;
  choice.weights = {weight};
  return choice;
}

// A target with weights as codes, and one with float weights before a QuantizeLinear.
class SizeTest : public ::testing::Test {
 protected:
  PlannedSize Size(const Plan& plan, bool keeps_float = false) const {
    target::Target target = **target::Find("portable");
    target.float_weights_before_quantize = keeps_float;
    const auto size = SizeOf(plan, made_.bundle(), target);
    EXPECT_TRUE(size.ok()) << (size.ok() ? "" : size.error().ToString());
    return size.ok() ? *size : PlannedSize();
  }
  std::string ErrorOf(const Plan& plan) const {
    const auto size = SizeOf(plan, made_.bundle(), **target::Find("portable"));
    EXPECT_FALSE(size.ok());
    return size.ok() ? "" : size.error().ToString();
  }

  const SmallBundle made_{testing::SmallPolicy()};
};

// wq is [8, 8], wfc [16, 8], wactions [64, 2]; all tensors begin at multiples of 64 bytes.
TEST_F(SizeTest, CountsCodesAndScales) {
  Plan plan;
  plan.operators = {
      Choice("block/q/MatMul", {"wq", NumericType::kInt8, Granularity::kChannel, 1, 0, {}}, Form::kDynamicInt8),
      Choice("fc/Gemm", {"wfc", NumericType::kInt8, Granularity::kTensor, 0, 0, {}}, Form::kStaticInt8),
      Choice("head/MatMul", {"wactions", NumericType::kInt4, Granularity::kBlock, 0, 16, {}}, Form::kWeightOnly)};
  const PlannedSize size = Size(plan);
  ASSERT_EQ(size.operators.size(), 3U);
  EXPECT_EQ(size.operators[0].before, 256U);
  EXPECT_EQ(size.operators[0].after, 64U + 64) << "64 codes, 8 scales";
  EXPECT_EQ(size.operators[1].before, 512U);
  EXPECT_EQ(size.operators[1].after, 128U + 64) << "128 codes, one scale";
  EXPECT_EQ(size.operators[2].before, 512U);
  EXPECT_EQ(size.operators[2].after, 64U + 64) << "128 codes of half a byte, 4 x 2 scales";
  EXPECT_EQ(size.rest.after, size.rest.before);
  EXPECT_EQ(size.total.after, size.rest.after + 128 + 192 + 128);
}

TEST_F(SizeTest, WeightsThatTheGraphQuantizesItselfStayFloat) {
  Plan plan;
  plan.operators = {Choice("fc/Gemm", {"wfc", NumericType::kInt8, Granularity::kChannel, 0, 0, {}}, Form::kStaticInt8)};
  EXPECT_EQ(Size(plan, /*keeps_float=*/true).operators[0].after, 512U + 64);
}

TEST_F(SizeTest, AWeightOfTwoOperatorsCountsOnce) {
  Plan plan;
  const WeightChoice half{"wq", NumericType::kFloat16, {}, 0, 0, {}};
  plan.operators = {Choice("a", half, Form::kHalf), Choice("b", half, Form::kHalf)};
  const PlannedSize size = Size(plan);
  EXPECT_EQ(size.operators[0].after, 128U);
  EXPECT_EQ(size.operators[1].before, 0U);
  EXPECT_EQ(size.operators[1].after, 0U);
}

TEST_F(SizeTest, TheRestMayBecomeHalfOfIt) {
  Plan plan;
  plan.rest = NumericType::kFloat16;
  const PlannedSize size = Size(plan);
  EXPECT_LT(size.rest.after, size.rest.before);
  EXPECT_EQ(size.total.before, size.rest.before);
}

TEST_F(SizeTest, WhatTheBundleDoesNotHaveIsNamed) {
  Plan plan;
  plan.operators = {
      Choice("fc/Gemm", {"other", NumericType::kInt8, Granularity::kTensor, 0, 0, {}}, Form::kStaticInt8)};
  EXPECT_THAT(ErrorOf(plan), ::testing::AllOf(HasSubstr("'fc/Gemm'"), HasSubstr("no weight 'other'")));
  plan.operators = {Choice("fc/Gemm", {"wfc", NumericType::kInt8, Granularity::kChannel, 2, 0, {}}, Form::kStaticInt8)};
  EXPECT_THAT(ErrorOf(plan), ::testing::AllOf(HasSubstr("'wfc'"), HasSubstr("no axis 2")));
}

}  // namespace
}  // namespace vlaq::plan

#include "engine/choose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::engine {
namespace {

using numerics::Form;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using ::testing::HasSubstr;
using ::testing::StartsWith;

OperatorChoice Int8(const std::string& node, const std::string& group) {
  OperatorChoice op{node, "MatMul", group, Form::kStaticInt8, {}, {}, "QP-01", "planned", 100};
  op.weights = {{node + ".weight", NumericType::kInt8, numerics::Granularity::kChannel, 1, 0, {}}};
  op.activation = {node + ".in", NumericType::kInt8, numerics::ClipRange{-1, 1}, {}};
  return op;
}

Plan TwoGroups(NumericType rest = NumericType::kFloat32) {
  Plan plan;
  plan.target = "tensorrt-8.6";
  plan.rest = rest;
  plan.operators = {Int8("a/MatMul", "a"), Int8("b/q", "b"), Int8("b/k", "b")};
  return plan;
}

Layer Timed(const std::string& name, double ms, std::vector<std::string> nodes, bool reformat = false) {
  return {name, "", "", Precision::kUnknown, reformat, std::move(nodes), ms};
}

TEST(Choose, KeepsInt8WhereItWins) {
  const std::vector<Layer> fp16{Timed("a", 1.0, {"a/MatMul"}), Timed("b", 1.0, {"b/q", "b/k"}), Timed("x", 5, {"x"})};
  const std::vector<Layer> int8{Timed("a", 0.5, {"a/MatMul"}), Timed("b", 0.6, {"b/q", "b/k"}), Timed("x", 5, {"x"}),
                                Timed("r", 0.45, {"b/q"}, true)};
  const auto choice = Choose(TwoGroups(), fp16, int8, {});
  ASSERT_TRUE(choice.ok());
  ASSERT_EQ(choice->groups.size(), 2U);
  EXPECT_TRUE(choice->groups[0].int8);
  // 0.6 ms of products, but 0.45 of a reformat that is there for them.
  EXPECT_FALSE(choice->groups[1].int8);
  EXPECT_NEAR(*choice->groups[1].int8_ms, 1.05, 1e-9);
  EXPECT_EQ(choice->int8_reformats, 1U);
  const auto& ops = choice->plan.operators;
  EXPECT_EQ(ops[0].form, Form::kStaticInt8);
  EXPECT_THAT(ops[0].reason, StartsWith("planned; INT8 0.5 ms"));
  for (const size_t i : {1U, 2U}) {
    EXPECT_EQ(ops[i].form, Form::kFloat);
    EXPECT_EQ(ops[i].rule, "TIME-01");
    EXPECT_FALSE(ops[i].activation.has_value());
    EXPECT_EQ(ops[i].weights[0].number, NumericType::kFloat32);
  }
}

TEST(Choose, TakesQuantizingLayersIntoAccount) {
  const std::vector<Layer> fp16{Timed("a", 1.0, {"a/MatMul"}), Timed("b", 1.0, {"b/q", "b/k"})};
  const std::vector<Layer> int8{Timed("a", 0.7, {"a/MatMul"}), Timed("b", 0.5, {"b/q", "b/k"}),
                                Timed("q", 0.4, {"a/MatMul.in/int8/QuantizeLinear"})};
  const auto choice = Choose(TwoGroups(NumericType::kFloat16), fp16, int8, {});
  ASSERT_TRUE(choice.ok());
  EXPECT_FALSE(choice->groups[0].int8);
  EXPECT_TRUE(choice->groups[1].int8);
  EXPECT_EQ(choice->plan.operators[0].form, Form::kHalf);
  EXPECT_EQ(choice->plan.operators[0].weights[0].number, NumericType::kFloat16);
}

TEST(Choose, LeavesWhatIsNotKnown) {
  const std::vector<Layer> fp16{Timed("{ForeignNode[a...b]}", 2.0, {}), Timed("a", 1, {"a/MatMul"})};
  const std::vector<Layer> int8{Timed("a", 0.9, {"a/MatMul"}), Timed("b", 0.5, {"b/q"})};
  const auto choice = Choose(TwoGroups(), fp16, int8, {});
  ASSERT_TRUE(choice.ok());
  EXPECT_TRUE(choice->groups[0].int8);
  EXPECT_TRUE(choice->groups[1].int8);
  EXPECT_THAT(choice->groups[1].reason, HasSubstr("not known"));
  EXPECT_EQ(choice->plan.operators[1].reason, "planned");
}

TEST(Choose, AccuracyComesFirst) {
  const std::vector<Layer> fp16{Timed("a", 1.0, {"a/MatMul"})}, int8{Timed("a", 0.1, {"a/MatMul"})};
  ChoiceRules rules;
  rules.int8_difference = 0.02;
  rules.largest_difference = 0.03;
  EXPECT_TRUE(Choose(TwoGroups(), fp16, int8, rules)->groups[0].int8);
  rules.largest_difference = 0.01;
  const auto choice = Choose(TwoGroups(), fp16, int8, rules);
  EXPECT_FALSE(choice->groups[0].int8);
  EXPECT_EQ(choice->plan.operators[0].rule, "ACC-01");
}

TEST(Choose, SaysItsCaveatEverywhere) {
  const std::vector<Layer> layers{Timed("a", 1.0, {"a/MatMul"}), Timed("b", 1.0, {"b/q"})};
  ChoiceRules rules;
  rules.caveat = "not measured: a test";
  const auto choice = Choose(TwoGroups(), layers, layers, rules);
  ASSERT_TRUE(choice.ok());
  for (const GroupChoice& group : choice->groups) {
    EXPECT_FALSE(group.int8);
    EXPECT_THAT(group.reason, HasSubstr("not measured: a test"));
  }
}

TEST(Choose, NeedsTimesAndAPlan) {
  const std::vector<Layer> layers{Timed("a", 1.0, {"a/MatMul"})};
  EXPECT_FALSE(Choose(TwoGroups(), {}, layers, {}).ok());
  EXPECT_FALSE(Choose(TwoGroups(), layers, {{"a", "", "", {}, false, {}, {}}}, {}).ok());
  EXPECT_FALSE(Choose(Plan{}, layers, layers, {}).ok());
}

}  // namespace
}  // namespace vlaq::engine

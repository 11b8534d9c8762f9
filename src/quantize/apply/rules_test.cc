// What a plan may not ask of a target is refused with a rule that is about that target.
#include "quantize/apply/rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace vlaq::apply {
namespace {

using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A plan of one operator.
Plan PlanOf(const std::string& op_type, Form form, NumericType weight,
            Granularity granularity = Granularity::kChannel) {
  Plan plan;
  plan.precision = "int8";
  OperatorChoice choice;
  choice.node = "fc1";
  choice.op_type = op_type;
  choice.form = form;
  choice.weights = {{"w", weight, granularity, 1, 16, {}}};
  plan.operators = {choice};
  return plan;
}

// "TRT-G09"; "" if the plan may be carried out.
std::string RefusedBy(const Plan& plan, const char* target) {
  const Status status = CheckRules(plan, **target::Find(target));
  if (status.ok()) return "";
  EXPECT_EQ(status.error().code, ErrorCode::kInput);
  EXPECT_FALSE(status.error().advice.empty());
  const std::string text = status.error().what;
  const size_t at = text.find("(rule ");
  const std::string id = at == std::string::npos ? text : text.substr(at + 6, text.size() - at - 7);
  const target::Rule* rule = target::FindRule(id);
  EXPECT_NE(rule, nullptr) << text;
  if (rule == nullptr) return id;
  EXPECT_THAT(text, AllOf(HasSubstr(target), HasSubstr(std::string(rule->meaning))));
  const target::TensorRt* version = target::UsualTensorRt(target);
  EXPECT_TRUE(rule->applies == nullptr || (version != nullptr && rule->applies(*version)))
      << id << " says nothing about " << target;
  return id;
}

TEST(CheckRules, RefusesByARuleOfTheTarget) {
  Plan uint8 = PlanOf("MatMul", Form::kStaticInt8, NumericType::kInt8);
  uint8.operators[0].activation = {"x", NumericType::kUint8, numerics::ClipRange{0, 1}, {}};
  Plan half = PlanOf("MatMul", Form::kHalf, NumericType::kFloat16);
  Plan rest;
  rest.precision = "fp16";
  rest.rest = NumericType::kFloat16;
  Plan old;
  old.precision = "fp16";
  old.opset = 12;
  Plan newer = old;
  newer.opset = 22;
  const Plan by_blocks = PlanOf("MatMul", Form::kStaticInt8, NumericType::kInt8, Granularity::kBlock);
  struct Row {
    Plan plan;
    std::array<const char*, 4> rules;  // cpu, portable, tensorrt-8.6, tensorrt-10
  };
  const std::vector<Row> rows{
      {PlanOf("MatMul", Form::kDynamicInt8, NumericType::kInt8), {"", "PORT-01", "TRT-G09", "TRT-G09"}},
      {PlanOf("LSTM", Form::kDynamicInt8, NumericType::kInt8), {"", "PORT-01", "TRT-G08", "TRT-G08"}},
      {PlanOf("MatMul", Form::kStaticInt8, NumericType::kInt8), {"", "", "", ""}},
      {uint8, {"", "PORT-01", "TRT-Q02", "TRT-Q02"}},
      {by_blocks, {"FORM-02", "FORM-02", "FORM-02", "FORM-02"}},
      {PlanOf("MatMul", Form::kWeightOnly, NumericType::kInt4), {"", "PORT-01", "TRT-Q15a", ""}},
      {PlanOf("Gather", Form::kWeightOnly, NumericType::kInt8), {"", "", "TRT-Q13", ""}},
      {PlanOf("Gather", Form::kWeightOnly, NumericType::kFloat16), {"", "", "", ""}},
      {half, {"FP16-01", "FP16-01", "", ""}},
      {rest, {"FP16-01", "FP16-01", "", ""}},
      {old, {"CPU-01", "PORT-01", "TRT-G01", "TRT-G02"}},
      {newer, {"CPU-01", "PORT-01", "TRT-G01", "TRT-G02"}},
  };
  constexpr std::array kTargets{"cpu", "portable", "tensorrt-8.6", "tensorrt-10"};
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t t = 0; t < kTargets.size(); ++t) {
      EXPECT_EQ(RefusedBy(rows[i].plan, kTargets[t]), rows[i].rules[t]) << "row " << i << ", " << kTargets[t];
    }
  }
}

TEST(CheckRules, AnUnknownPrecisionIsNamed) {
  Plan plan;
  plan.precision = "int7";
  const Status status = CheckRules(plan, **target::Find("cpu"));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().ToString(), AllOf(HasSubstr("'int7'"), HasSubstr("fp32, fp16, bf16-as-stored, int8")));
}

}  // namespace
}  // namespace vlaq::apply

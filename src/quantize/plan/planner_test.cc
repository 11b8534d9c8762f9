#include "quantize/plan/planner.h"

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
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SmallBundle;

TEST(Machine, WithoutIntegerProductsIsWarnedOf) {
  Machine machine;
  machine.cpu = "Old One";
  EXPECT_EQ(LacksIntegerProducts(machine), "");  // nothing is known about it
  machine.features = {{"avx2", "float32 products", true},
                      {"avx_vnni", "INT8 products", false},
                      {"avx512_vnni", "INT8 products, twice as wide", false}};
  EXPECT_THAT(LacksIntegerProducts(machine), AllOf(HasSubstr("Old One"), HasSubstr("ORT-03")));
  machine.features[1].present = true;
  EXPECT_EQ(LacksIntegerProducts(machine), "");
}

TEST(Machine, ThisOneListsItsIntegerProducts) {
  const Machine machine = ThisMachine();
  if (machine.architecture != "x86_64" && machine.architecture != "aarch64") GTEST_SKIP() << machine.architecture;
  int listed = 0;
  for (const CpuFeature& feature : machine.features) listed += feature.purpose.starts_with("INT8 products") ? 1 : 0;
  EXPECT_GT(listed, 0);  // else LacksIntegerProducts could never warn
}

TEST(Precision, NamesGoBothWays) {
  for (const std::string& name : PrecisionNames()) {
    const auto found = FindPrecision(name);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(PrecisionName(*found), name);
  }
  EXPECT_FALSE(FindPrecision("int7"));
}

// tokens [1, 3] -> rows of a table -> an LSTM -> the actions.
onnx::Model Recurrent() {
  onnx::GraphBuilder b("g");
  const auto weight = [&b](const std::string& name, Shape shape) {
    return b.Constant(name, testing::RandomFloats(std::move(shape), name.size() * 7 + 1));
  };
  const auto ids = b.Input("ids", DType::kI64, {onnx::Dim::Fixed(1), onnx::Dim::Fixed(3)});
  const auto rows = b.Op("Gather", {weight("table", {40, 8}), ids}, {}, "rows");
  const auto steps = b.Op("Transpose", {rows}, {{"perm", onnx::Ints{1, 0, 2}}}, "steps");
  const auto hidden = b.Ops("LSTM", {steps, weight("w_in", {1, 32, 8}), weight("w_state", {1, 32, 8})}, 2,
                            {{"hidden_size", 8}}, "loop")[1];
  const auto last = b.Op("Reshape", {hidden, b.Constant(onnx::Ints{1, 8})}, {}, "last");
  b.Output(b.Op("MatMul", {last, weight("w_out", {8, 2})}, {}, "out"), "action", DType::kF32,
           {onnx::Dim::Fixed(1), onnx::Dim::Fixed(2)});
  return onnx::MakeModel(*b.Finish(), "test");
}

class PlannerTest : public ::testing::Test {
 protected:
  static Result<Planned> Make(const SmallBundle& made, const std::string& target, const PlanOptions& options,
                              const numerics::ActivationStatistics* statistics = nullptr) {
    return MakePlan(made.bundle(), **target::Find(target), statistics, options);
  }
  Plan Of(const std::string& target, const PlanOptions& options,
          const numerics::ActivationStatistics* statistics = nullptr) const {
    const auto planned = Make(small_, target, options, statistics);
    EXPECT_TRUE(planned.ok()) << (planned.ok() ? "" : planned.error().ToString());
    return planned.ok() ? planned->plan : Plan();
  }
  Error ErrorOf(const std::string& target, const PlanOptions& options) const {
    const auto planned = Make(small_, target, options);
    EXPECT_FALSE(planned.ok());
    return planned.ok() ? Error() : planned.error();
  }
  static std::string RuleOf(const Plan& plan, const std::string& node) {
    const OperatorChoice* choice = plan.Find(node);
    return choice == nullptr ? "none" : choice->rule;
  }

  const SmallBundle small_{testing::SmallPolicy()};
  const numerics::ActivationStatistics statistics_ =
      testing::StatisticsOf(small_.bundle(), {{"x", testing::RandomFloats({1, 4, 8}, 5)}});
};

TEST_F(PlannerTest, OnACpuProductsTakeTheirRangesAtRunTime) {
  const Plan plan = Of("cpu", {});
  const OperatorChoice& q = *plan.Find("block/q/MatMul");
  EXPECT_EQ(q.form, Form::kDynamicInt8);
  EXPECT_EQ(q.rule, "ORT-01");
  EXPECT_EQ(q.weights[0].granularity, Granularity::kChannel);
  EXPECT_EQ(q.weights[0].axis, 1);
  EXPECT_EQ(q.activation->number, NumericType::kUint8);
  EXPECT_FALSE(q.activation->range);
  EXPECT_EQ(RuleOf(plan, "head/MatMul"), "ACT-01") << "what makes actions stays float";
  EXPECT_EQ(plan.Find("head/MatMul")->form, Form::kFloat);
}

TEST_F(PlannerTest, WhereRangesAreFixedTheyAreThoseThatWereSeen) {
  PlanOptions options;
  options.activation_range = numerics::RangeMethod::kMinMax;
  const Plan portable = Of("portable", options, &statistics_);
  EXPECT_EQ(portable.opset, 17);
  EXPECT_EQ(portable.Find("block/q/MatMul")->form, Form::kStaticInt8) << "it has no bias";
  EXPECT_EQ(RuleOf(portable, "fc/Gemm"), "GEMM-01") << "ONNX Runtime would compute it in float32";
  const Plan plan = Of("tensorrt-10", options, &statistics_);
  const OperatorChoice& fc = *plan.Find("fc/Gemm");
  EXPECT_EQ(fc.form, Form::kStaticInt8);
  EXPECT_EQ(fc.rule, "QP-01");
  EXPECT_EQ(fc.weights[0].axis, 0) << "the outputs of a turned weight";
  EXPECT_EQ(fc.activation->number, NumericType::kInt8);
  const auto& seen = *statistics_.Find("rows");
  EXPECT_NEAR(fc.activation->range->high, seen.absmax(), 1e-6 * seen.absmax());
  EXPECT_EQ(ErrorOf("portable", {}).code, ErrorCode::kUsage) << "statistics are missing";
}

TEST_F(PlannerTest, Float16StopsWhereValuesAreLargeOrUnseen) {
  PlanOptions options;
  options.precision = Precision::kFp16;
  const Plan unseen = Of("tensorrt-8.6", options);
  EXPECT_EQ(unseen.rest, NumericType::kFloat16);
  EXPECT_EQ(RuleOf(unseen, "block/q/MatMul"), "FP16-02");
  ASSERT_EQ(unseen.keep_float.size(), 2U);
  EXPECT_EQ(unseen.keep_float[0].node, "block/norm");
  EXPECT_EQ(unseen.keep_float[1].node, "block/soft");
  EXPECT_THAT(Of("tensorrt-8.6", options, &statistics_).keep_float, IsEmpty());
  auto large = statistics_;
  for (const char* value : {"rows", "block/sum"}) {
    large.values.at(value).minimum = -600;
  }
  const Plan kept = Of("tensorrt-8.6", options, &large);
  EXPECT_EQ(RuleOf(kept, "fc/Gemm"), "FP-03");
  EXPECT_EQ(kept.Find("fc/Gemm")->form, Form::kFloat);
  ASSERT_EQ(kept.keep_float.size(), 1U);
  EXPECT_EQ(kept.keep_float[0].node, "block/sum");
  EXPECT_EQ(Of("cpu", options).Find("fc/Gemm")->form, Form::kWeightOnly) << "a CPU only stores it so";
}

TEST_F(PlannerTest, FourBitsGoByBlocksAlongTheSum) {
  PlanOptions options;
  options.precision = Precision::kInt4;
  options.block = 32;
  const Plan plan = Of("cpu", options);
  const OperatorChoice& q = *plan.Find("block/q/MatMul");
  EXPECT_EQ(q.form, Form::kWeightOnly);
  EXPECT_EQ(q.weights[0].number, NumericType::kInt4);
  EXPECT_EQ(q.weights[0].granularity, Granularity::kBlock);
  EXPECT_EQ(q.weights[0].axis, 0);
  EXPECT_EQ(q.weights[0].block, 32);
  EXPECT_EQ(Of("tensorrt-10", options).opset, 21) << "blocks came with it";
  EXPECT_EQ(ErrorOf("portable", options).code, ErrorCode::kUsage);
}

TEST_F(PlannerTest, OnlyTargetsThatComputeInFloat16MixThem) {
  PlanOptions options;
  options.precision = Precision::kMixed;
  EXPECT_THAT(ErrorOf("cpu", options).ToString(), HasSubstr("has no mixed"));
  PlanOptions stored;
  stored.weight_only = true;
  EXPECT_THAT(ErrorOf("tensorrt-8.6", stored).ToString(), HasSubstr("TRT-Q13")) << "quantize would refuse the plan";
  const Plan plan = Of("tensorrt-10", options, &statistics_);
  EXPECT_EQ(plan.rest, NumericType::kFloat16);
  EXPECT_EQ(plan.Find("block/q/MatMul")->form, Form::kStaticInt8);
}

TEST_F(PlannerTest, WhatTheUserKeepsStaysFloat) {
  for (const char* pattern : {"block/q+k", "block", "block/*"}) {
    PlanOptions options;
    options.keep_float = {pattern};
    const Plan plan = Of("cpu", options);
    EXPECT_EQ(RuleOf(plan, "block/q/MatMul"), "USER") << pattern;
    EXPECT_EQ(RuleOf(plan, "block/k/MatMul"), "USER") << pattern;
    EXPECT_NE(RuleOf(plan, "fc/Gemm"), "USER") << pattern;
  }
  PlanOptions options;
  options.keep_float = {"blocks"};
  EXPECT_THAT(ErrorOf("cpu", options).ToString(),
              AllOf(HasSubstr("no operator or group 'blocks'"), HasSubstr("block, fc, head")));
}

TEST_F(PlannerTest, TablesAndLoopsFollowTheTarget) {
  const SmallBundle made(Recurrent());
  const auto statistics =
      testing::StatisticsOf(made.bundle(), {{"ids", Tensor::From<int64_t>({1, 3}, std::vector<int64_t>{3, 1, 4})}});
  const auto plan_for = [&](const char* target) { return Make(made, target, {}, &statistics)->plan; };
  const Plan cpu = plan_for("cpu");
  EXPECT_EQ(RuleOf(cpu, "rows"), "EMB-01");
  EXPECT_EQ(cpu.Find("rows")->weights[0].axis, 0) << "a scale for each row";
  EXPECT_EQ(cpu.Find("loop")->form, Form::kDynamicInt8);
  ASSERT_EQ(cpu.Find("loop")->weights.size(), 2U);
  const Plan portable = plan_for("portable");
  EXPECT_EQ(RuleOf(portable, "rows"), "EMB-02");
  EXPECT_EQ(RuleOf(portable, "loop"), "LSTM-02");
  EXPECT_EQ(RuleOf(plan_for("tensorrt-8.6"), "loop"), "LSTM-01");
  EXPECT_EQ(RuleOf(plan_for("tensorrt-10"), "loop"), "LSTM-03");
}

TEST_F(PlannerTest, APlanBelongsToItsBundleAndItsStatistics) {
  const Plan plan = Of("portable", {}, &statistics_);
  EXPECT_EQ(plan.source.weights_sha256, small_.bundle().weights.sha256);
  const SmallBundle other(Recurrent());
  const auto foreign = Make(other, "portable", {}, &statistics_);
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code, ErrorCode::kInput);
}

}  // namespace
}  // namespace vlaq::plan

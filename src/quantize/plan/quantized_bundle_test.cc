// From a bundle of ten nodes and its plan to the quantized bundle, which is there whole or not at all.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/output.h"
#include "onnx/model_file.h"
#include "quantize/apply/quantize.h"
#include "quantize/numerics/plan_file.h"
#include "quantize/plan/planner.h"
#include "quantize/plan/testing.h"

namespace vlaq::plan {
namespace {

namespace fs = std::filesystem;
using apply::QuantizeOptions;
using numerics::Form;
using numerics::Plan;
using ::testing::HasSubstr;
using testing::SmallBundle;

// SmallPolicy with one value of the weight of block/q/MatMul replaced.
onnx::Model WithValue(float value) {
  onnx::Model model = testing::SmallPolicy();
  const auto found = std::ranges::find(model.graph.initializers, "wq", &onnx::Initializer::name);
  EXPECT_NE(found, model.graph.initializers.end());
  Tensor changed = testing::RandomFloats(found->shape, 1);
  changed.mutable_data<float>()[3] = value;
  found->data = changed;
  return model;
}

class QuantizedBundleTest : public ::testing::Test {
 protected:
  static Plan PlanFor(const SmallBundle& made, const std::string& target, Precision precision) {
    PlanOptions options;
    options.precision = precision;
    const auto planned = MakePlan(made.bundle(), **target::Find(target), nullptr, options);
    EXPECT_TRUE(planned.ok()) << (planned.ok() ? "" : planned.error().ToString());
    return planned.ok() ? planned->plan : Plan();
  }
  static QuantizeOptions Options(const SmallBundle& made, Plan plan, const std::string& output = "out") {
    QuantizeOptions options;
    options.bundle = made.bundle().path;
    options.plan = std::move(plan);
    options.output = made.folder() / output;
    options.threads = 1;
    return options;
  }
  // The error of quantizing, after which the folder holds what it held.
  static Error ErrorOf(const SmallBundle& made, const QuantizeOptions& options) {
    const auto before = std::distance(fs::directory_iterator(made.folder()), fs::directory_iterator());
    const auto report = apply::Quantize(options, SilentLog());
    EXPECT_EQ(std::distance(fs::directory_iterator(made.folder()), fs::directory_iterator()), before);
    EXPECT_FALSE(report.ok());
    return report.ok() ? Error() : report.error();
  }

  const SmallBundle small_{testing::SmallPolicy()};
};

TEST_F(QuantizedBundleTest, HoldsThePlanItsWeightsAndWhereTheyCameFrom) {
  const Plan plan = PlanFor(small_, "cpu", Precision::kInt8);
  const auto report = apply::Quantize(Options(small_, plan), SilentLog());
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  const auto opened = bundle::Open(small_.folder() / "out");
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  EXPECT_EQ(opened->precision, "int8");
  EXPECT_EQ(opened->target, "cpu");
  EXPECT_EQ(opened->provenance.command, "quantize");
  EXPECT_EQ(opened->provenance.sources.front().sha256, small_.bundle().weights.sha256);
  ASSERT_TRUE(opened->plan);
  const auto kept = numerics::ReadPlan(opened->path / opened->plan->file);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(numerics::PlanText(*kept), numerics::PlanText(plan));
  // One loss for each weight that was encoded, and fewer bytes.
  size_t encoded = 0;
  for (const auto& choice : plan.operators) {
    if (choice.form == Form::kDynamicInt8 || choice.form == Form::kStaticInt8) encoded += choice.weights.size();
  }
  EXPECT_GE(encoded, 3U);
  EXPECT_EQ(report->losses.size(), encoded);
  for (const auto& loss : report->losses) EXPECT_GT(loss.distortion.signal_to_noise_db(), 30) << loss.weight;
  EXPECT_EQ(report->bytes_before, small_.bundle().weights.bytes);
  EXPECT_LT(report->bytes_after, report->bytes_before);
}

TEST_F(QuantizedBundleTest, IsNotMadeOfAnotherBundlesPlan) {
  const SmallBundle other(WithValue(1));
  const Error error = ErrorOf(small_, Options(small_, PlanFor(other, "cpu", Precision::kInt8)));
  EXPECT_EQ(error.code, ErrorCode::kInput);
  EXPECT_THAT(error.ToString(), HasSubstr("was made for another bundle"));
}

TEST_F(QuantizedBundleTest, IsNotMadeTwiceNorInPlace) {
  const Plan plan = PlanFor(small_, "cpu", Precision::kInt8);
  ASSERT_TRUE(apply::Quantize(Options(small_, plan), SilentLog()).ok());
  EXPECT_EQ(ErrorOf(small_, Options(small_, plan)).code, ErrorCode::kUsage) << "it is there";
  QuantizeOptions again = Options(small_, plan, "again");
  again.bundle = small_.folder() / "out";
  EXPECT_THAT(ErrorOf(small_, again).ToString(), HasSubstr("quantized already"));
  QuantizeOptions in_place = Options(small_, plan, "bundle");
  in_place.existing = Existing::kReplace;
  EXPECT_THAT(ErrorOf(small_, in_place).ToString(), HasSubstr("the source itself"));
  EXPECT_TRUE(bundle::Open(small_.bundle().path).ok()) << "it is still there";
}

TEST_F(QuantizedBundleTest, LeavesNothingWhereAWeightHasNoCode) {
  struct Case {
    float value;
    const char* target;
    Precision precision;
  };
  for (const Case& c : {Case{std::numeric_limits<float>::quiet_NaN(), "cpu", Precision::kInt8},
                        Case{std::numeric_limits<float>::infinity(), "cpu", Precision::kInt8},
                        Case{1e9F, "tensorrt-10", Precision::kFp16}}) {
    SCOPED_TRACE(fmt::format("{} for {}", c.value, c.target));
    const SmallBundle made(WithValue(c.value));
    const Error error = ErrorOf(made, Options(made, PlanFor(made, c.target, c.precision)));
    EXPECT_EQ(error.code, ErrorCode::kInput);
    EXPECT_THAT(error.ToString(), HasSubstr("wq"));
  }
}

// An edited plan asks for what the operator catalog says has no integers.
TEST_F(QuantizedBundleTest, IsNotMadeOfAPlanThatTheCatalogForbids) {
  Plan plan = PlanFor(small_, "cpu", Precision::kInt8);
  const auto gemm = std::ranges::find(plan.operators, "Gemm", &numerics::OperatorChoice::op_type);
  ASSERT_NE(gemm, plan.operators.end());
  ASSERT_EQ(gemm->form, Form::kDynamicInt8);
  gemm->weights.front().name = "bias";
  const Error error = ErrorOf(small_, Options(small_, plan));
  EXPECT_EQ(error.code, ErrorCode::kInput);
  EXPECT_THAT(error.ToString(), HasSubstr("'bias'"));
}

}  // namespace
}  // namespace vlaq::plan

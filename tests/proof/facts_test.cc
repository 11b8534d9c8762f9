// There is one table of what a target takes: one fact changed in it changes what is planned, what is written, what the
// check finds and what verify expects.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broken_bundles.h"
#include "check/check.h"
#include "quantize/apply/quantize.h"
#include "quantize/plan/planner.h"
#include "target/target.h"
#include "verify/executed_precision.h"

namespace vlaq::verify {
namespace {

using numerics::Form;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using target::ScopedOverrideForTest;
using target::TensorRt;
using testing::ExportTiny;
using testing::Find;
using ::testing::HasSubstr;
using testing::TinyPolicy;

constexpr const char* kTarget = "tensorrt-8.6";
constexpr const char* kVersion = "8.6";

class FactsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    source_ = ExportTiny(TinyPolicy(), folder_.path());
    ASSERT_FALSE(source_.path.empty());
  }

  Result<plan::Planned> PlanFor(const std::string& name, bool weight_only) {
    plan::PlanOptions options;
    options.weight_only = weight_only;
    return plan::MakePlan(source_, **target::Find(name), nullptr, options);
  }

  // The rule that gave operators of this type their form, or why there is no such plan.
  std::string PlannedBy(const std::string& op_type) {
    const auto planned = PlanFor(kTarget, true);
    if (!planned.ok()) return planned.error().ToString();
    for (const OperatorChoice& choice : planned->plan.operators) {
      if (choice.op_type == op_type) return choice.rule;
    }
    return "none";
  }

  // The plan for the CPU said for the version: linears as `linears` makes them, LSTM and tables as they are or in
  // float.
  Plan Translated(const std::function<void(OperatorChoice&)>& linears, bool keep_lstm) {
    const auto planned = PlanFor("cpu", false);
    EXPECT_TRUE(planned.ok()) << planned.error().ToString();
    if (!planned.ok()) return {};
    Plan plan = planned->plan;
    plan.target = kTarget;
    for (OperatorChoice& choice : plan.operators) {
      if (choice.op_type == "MatMul" && choice.form == Form::kDynamicInt8) {
        linears(choice);
      } else if (choice.op_type != "LSTM" || !keep_lstm) {
        choice.form = Form::kFloat;
        choice.activation.reset();
        for (auto& weight : choice.weights) weight = {weight.name, NumericType::kFloat32, {}, 0, 0, {}};
      }
    }
    return plan;
  }

  Result<bundle::Bundle> Quantize(const Plan& plan) {
    apply::QuantizeOptions options;
    options.bundle = source_.path;
    options.plan = plan;
    options.output = folder_.path() / "quantized";
    options.existing = Existing::kReplace;
    VLAQ_RETURN_IF_ERROR(apply::Quantize(options, SilentLog()));
    return bundle::Open(options.output);
  }

  // Whether the check finds this rule broken.
  static bool Breaks(const bundle::Bundle& bundle, std::string_view rule) {
    const auto report = check::CheckPath(bundle.path, **target::FindImporter(kVersion));
    EXPECT_TRUE(report.ok()) << report.error().ToString();
    return report.ok() && std::ranges::any_of(report->findings, [&](const auto& f) { return f.rule->id == rule; });
  }

  // The bytes that verify expects of a bundle's weights.
  double ExpectedBytes(const bundle::Bundle& bundle, const Plan& plan) {
    const auto backend = backend::MakeReferenceBackend();
    Report report;
    const Status status = CheckExecutedPrecision(bundle, &plan, &source_, {backend.get(), {}}, SilentLog(), report);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
    for (const auto& [name, value] : Find(report, "bytes").figures) {
      if (name == "planned_bytes") return value;
    }
    return 0;
  }

  TemporaryFolder folder_;
  bundle::Bundle source_;
};

bool StoresCodes(const bundle::Bundle& bundle) {
  const auto records = bundle::ReadWeightRecords(bundle);
  EXPECT_TRUE(records.ok());
  return records.ok() && std::ranges::any_of(*records, [](const auto& record) {
           return record.dtype == DType::kI8 && record.length > 64;
         });
}

TEST_F(FactsTest, WhetherInt8ConstantsAreTaken) {
  const Plan plan = Translated(
      [](OperatorChoice& choice) {
        choice.form = Form::kStaticInt8;
        choice.activation->number = NumericType::kInt8;
        choice.activation->range = numerics::ClipRange{-4, 4};
      },
      false);
  const auto wide = Quantize(plan);
  ASSERT_TRUE(wide.ok()) << wide.error().ToString();
  EXPECT_THAT(PlannedBy("Gather"), ::testing::HasSubstr("rule TRT-Q13"));
  EXPECT_FALSE(StoresCodes(*wide));
  EXPECT_FALSE(Breaks(*wide, "TRT-Q13"));
  const double expected_wide = ExpectedBytes(*wide, plan);

  bundle::Bundle narrow;
  {
    const ScopedOverrideForTest change(kVersion,
                                       [](TensorRt& version) { version.takes.float_weights_before_quantize = false; });
    EXPECT_EQ(PlannedBy("Gather"), "EMB-01");
    const auto made = Quantize(plan);
    ASSERT_TRUE(made.ok()) << made.error().ToString();
    narrow = *made;
    EXPECT_TRUE(StoresCodes(narrow));
    EXPECT_FALSE(Breaks(narrow, "TRT-Q13"));
    EXPECT_LT(ExpectedBytes(narrow, plan), expected_wide);
  }
  EXPECT_TRUE(Breaks(narrow, "TRT-Q13"));
  EXPECT_EQ(ExpectedBytes(narrow, plan), expected_wide);
}

TEST_F(FactsTest, WhetherContribOperatorsAreTaken) {
  const Plan plan = Translated(
      [](OperatorChoice& choice) {
        choice.form = Form::kWeightOnly;
        choice.activation.reset();
        choice.weights[0] = {choice.weights[0].name, NumericType::kInt8, numerics::Granularity::kBlock, 0, 16, {}};
      },
      true);
  // Weights stored small are none of this test's.
  const ScopedOverrideForTest constants(kVersion,
                                        [](TensorRt& version) { version.takes.float_weights_before_quantize = false; });
  const auto linear = std::ranges::find(plan.operators, Form::kWeightOnly, &OperatorChoice::form);
  ASSERT_NE(linear, plan.operators.end());
  const auto promised = [&] { return ExpectedPrecisionsOf({}, &plan, plan.precision).at(linear->node).arithmetic; };
  EXPECT_EQ(PlannedBy("LSTM"), "LSTM-01");
  const auto refused = Quantize(plan);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().ToString(), HasSubstr("rule TRT-G08"));
  EXPECT_EQ(promised(), std::nullopt);

  bundle::Bundle bundle;
  {
    const ScopedOverrideForTest change(kVersion, [](TensorRt& version) { version.takes.contrib_operators = true; });
    EXPECT_EQ(PlannedBy("LSTM"), "ORT-01");
    const auto made = Quantize(plan);
    ASSERT_TRUE(made.ok()) << made.error().ToString();
    bundle = *made;
    EXPECT_FALSE(Breaks(bundle, "TRT-G08"));
    EXPECT_EQ(promised(), onnx::Arithmetic::kWeightOnly);
  }
  EXPECT_TRUE(Breaks(bundle, "TRT-G08"));
}

}  // namespace
}  // namespace vlaq::verify

#include "quantize/numerics/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/output.h"
#include "base/testing.h"

namespace vlaq::numerics {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Every form, every number, every optional part.
Plan SamplePlan() {
  Plan plan;
  plan.target = "cpu";
  plan.precision = "mixed";
  plan.source = {"abc", {{"encoder", "def"}, {"head", "012"}}};
  plan.statistics_sha256 = "fed";
  plan.used = {{"calibration", "a.h5", std::string(64, 'a')}, {"validation", "b.h5", std::string(64, 'b')}};
  plan.opset = 21;
  plan.rest = NumericType::kFloat16;
  plan.bias_correction = true;
  OperatorChoice gather{"text/embed", "Gather", "text/embed", Form::kWeightOnly, {}, {}, "EMB-01", "a \"table\"", 0};
  gather.weights = {{"table", NumericType::kInt8, Granularity::kChannel, 0, 0, RangeMethod::kMse}};
  OperatorChoice q{"q", "MatMul", "q+k", Form::kStaticInt8, {}, {}, "QP-01", "a product", 5'000'000'000};
  q.weights = {{"wq", NumericType::kInt8, Granularity::kTensor, 0, 0, RangeMethod::kMinMax}};
  q.activation = ActivationChoice{"norm", NumericType::kInt8, ClipRange{-1.0 / 3, 0.1}, RangeMethod::kEntropy};
  OperatorChoice k{"k", "MatMul", "q+k", Form::kWeightOnly, {}, {}, "W4-01", "blocks", 7};
  k.weights = {{"wk", NumericType::kInt4, Granularity::kBlock, 0, 32, RangeMethod::kMinMax}};
  OperatorChoice lstm{"lstm", "LSTM", "lstm", Form::kDynamicInt8, {}, {}, "ORT-01", "loops", 1};
  lstm.weights = {{"W", NumericType::kInt8, Granularity::kChannel, 1, 0, {}},
                  {"R", NumericType::kInt8, Granularity::kChannel, 1, 0, {}}};
  lstm.activation = ActivationChoice{"x", NumericType::kUint8, std::nullopt, {}};
  OperatorChoice half{"fc", "MatMul", "fc", Form::kHalf, {}, {}, "FP16-02", "fits", 1};
  half.weights = {{"wfc", NumericType::kFloat16, {}, 0, 0, {}}};
  OperatorChoice left{"conv", "Conv", "conv", Form::kFloat, {}, {}, "QP-07", "3 channels", 1};
  left.weights = {{"wc", NumericType::kFloat32, {}, 0, 0, {}}};
  plan.operators = {gather, q, k, lstm, half, left};
  plan.keep_float = {{"norm", "FP-03", "its values reach 900"}};
  plan.smooth = {{"norm", {"q", "k"}, 0.75, {0.1F, 3.4e-5F, 1}}};
  plan.means = {{"norm", {-0.3F, 0, 1e20F}}};
  return plan;
}

void ExpectEqual(const OperatorChoice& a, const OperatorChoice& b) {
  SCOPED_TRACE(a.node);
  EXPECT_EQ(std::tie(a.node, a.op_type, a.group, a.form, a.rule, a.reason, a.macs),
            std::tie(b.node, b.op_type, b.group, b.form, b.rule, b.reason, b.macs));
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (size_t i = 0; i < a.weights.size(); ++i) {
    const WeightChoice& x = a.weights[i];
    const WeightChoice& y = b.weights[i];
    EXPECT_EQ(std::tie(x.name, x.number, x.granularity, x.axis, x.block, x.range),
              std::tie(y.name, y.number, y.granularity, y.axis, y.block, y.range));
  }
  ASSERT_EQ(a.activation.has_value(), b.activation.has_value());
  if (!a.activation) return;
  EXPECT_EQ(std::tie(a.activation->value, a.activation->number, a.activation->method),
            std::tie(b.activation->value, b.activation->number, b.activation->method));
  ASSERT_EQ(a.activation->range.has_value(), b.activation->range.has_value());
  if (!a.activation->range) return;
  EXPECT_EQ(a.activation->range->low, b.activation->range->low);
  EXPECT_EQ(a.activation->range->high, b.activation->range->high);
}

Plan Read(const std::string& text) {
  auto plan = ParsePlan(text, "plan.json");
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().ToString());
  return plan.ok() ? std::move(*plan) : Plan{};
}

TEST(PlanFile, GoesThereAndBack) {
  const Plan plan = SamplePlan();
  const Plan again = Read(PlanText(plan));
  EXPECT_EQ(std::tie(plan.target, plan.precision, plan.source.weights_sha256, plan.source.graphs, plan.opset, plan.rest,
                     plan.bias_correction, plan.statistics_sha256),
            std::tie(again.target, again.precision, again.source.weights_sha256, again.source.graphs, again.opset,
                     again.rest, again.bias_correction, again.statistics_sha256));
  ASSERT_EQ(again.operators.size(), plan.operators.size());
  for (size_t i = 0; i < plan.operators.size(); ++i) ExpectEqual(plan.operators[i], again.operators[i]);
  ASSERT_EQ(again.used.size(), 2U);
  EXPECT_EQ(again.used[1].use + again.used[1].name + again.used[1].hash, "validationb.h5" + std::string(64, 'b'));
  ASSERT_EQ(again.keep_float.size(), 1U);
  EXPECT_EQ(again.keep_float[0].node, "norm");
  EXPECT_EQ(again.keep_float[0].reason, "its values reach 900");
  ASSERT_EQ(again.smooth.size(), 1U);
  EXPECT_EQ(again.smooth[0].nodes, plan.smooth[0].nodes);
  EXPECT_EQ(again.smooth[0].alpha, 0.75);
  EXPECT_EQ(again.smooth[0].factors, plan.smooth[0].factors) << "to the last bit";
  ASSERT_NE(again.FindMeans("norm"), nullptr);
  EXPECT_EQ(again.FindMeans("norm")->means, plan.means[0].means);
  EXPECT_EQ(PlanText(again), PlanText(plan));
}

TEST(PlanFile, HasALineForEachOperator) {
  const std::string text = PlanText(SamplePlan());
  for (const OperatorChoice& choice : SamplePlan().operators) {
    const size_t start = text.find("{\"node\":\"" + choice.node + "\"");
    ASSERT_NE(start, std::string::npos) << choice.node;
    const std::string line = text.substr(start, text.find('\n', start) - start);
    EXPECT_THAT(line, HasSubstr("\"rule\":\"" + choice.rule + "\""));
  }
}

TEST(PlanFile, IsReadFromDisk) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "plan.json";
  ASSERT_TRUE(WriteFile(path, PlanText(SamplePlan()), Existing::kRefuse).ok());
  const auto plan = ReadPlan(path);
  ASSERT_TRUE(plan.ok()) << plan.error().ToString();
  EXPECT_EQ(PlanText(*plan), PlanText(SamplePlan()));
  EXPECT_THAT(ReadPlan(folder.path() / "absent").error().ToString(), HasSubstr("absent"));
}

// The error after an edit that somebody may make by hand.
std::string ErrorAfter(void (*edit)(Json& plan)) {
  Json json = Json::parse(PlanText(SamplePlan()));
  edit(json);
  const auto plan = ParsePlan(json.dump(), "plan.json");
  EXPECT_FALSE(plan.ok());
  if (plan.ok()) return "";
  EXPECT_EQ(plan.error().code, ErrorCode::kInput);
  EXPECT_THAT(plan.error().ToString(), HasSubstr("plan.json"));
  return plan.error().ToString();
}

TEST(PlanFile, NamesWhatIsWrong) {
  EXPECT_THAT(ErrorAfter([](Json& p) { p["schema"] = "vlaq.plan/2"; }), HasSubstr("vlaq.plan/1"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p.erase("target"); }), HasSubstr("plan.json: target is missing"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p.erase("source"); }), HasSubstr("plan.json: source is missing"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["source"]["graphs"]["head"] = 3; }),
              HasSubstr("source.graphs.head must be a string"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["rest"] = "int8"; }), HasSubstr("rest is float32 or float16"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["opset"] = "17"; }), HasSubstr("opset must be an integer"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["bias_correction"] = 1; }),
              HasSubstr("bias_correction must be true or false"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"] = 1; }), HasSubstr("operators must be an array"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][0].erase("node"); }), HasSubstr("operators[0].node is missing"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][2]["node"] = "q"; }), HasSubstr("'q' stands there twice"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][1]["form"] = "statc"; }),
              HasSubstr("operator 'q'.form is \"statc\", which is not known"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][1]["macs"] = -1; }),
              HasSubstr("operator 'q'.macs must be an integer from 0, not -1"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["keep_float"][0].erase("rule"); }),
              HasSubstr("keep_float[0].rule is missing"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["smooth"][0]["alpha"] = 1.5; }),
              HasSubstr("smooth[0].alpha must be 0 to 1, not 1.5"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["smooth"][0]["nodes"][0] = 1; }),
              HasSubstr("smooth[0].nodes must be an array of strings"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["smooth"][0]["factors"][1] = 0; }),
              HasSubstr("smooth[0].factors must hold numbers above 0"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["means"][0]["means"][1] = 1e300; }), HasSubstr("means[0].means"));
}

TEST(PlanFile, NamesWhatIsWrongWithAWeight) {
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][1]["weights"][0]["number"] = "int3"; }),
              HasSubstr("operator 'q'.weights[0].number is \"int3\", which is not known"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][0]["weights"][0]["axis"] = -1; }),
              HasSubstr("weights[0].axis must be an integer from 0"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][2]["weights"][0]["block"] = 0; }),
              HasSubstr("weights[0].block must be an integer from 1, not 0"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][2]["weights"][0].erase("block"); }),
              HasSubstr("weights[0].block is missing"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][1]["weights"][0]["range"] = "entropy"; }),
              HasSubstr("min_max or mse, not entropy"));
}

TEST(PlanFile, NamesWhatIsWrongWithAnActivation) {
  for (const Json& range : {Json{0.1, 0.2}, Json{-0.2, -0.1}, Json{0}, Json{-1, 0, 1}}) {
    Json json = Json::parse(PlanText(SamplePlan()));
    json["operators"][1]["activation"]["range"] = range;
    const auto plan = ParsePlan(json.dump(), "plan.json");
    ASSERT_FALSE(plan.ok()) << range;
    EXPECT_THAT(plan.error().ToString(), HasSubstr("two numbers with zero between them"));
  }
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][1]["activation"]["method"] = "guess"; }),
              HasSubstr("activation.method is \"guess\""));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][1]["activation"].erase("value"); }),
              HasSubstr("activation.value is missing"));
}

TEST(PlanFile, SuggestsTheKeyThatWasMeant) {
  EXPECT_THAT(ErrorAfter([](Json& p) { p["keep_flaot"] = 1; }),
              AllOf(HasSubstr("keep_flaot is not a key of a plan"), HasSubstr("did you mean \"keep_float\"?")));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][1]["frm"] = 1; }), HasSubstr("did you mean \"form\"?"));
  EXPECT_THAT(ErrorAfter([](Json& p) { p["operators"][1]["weights"][0]["zero_point_of_it"] = 1; }),
              HasSubstr("zero_point_of_it is not a key of a weight; known are name, number"));
}

// Cut short anywhere, it is an error that names the file, and never half a plan.
TEST(PlanFile, IsWholeOrNothing) {
  const std::string text = PlanText(SamplePlan());
  for (size_t length = 0; length + 2 < text.size(); length += 7) {
    const auto plan = ParsePlan(text.substr(0, length), "cut.json");
    ASSERT_FALSE(plan.ok()) << length;
    EXPECT_THAT(plan.error().ToString(), HasSubstr("cut.json"));
  }
}

}  // namespace
}  // namespace vlaq::numerics

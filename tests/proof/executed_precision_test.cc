// What ONNX Runtime really runs of small bundles in every form, and bundles that are not what they say.
#include "verify/executed_precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/onnxruntime/onnxruntime.h"
#include "backend/reference/reference.h"
#include "base/testing.h"
#include "onnx/model_file.h"
#include "policy/testing.h"
#include "verify/quantized_net_for_test.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

namespace fs = std::filesystem;
using numerics::Form;
using numerics::NumericType;
using numerics::OperatorChoice;
using onnx::Dim;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Tensors;

constexpr int64_t kSize = 64;

// Two signed 8-bit operands in one operator of the file.
std::string SignedQOperator(testing::Net& net, const Tensors& w, const std::string& x) {
  onnx::GraphBuilder& b = net.b;
  const testing::Codes codes = testing::ByChannel(w.at("w1"), 1);
  const std::string s = b.Constant(0.05F);
  const std::string z = b.Constant("zero", Tensor::Scalar<int8_t>(0));
  const std::string zeros = net.Zeros(kSize);
  const std::string q = b.Op("QuantizeLinear", {x, s, z}, {}, "fc1/Q");
  const std::string y = b.Op(
      "QLinearMatMul",
      {q, s, z, net.Weight("w1/codes", codes.codes), net.Weight("w1/scale", codes.scales), zeros, s, z}, {}, "fc1");
  return b.Op("DequantizeLinear", {y, s, z}, {}, "fc1/DQ");
}

struct Made {
  Form form = Form::kFloat;
  bool signed_operator = false;
  std::string precision = "int8", target = "cpu";
};

// x -> relu(x w1) -> relu(. w2) -> +, with an attention-like product of activations that nobody promises anything of.
onnx::Model MakeGraph(const Tensors& w, const Made& made, Tensors& stored) {
  testing::Net net;
  onnx::GraphBuilder& b = net.b;
  const std::string x = b.Input("x", DType::kF32, {Dim::Named("batch"), Dim::Fixed(kSize)});
  const std::string fc1 =
      made.signed_operator ? SignedQOperator(net, w, x) : testing::Linear(net, w, x, "fc1", "w1", made.form, {});
  const std::string hidden = b.Op("Relu", {fc1}, {}, "relu");
  const Form second = made.signed_operator ? Form::kFloat : made.form;
  const std::string fc2 = testing::Linear(net, w, hidden, "fc2", "w2", second, {});
  const std::string turned = b.Op("Transpose", {fc2}, {{"perm", onnx::Ints{1, 0}}}, "turned");
  const std::string scores = b.Op("MatMul", {fc2, turned}, {}, "scores");
  b.Output(b.Op("MatMul", {scores, hidden}, {}, "values"), "y", DType::kF32, {Dim::Named("batch"), Dim::Fixed(kSize)});
  stored = std::move(net.stored);
  onnx::Model model = onnx::MakeModel(*b.Finish(), "test");
  model.opsets["com.microsoft"] = 1;
  return model;
}

// Two of the three graphs run in a step, the third in another schedule.
policy::Policy PolicyOfThree() {
  policy::Policy policy;
  policy.family = "test";
  policy.inputs.resize(1);
  policy.inputs[0].name = "state";
  policy.inputs[0].shape = {kSize};
  policy.outputs.resize(1);
  policy.outputs[0].name = "action";
  policy.outputs[0].shape = {kSize};
  policy.graphs["encoder"] = {"encoder.onnx", {{"x", "state"}}, {{"y", "feature"}}};
  policy.graphs["head"] = {"encoder.onnx", {{"x", "feature"}}, {{"y", "action"}}};
  policy.graphs["whole"] = {"encoder.onnx", {{"x", "state"}}, {{"y", "action"}}};
  policy.schedules["streaming"] = {policy::testing::RunStep("encoder"), policy::testing::RunStep("head")};
  policy.schedules["whole"] = {policy::testing::RunStep("whole")};
  policy.default_schedule = "streaming";
  return policy;
}

// A bundle whose three graphs are that one.
bundle::Bundle WriteBundle(const fs::path& path, const Made& made) {
  const Tensors w{{"w1", testing::Normal({kSize, kSize}, 1, 0.1)}, {"w2", testing::Normal({kSize, kSize}, 2, 0.1)}};
  Tensors stored;
  onnx::Model model = MakeGraph(w, made, stored);
  auto writer = bundle::Writer::Create(path, Existing::kReplace);
  EXPECT_TRUE(writer.ok());
  const bundle::Bundle net = testing::WriteNet(writer->folder(), model, stored);
  bundle::Bundle bundle;
  bundle.precision = made.precision;
  bundle.target = made.target;
  bundle.policy = PolicyOfThree();
  bundle.provenance = {"0", "test", {}, {}};
  bundle.weights = net.weights;
  for (const auto role : {"whole", "encoder", "head"}) {
    bundle.graphs[std::string(role)] = net.graphs.at("encoder");
  }
  std::vector<bundle::WeightRecord> records;
  const onnx::Model placed = *onnx::ReadModel(writer->folder() / "encoder.onnx");
  for (const onnx::Initializer& initializer : placed.graph.initializers) {
    if (!initializer.is_external()) continue;
    const auto& data = std::get<onnx::ExternalData>(initializer.data);
    records.push_back({initializer.name,
                       initializer.dtype,
                       initializer.shape,
                       data.offset,
                       data.length,
                       "test",
                       {},
                       std::string(32, 'a')});
  }
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  EXPECT_TRUE(writer->Commit(bundle, records).ok());
  auto opened = bundle::Open(path);
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().ToString());
  return opened.ok() ? *opened : bundle::Bundle{};
}

numerics::Plan PlanFor(Form form, const std::string& precision) {
  numerics::Plan plan;
  plan.target = "cpu";
  plan.precision = precision;
  for (const auto& [node, weight] : {std::pair{"fc1", "w1"}, std::pair{"fc2", "w2"}}) {
    OperatorChoice choice{node, "MatMul", node, form, {}, {}, "", "", 0};
    if (form == Form::kWeightOnly) {
      choice.weights = {testing::Blocks(weight)};
    } else if (form == Form::kHalf) {
      choice.weights = {testing::Half(weight)};
    } else if (form != Form::kFloat) {
      choice.weights = {testing::Channel(weight, 1)};
    }
    plan.operators.push_back(choice);
  }
  return plan;
}

class RealityTest : public ::testing::Test {
 protected:
  Report Look(const Made& made, const numerics::Plan* plan, bool optimize = true,
              const bundle::Bundle* reference = nullptr) {
    const bundle::Bundle bundle = WriteBundle(folder_.path() / "bundle", made);
    ExecutedPrecisionOptions options;
    options.backend = backend_.get();
    options.open.threads = 1;
    options.open.optimize = optimize;
    Report report;
    const Status status = CheckExecutedPrecision(bundle, plan, reference, options, SilentLog(), report);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
    return report;
  }
  Report Look(Form form, const std::string& precision, bool optimize = true) {
    const numerics::Plan plan = PlanFor(form, precision);
    return Look({.form = form, .precision = precision}, &plan, optimize);
  }
  static const Check& Kernels(const Report& report) {
    static const Check none{};
    const Check* check = FindCheck(report, "kernels");
    EXPECT_NE(check, nullptr);
    return check == nullptr ? none : *check;
  }

  std::unique_ptr<backend::Backend> backend_ = backend::MakeOnnxRuntimeBackend();
  TemporaryFolder folder_;
};

TEST_F(RealityTest, Int8IsInt8) {
  for (const Form form : {Form::kDynamicInt8, Form::kStaticInt8}) {
    const Report report = Look(form, "int8");
    const Check& kernels = Kernels(report);
    EXPECT_TRUE(kernels.passed) << kernels.detail;
    EXPECT_DOUBLE_EQ(Figure(kernels, "planned_kept"), 1);
    EXPECT_GT(Figure(kernels, "macs_int8"), 0.95) << "all but the products of activations";
    EXPECT_LT(Figure(kernels, "macs_int8"), 1);
    EXPECT_NE(FindCheck(report, "kernels, whole graph"), nullptr);
  }
}

TEST_F(RealityTest, Int4IsWeightOnly) {
  const Report report = Look(Form::kWeightOnly, "int4");
  EXPECT_TRUE(Kernels(report).passed) << Kernels(report).detail;
  EXPECT_GT(Figure(Kernels(report), "macs_weight-only"), 0.95);
}

TEST_F(RealityTest, Float32IsFloat32) {
  const Report report = Look({.precision = "fp32", .target = ""}, nullptr);
  EXPECT_TRUE(Kernels(report).passed) << Kernels(report).detail;
  EXPECT_DOUBLE_EQ(Figure(Kernels(report), "macs_float32"), 1);
}

TEST_F(RealityTest, CatchesAFloatBundleThatSaysInt8) {
  const Report without_plan = Look({.precision = "int8"}, nullptr);
  EXPECT_FALSE(Kernels(without_plan).passed);
  EXPECT_THAT(Kernels(without_plan).detail,
              AllOf(HasSubstr("'fc1' ran as MatMul, not in int8"), HasSubstr("only 0.0 %")));
  const numerics::Plan promised = PlanFor(Form::kDynamicInt8, "int8");
  EXPECT_FALSE(Kernels(Look({.precision = "int8"}, &promised)).passed);
  const numerics::Plan all_float = PlanFor(Form::kFloat, "int8");
  const Report honest = Look({.precision = "int8"}, &all_float);
  EXPECT_FALSE(Kernels(honest).passed) << "a plan that promises nothing makes no int8 bundle";
  EXPECT_THAT(Kernels(honest).detail, HasSubstr("which is not int8"));
}

TEST_F(RealityTest, CatchesQdqThatRunsInFloat) {
  const Report report = Look(Form::kStaticInt8, "int8", false);
  EXPECT_FALSE(Kernels(report).passed);
  EXPECT_THAT(Kernels(report).detail, HasSubstr("'fc1' ran as MatMul, not in int8"));
  EXPECT_GT(Figure(Kernels(report), "widened_weights"), 0);
}

TEST_F(RealityTest, CatchesHalfThatRunsInFloat) {
  const Report report = Look(Form::kHalf, "fp16");
  const Check& kernels = Kernels(report);
  // A library with float16 kernels for this processor would be right to pass.
  EXPECT_EQ(kernels.passed, Figure(kernels, "macs_float16") > 0.9) << kernels.detail;
}

#if defined(__x86_64__)
TEST_F(RealityTest, CatchesTwoSignedOperands) {
  numerics::Plan plan = PlanFor(Form::kStaticInt8, "mixed");
  plan.operators[1].form = Form::kFloat;
  const Report report = Look({.signed_operator = true, .precision = "mixed"}, &plan);
  EXPECT_FALSE(Kernels(report).passed);
  EXPECT_THAT(Kernels(report).detail, AllOf(HasSubstr("ORT-02"), HasSubstr("'fc1' (QLinearMatMul)")));
}
#endif

TEST_F(RealityTest, AnotherEngineSaysNothing) {
  const numerics::Plan plan = PlanFor(Form::kStaticInt8, "int8");
  const Report tensorrt = Look({.form = Form::kStaticInt8, .target = "tensorrt-10"}, &plan);
  EXPECT_EQ(FindCheck(tensorrt, "kernels"), nullptr);
  ASSERT_EQ(tensorrt.untestable.size(), 1U);
  EXPECT_THAT(tensorrt.untestable[0].reason, HasSubstr("for tensorrt-10"));
  backend_ = backend::MakeReferenceBackend();
  const Report reference = Look(Form::kDynamicInt8, "int8");
  ASSERT_EQ(reference.untestable.size(), 1U);
  EXPECT_THAT(reference.untestable[0].reason, HasSubstr("keeps no record"));
}

TEST_F(RealityTest, BytesAreThoseOfThePlan) {
  const bundle::Bundle source = WriteBundle(folder_.path() / "source", {.precision = "fp32", .target = ""});
  const numerics::Plan plan = PlanFor(Form::kDynamicInt8, "int8");
  const Report small = Look({.form = Form::kDynamicInt8}, &plan, true, &source);
  const Check* bytes = FindCheck(small, "bytes");
  ASSERT_NE(bytes, nullptr);
  EXPECT_TRUE(bytes->passed) << bytes->detail;
  EXPECT_LT(Figure(*bytes, "of_source"), 0.28);
  const Report large = Look({.precision = "int8"}, &plan, true, &source);
  EXPECT_FALSE(FindCheck(large, "bytes")->passed);
  EXPECT_THAT(FindCheck(large, "bytes")->detail, HasSubstr("the plan explains"));
  const Report unplanned = Look({.precision = "int8"}, nullptr, true, &source);
  EXPECT_FALSE(FindCheck(unplanned, "bytes")->passed);
}

}  // namespace
}  // namespace vlaq::verify

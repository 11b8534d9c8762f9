// Operators with weights in the forms that passes make of them and quantizing stores, against their float twins: in
// ONNX Runtime, and in the reference evaluator where that knows the operators.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "backend/onnxruntime/onnxruntime.h"
#include "backend/reference/reference.h"
#include "base/random.h"
#include "base/testing.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"
#include "quantize/apply/new_weights_file.h"
#include "quantize/rewrite/apply_plan.h"

namespace vlaq::differential {
namespace {

using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using onnx::Dim;
using ::testing::Contains;
using ::testing::HasSubstr;

// 8 bits over about seven deviations: a step of 0.027, off by 0.29 of it in the mean square, for activation and weight
// alike: 1.1 % of the result. A form that loses more is wrong; one that loses nothing quantized nothing.
constexpr double kMaxLoss = 0.025, kMinLoss = 0.0005;

Tensor Normals(Shape shape, uint64_t seed, double sigma = 1) {
  Tensor tensor = Tensor::Make(DType::kF32, std::move(shape));
  Random random(seed, 3);
  for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(sigma * random.Normal());
  return tensor;
}

struct Operator {
  std::string op_type;
  Shape input, weight, bias, output;
  int64_t channel_axis = 1;
  onnx::Attributes attributes = {};
  bool in_reference = true;
};

std::vector<Operator> Operators() {
  return {
      {"MatMul", {5, 64}, {64, 32}, {}, {5, 32}, 1},
      {"Gemm", {5, 64}, {64, 32}, {32}, {5, 32}, 1},
      {"Gemm", {5, 64}, {32, 64}, {32}, {5, 32}, 0, {{"transB", int64_t{1}}}},
      {"Gemm", {5, 64}, {32, 64}, {}, {5, 32}, 0, {{"transB", int64_t{1}}}},
      {"Gemm", {5, 64}, {32, 64}, {5, 1}, {5, 32}, 0, {{"transB", int64_t{1}}}},
      {"Conv", {1, 16, 9, 9}, {24, 16, 3, 3}, {24}, {1, 24, 7, 7}, 0},
      {"Conv", {1, 16, 9, 9}, {16, 4, 3, 3}, {}, {1, 16, 7, 7}, 0, {{"group", int64_t{4}}}},
      {"ConvTranspose", {1, 16, 5, 5}, {16, 8, 3, 3}, {8}, {1, 8, 7, 7}, 1, {}, false},
  };
}

// The operator alone, "op", from x to y, with its weights in weights.bin of `folder`.
onnx::Model FloatTwin(const Operator& op, const std::filesystem::path& folder) {
  onnx::GraphBuilder b("g");
  std::ofstream file(folder / "weights.bin", std::ios::binary);
  uint64_t offset = 0;
  const auto weight = [&](const std::string& name, const Tensor& values) {
    const auto bytes = values.bytes();
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    const uint64_t at = std::exchange(offset, offset + bytes.size());
    return b.External(name, DType::kF32, values.shape(), {"weights.bin", at, bytes.size()});
  };
  const auto dims = [](const Shape& shape) {
    std::vector<Dim> all;
    for (const int64_t extent : shape) all.push_back(Dim::Fixed(extent));
    return all;
  };
  std::vector<std::string> inputs{b.Input("x", DType::kF32, dims(op.input)), weight("w", Normals(op.weight, 2, 0.1))};
  if (!op.bias.empty()) inputs.push_back(weight("b", Normals(op.bias, 3)));
  b.Output(b.Op(op.op_type, inputs, op.attributes, "op"), "y", DType::kF32, dims(op.output));
  return onnx::MakeModel(*b.Finish(), "test");
}

numerics::Plan PlanOf(const Operator& op, Form form) {
  numerics::Plan plan;
  numerics::OperatorChoice choice;
  choice.node = "op";
  choice.op_type = op.op_type;
  choice.form = form;
  choice.weights = {{"w", NumericType::kInt8, Granularity::kChannel, op.channel_axis, 0, {}}};
  if (form == Form::kStaticInt8) choice.activation = {"x", NumericType::kInt8, numerics::ClipRange{-3.5, 3.5}, {}};
  if (form == Form::kDynamicInt8) choice.activation = {"x", NumericType::kUint8, std::nullopt, {}};
  plan.operators = {choice};
  return plan;
}

class Forms : public ::testing::Test {
 protected:
  // The twin as the form says, its weights in made.bin. Errors: those of passes and quantizing.
  Result<onnx::Model> Rewritten(const onnx::Model& twin, const numerics::Plan& plan) const {
    rewrite::Graphs graphs;
    graphs.emplace("g", twin);
    VLAQ_ASSIGN_OR_RETURN(rewrite::Rewritten rewritten, rewrite::ApplyPlan(graphs, plan, {}));
    onnx::WeightFiles files(folder_.path());
    const rewrite::Sources sources = rewrite::SourcesOf(graphs);
    const std::filesystem::path path = folder_.path() / "made.bin";
    std::filesystem::remove(path);
    const auto written = apply::WriteNewWeights(rewritten, sources, {}, files, path, 1, SilentLog());
    if (!written.ok()) return written.error();
    return rewritten.graphs.at("g");
  }

  Tensor Run(const backend::Backend& backend, const onnx::Model& model, const Tensor& x) const {
    const auto bytes = onnx::Serialize(model);
    EXPECT_TRUE(bytes.ok());
    const auto opened =
        backend.Open({"model", std::make_shared<const std::string>(*bytes), folder_.path()}, backend::OpenOptions{});
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().ToString());
    if (!opened.ok()) return Tensor::Make(DType::kF32, {1});
    const auto outputs = (*opened)->Run({{"x", x}});
    EXPECT_TRUE(outputs.ok()) << (outputs.ok() ? "" : outputs.error().ToString());
    return outputs.ok() ? outputs->at("y") : Tensor::Make(DType::kF32, {1});
  }

  static double Loss(const Tensor& expected, const Tensor& actual) {
    EXPECT_EQ(expected.shape(), actual.shape());
    if (expected.shape() != actual.shape()) return 1;
    double difference = 0, whole = 0;
    const auto a = expected.data<float>(), b = actual.data<float>();
    for (size_t i = 0; i < a.size(); ++i) {
      difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
      whole += std::pow(static_cast<double>(a[i]), 2);
    }
    return std::sqrt(difference / whole);
  }

  void ExpectLikeTwin(const Operator& op, Form form) const {
    SCOPED_TRACE(::testing::Message() << op.op_type << " " << FormName(form) << " " << ShapeText(op.weight));
    const onnx::Model twin = FloatTwin(op, folder_.path());
    const auto made = Rewritten(twin, PlanOf(op, form));
    ASSERT_TRUE(made.ok()) << made.error().ToString();
    const Tensor x = Normals(op.input, 1);
    const auto ort = backend::MakeOnnxRuntimeBackend();
    const Tensor expected = Run(*ort, twin, x);
    const double loss = Loss(expected, Run(*ort, *made, x));
    EXPECT_LT(loss, kMaxLoss);
    EXPECT_GT(loss, kMinLoss);
    if (!op.in_reference) return;
    const auto reference = backend::MakeReferenceBackend();
    const double exact = Loss(Run(*reference, twin, x), Run(*reference, *made, x));
    EXPECT_LT(exact, kMaxLoss);
    EXPECT_GT(exact, kMinLoss);
  }

  TemporaryFolder folder_;
};

TEST_F(Forms, StaticInt8IsItsTwin) {
  for (const Operator& op : Operators()) ExpectLikeTwin(op, Form::kStaticInt8);
}

TEST_F(Forms, DynamicInt8IsItsTwin) {
  for (const Operator& op : Operators()) {
    if (op.op_type == "MatMul" || op.op_type == "Gemm") ExpectLikeTwin(op, Form::kDynamicInt8);
  }
}

TEST_F(Forms, WhatAFormCannotSayIsRefused) {
  const auto refusal = [&](const Operator& op, Form form) {
    const auto made = Rewritten(FloatTwin(op, folder_.path()), PlanOf(op, form));
    EXPECT_FALSE(made.ok());
    return made.ok() ? "" : made.error().ToString();
  };
  Operator gemm{"Gemm", {5, 64}, {64, 32}, {32}, {5, 32}, 1, {{"alpha", 2.0F}}};
  EXPECT_THAT(refusal(gemm, Form::kDynamicInt8), HasSubstr("an alpha, beta or transA of its own"));
  gemm.attributes = {{"transB", int64_t{1}}};
  gemm.weight = {32, 64};
  EXPECT_THAT(refusal(gemm, Form::kDynamicInt8), HasSubstr("by channel of axis 0"));
  gemm.channel_axis = 2;
  EXPECT_THAT(refusal(gemm, Form::kDynamicInt8), HasSubstr("has no axis 2"));
  const Operator conv{"Conv", {1, 16, 9, 9}, {24, 16, 3, 3}, {}, {1, 24, 7, 7}, 0};
  EXPECT_THAT(refusal(conv, Form::kDynamicInt8), HasSubstr("Conv has no form dynamic_int8"));
}

// A table that is the transposed weight of a product, too: rows for one, columns for the other, of the same codes.
TEST_F(Forms, ATiedTableIsStoredInBothLayouts) {
  onnx::GraphBuilder b("g");
  std::ofstream file(folder_.path() / "weights.bin", std::ios::binary);
  const Tensor table = Normals({32, 64}, 5, 0.1);
  file.write(reinterpret_cast<const char*>(table.bytes().data()), static_cast<std::streamsize>(table.bytes().size()));
  file.close();
  const std::string w = b.External("w", DType::kF32, table.shape(), {"weights.bin", 0, table.bytes().size()});
  const std::string x = b.Input("x", DType::kI64, {Dim::Fixed(5)});
  const std::string rows = b.Op("Gather", {w, x}, {}, "rows");
  b.Output(b.Op("Gemm", {rows, w}, {{"transB", int64_t{1}}}, "op"), "y", DType::kF32, {Dim::Fixed(5), Dim::Fixed(32)});
  const onnx::Model twin = onnx::MakeModel(*b.Finish(), "test");

  numerics::Plan plan = PlanOf({"Gemm", {}, {}, {}, {}, 0}, Form::kDynamicInt8);
  plan.operators[0].activation->value = "rows";
  numerics::OperatorChoice gather = plan.operators[0];
  gather.node = "rows";
  gather.op_type = "Gather";
  gather.form = Form::kWeightOnly;
  gather.activation.reset();
  plan.operators.push_back(gather);
  const auto made = Rewritten(twin, plan);
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  std::map<std::string, Shape> stored;
  for (const auto& initializer : made->graph.initializers) stored[initializer.name] = initializer.shape;
  EXPECT_THAT(stored, Contains(std::pair("w/codes", Shape{32, 64})));
  EXPECT_THAT(stored, Contains(std::pair("w/transposed_int8_codes", Shape{64, 32})));
  const Tensor ids = Tensor::From<int64_t>({5}, std::vector<int64_t>{3, 0, 31, 7, 7});
  const auto ort = backend::MakeOnnxRuntimeBackend();
  EXPECT_LT(Loss(Run(*ort, twin, ids), Run(*ort, *made, ids)), kMaxLoss);
}

}  // namespace
}  // namespace vlaq::differential

#include "quantize/rewrite/apply_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "onnx/builder.h"
#include "onnx/types.h"
#include "quantize/rewrite/opset.h"

namespace vlaq::rewrite {
namespace {

using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using onnx::Dim;
using onnx::Ints;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// ids -> table rows; two linears that share LayerNormalization's result; an LSTM.
onnx::Model SmallModel() {
  onnx::GraphBuilder b("g");
  uint64_t offset = 0;
  const auto weight = [&](const std::string& name, Shape shape) {
    const uint64_t bytes = *ByteCount(DType::kF32, shape);
    const std::string value = b.External(name, DType::kF32, std::move(shape), {"weights.bin", offset, bytes});
    offset += (bytes + 63) / 64 * 64;
    return value;
  };
  const std::string ids = b.Input("ids", DType::kI64, {Dim::Named("batch"), Dim::Named("tokens")});
  const std::string rows = b.Op("Gather", {weight("table", {10, 64}), ids}, {}, "rows");
  const std::string norm =
      b.Op("LayerNormalization", {rows, weight("gamma", {64}), weight("beta", {64})}, {{"axis", -1}}, "norm");
  const std::string q = b.Op("MatMul", {norm, weight("wq", {64, 64})}, {}, "q");
  const std::string k = b.Op("MatMul", {norm, weight("wk", {64, 64})}, {}, "k");
  const std::string safe = b.Op("Max", {q, b.Constant(1e-12F)}, {}, "safe");
  const std::string ratio = b.Op("Div", {k, safe}, {}, "ratio");
  const std::string lstm =
      b.Op("LSTM", {ratio, weight("w", {1, 16, 64}), weight("r", {1, 16, 4}), weight("bias", {1, 32})},
           {{"hidden_size", 4}}, "lstm");
  b.Output(lstm, "y", DType::kF32, {});
  return onnx::MakeModel(*b.Finish(), "test");
}

Graphs OneGraph() {
  Graphs graphs;
  graphs.emplace("encoder", SmallModel());
  return graphs;
}

OperatorChoice MatMul(const std::string& node, const std::string& weight, Form form) {
  OperatorChoice choice;
  choice.node = node;
  choice.op_type = "MatMul";
  choice.form = form;
  choice.weights = {{weight, NumericType::kInt8, Granularity::kChannel, 1, 0, {}}};
  if (form == Form::kStaticInt8) choice.activation = {"norm", NumericType::kInt8, numerics::ClipRange{-1, 2}, {}};
  if (form == Form::kDynamicInt8) choice.activation = {"norm", NumericType::kUint8, std::nullopt, {}};
  return choice;
}

Plan PlanOf(std::vector<OperatorChoice> operators) {
  Plan plan;
  plan.operators = std::move(operators);
  return plan;
}

std::vector<std::string> OpTypes(const onnx::Model& model) {
  std::vector<std::string> types;
  for (const onnx::Node& node : model.graph.nodes) types.push_back(node.op_type);
  return types;
}

std::vector<std::string> InitializersOf(const onnx::Model& model) {
  std::vector<std::string> names;
  for (const auto& initializer : model.graph.initializers) names.push_back(initializer.name);
  return names;
}

const onnx::Node& NodeMaking(const onnx::Model& model, const std::string& value) {
  for (const onnx::Node& node : model.graph.nodes) {
    if (std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end()) return node;
  }
  ADD_FAILURE() << "nothing makes " << value;
  return model.graph.nodes.front();
}

// Every value is made before it is read, and nothing is stored that nobody reads.
void ExpectSound(const onnx::Model& model, const NewWeights& weights) {
  const auto types = onnx::InferTypes(model.graph);
  ASSERT_TRUE(types.ok()) << types.error().ToString();
  std::set<std::string> read;
  for (const onnx::Node& node : model.graph.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  for (const std::string& value : read) EXPECT_TRUE(value.empty() || types->contains(value)) << value;
  for (const auto& initializer : model.graph.initializers) {
    EXPECT_TRUE(read.contains(initializer.name)) << initializer.name;
    if (!initializer.is_external()) continue;
    const NewWeight* weight = weights.Find(initializer.name);
    ASSERT_NE(weight, nullptr) << initializer.name;
    EXPECT_EQ(weight->shape, initializer.shape);
  }
}

Rewritten Apply(const Plan& plan, const GraphStyle& style = {}) {
  auto result = ApplyPlan(OneGraph(), plan, style);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().ToString());
  if (!result.ok()) return {};
  ExpectSound(result->graphs.at("encoder"), result->weights);
  return std::move(*result);
}

std::string ErrorOf(const Plan& plan, const GraphStyle& style = {}) {
  const auto result = ApplyPlan(OneGraph(), plan, style);
  EXPECT_FALSE(result.ok());
  return result.ok() ? "" : result.error().ToString();
}

TEST(ApplyPlan, AnEmptyPlanChangesNothing) {
  const Rewritten result = Apply({});
  EXPECT_EQ(OpTypes(result.graphs.at("encoder")), OpTypes(SmallModel()));
  EXPECT_EQ(result.weights.jobs().size(), 8U);
  for (const WeightJob& job : result.weights.jobs()) EXPECT_EQ(job.outputs[0].part, Part::kValues) << job.source;
}

TEST(ApplyPlan, StaticInt8SharesTheActivationAndStoresCodes) {
  const Rewritten result = Apply(PlanOf({MatMul("q", "wq", Form::kStaticInt8), MatMul("k", "wk", Form::kStaticInt8)}));
  const onnx::Model& model = result.graphs.at("encoder");
  EXPECT_THAT(OpTypes(model),
              ElementsAre("Gather", "LayerNormalization", "QuantizeLinear", "DequantizeLinear", "DequantizeLinear",
                          "MatMul", "DequantizeLinear", "MatMul", "Max", "Div", "LSTM"));
  const onnx::Node& weight = NodeMaking(model, "wq/DequantizeLinear");
  EXPECT_EQ(weight.Int("axis", -9), 1);
  EXPECT_EQ(model.graph.FindInitializer("wq/codes")->dtype, DType::kI8);
  EXPECT_EQ(model.graph.FindInitializer("wq/scale")->shape, (Shape{64}));
  const auto* scale = std::get_if<Tensor>(&model.graph.FindInitializer("norm/int8/scale")->data);
  EXPECT_FLOAT_EQ(scale->data<float>()[0], 2.0F / 127);
  EXPECT_EQ(model.graph.FindInitializer("wq"), nullptr) << "the float weight is not stored";
}

TEST(ApplyPlan, EachReaderMayHaveItsPair) {
  const Rewritten result = Apply(PlanOf({MatMul("q", "wq", Form::kStaticInt8), MatMul("k", "wk", Form::kStaticInt8)}),
                                 {.quantize_for_each_reader = true});
  const onnx::Model& model = result.graphs.at("encoder");
  EXPECT_THAT(NodeMaking(model, "q").inputs, ElementsAre("q/input/int8/DequantizeLinear", "wq/DequantizeLinear"));
  EXPECT_THAT(NodeMaking(model, "k").inputs, ElementsAre("k/input/int8/DequantizeLinear", "wk/DequantizeLinear"));
  const auto types = OpTypes(model);
  EXPECT_EQ(std::count(types.begin(), types.end(), "QuantizeLinear"), 2);
  EXPECT_NE(model.graph.FindInitializer("q/input/int8/scale"), nullptr);
  EXPECT_NE(model.graph.FindInitializer("k/input/int8/scale"), nullptr);
}

TEST(ApplyPlan, TensorRt86KeepsFloatWeightsBeforeQuantize) {
  const Rewritten result =
      Apply(PlanOf({MatMul("q", "wq", Form::kStaticInt8)}), {.float_weights_before_quantize = true});
  const onnx::Model& model = result.graphs.at("encoder");
  const onnx::Node& quantize = NodeMaking(model, "wq/QuantizeLinear");
  EXPECT_THAT(quantize.inputs, ElementsAre("wq", "wq/scale", "zero_point/int8[64]"));
  EXPECT_EQ(model.graph.FindInitializer("wq")->dtype, DType::kF32);
  EXPECT_EQ(model.graph.FindInitializer("zero_point/int8[64]")->dtype, DType::kI8);
}

TEST(ApplyPlan, DynamicInt8QuantizesTheActivationOnce) {
  const Rewritten result =
      Apply(PlanOf({MatMul("q", "wq", Form::kDynamicInt8), MatMul("k", "wk", Form::kDynamicInt8)}));
  const onnx::Model& model = result.graphs.at("encoder");
  const auto types = OpTypes(model);
  EXPECT_EQ(std::count(types.begin(), types.end(), "DynamicQuantizeLinear"), 1);
  EXPECT_EQ(std::count(types.begin(), types.end(), "MatMulInteger"), 2);
  EXPECT_EQ(std::count(types.begin(), types.end(), "MatMul"), 0);
  EXPECT_EQ(NodeMaking(model, "q").op_type, "Mul");
}

TEST(ApplyPlan, DynamicInt8LstmTakesTransposedCodes) {
  OperatorChoice lstm;
  lstm.node = "lstm";
  lstm.op_type = "LSTM";
  lstm.form = Form::kDynamicInt8;
  lstm.weights = {{"w", NumericType::kInt8, Granularity::kChannel, 1, 0, {}},
                  {"r", NumericType::kInt8, Granularity::kChannel, 1, 0, {}}};
  EXPECT_THAT(ErrorOf(PlanOf({lstm})), HasSubstr("ONNX Runtime's own operator"));
  const Rewritten result = Apply(PlanOf({lstm}), {.contrib_operators = true});
  const onnx::Model& model = result.graphs.at("encoder");
  const onnx::Node& node = NodeMaking(model, "y");
  EXPECT_EQ(node.op_type, "DynamicQuantizeLSTM");
  EXPECT_THAT(node.inputs, ElementsAre("ratio", "w/codes", "r/codes", "bias", "", "", "", "", "w/scale",
                                       "zero_point/int8[1,16]", "r/scale", "zero_point/int8[1,16]"));
  EXPECT_EQ(model.graph.FindInitializer("w/codes")->shape, (Shape{1, 64, 16}));
  EXPECT_EQ(model.graph.FindInitializer("r/scale")->shape, (Shape{1, 16}));
  EXPECT_EQ(model.opsets.at("com.microsoft"), 1);
}

TEST(ApplyPlan, AnLstmMayStoreInt8ForAFloatLoop) {
  OperatorChoice lstm;
  lstm.node = "lstm";
  lstm.op_type = "LSTM";
  lstm.form = Form::kWeightOnly;
  lstm.weights = {{"w", NumericType::kInt8, Granularity::kChannel, 1, 0, {}},
                  {"r", NumericType::kInt8, Granularity::kChannel, 1, 0, {}}};
  const Rewritten result = Apply(PlanOf({lstm}));
  const onnx::Model& model = result.graphs.at("encoder");
  EXPECT_THAT(NodeMaking(model, "y").inputs, ElementsAre("ratio", "w/DequantizeLinear", "r/DequantizeLinear", "bias"));
  EXPECT_EQ(NodeMaking(model, "w/DequantizeLinear").Int("axis", -9), 1);
  EXPECT_EQ(model.graph.FindInitializer("w/codes")->shape, (Shape{1, 16, 64}));
  EXPECT_EQ(model.graph.FindInitializer("w/scale")->shape, (Shape{16}));
  lstm.weights[0].axis = 2;
  EXPECT_THAT(ErrorOf(PlanOf({lstm})), HasSubstr("a scale for each gate row"));
}

TEST(ApplyPlan, BlocksBecomeMatMulNBitsOrBlockedDequantize) {
  OperatorChoice q = MatMul("q", "wq", Form::kWeightOnly);
  q.weights[0] = {"wq", NumericType::kInt4, Granularity::kBlock, 0, 32, {}};
  const Rewritten contrib = Apply(PlanOf({q}), {.contrib_operators = true});
  const onnx::Node& nbits = NodeMaking(contrib.graphs.at("encoder"), "q");
  EXPECT_EQ(nbits.op_type, "MatMulNBits");
  EXPECT_EQ(nbits.Int("bits", 0), 4);
  EXPECT_EQ(contrib.graphs.at("encoder").graph.FindInitializer("wq/codes")->shape, (Shape{64, 2, 16}));

  EXPECT_THAT(ErrorOf(PlanOf({q})), HasSubstr("blocks need opset 21, the plan says 17"));
  Plan newer = PlanOf({q});
  newer.opset = 21;
  const Rewritten standard = Apply(newer);
  const onnx::Model& model = standard.graphs.at("encoder");
  const onnx::Node& dequantize = NodeMaking(model, "wq/DequantizeLinear");
  EXPECT_EQ(dequantize.Int("block_size", 0), 32);
  EXPECT_EQ(model.graph.FindInitializer("wq/codes")->dtype, DType::kI4);
  EXPECT_EQ(model.graph.FindInitializer("wq/scale")->shape, (Shape{2, 64}));
  EXPECT_EQ(model.opsets.at(""), 21);
  EXPECT_EQ(model.ir_version, 10);
}

TEST(ApplyPlan, TablesAreGatheredBeforeTheyAreWidened) {
  OperatorChoice rows;
  rows.node = "rows";
  rows.op_type = "Gather";
  rows.form = Form::kWeightOnly;
  rows.weights = {{"table", NumericType::kInt8, Granularity::kChannel, 0, 0, {}}};
  const Rewritten result = Apply(PlanOf({rows}));
  EXPECT_EQ(result.graphs.at("encoder").graph.FindInitializer("table/scale")->shape, (Shape{10, 1}));
  EXPECT_EQ(NodeMaking(result.graphs.at("encoder"), "rows").op_type, "Mul");

  const Rewritten engine = Apply(PlanOf({rows}), {.dequantize_tables_first = true});
  const onnx::Model& model = engine.graphs.at("encoder");
  EXPECT_EQ(NodeMaking(model, "table/DequantizeLinear").Int("axis", -1), 0);
  EXPECT_THAT(NodeMaking(model, "rows").inputs, ElementsAre("table/DequantizeLinear", "ids"));
  rows.weights[0].axis = 1;
  EXPECT_THAT(ErrorOf(PlanOf({rows})), HasSubstr("a scale for each row"));
}

TEST(ApplyPlan, HalfLeavesIslandsAndTheEdgesInFloat) {
  Plan plan;
  plan.rest = NumericType::kFloat16;
  plan.keep_float = {{"norm", "FP-03", ""}};
  const Rewritten result = Apply(plan);
  const onnx::Model& model = result.graphs.at("encoder");
  const auto types = *onnx::InferTypes(model.graph);
  EXPECT_EQ(types.at("rows"), DType::kF16);
  EXPECT_EQ(types.at("norm"), DType::kF32);
  EXPECT_EQ(types.at("q"), DType::kF16);
  EXPECT_EQ(types.at("safe"), DType::kF32) << "1e-12 is 0 in float16";
  EXPECT_EQ(types.at("ratio"), DType::kF16);
  EXPECT_EQ(types.at("y"), DType::kF32);
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("'safe' stays float32")));
  EXPECT_THAT(InitializersOf(model),
              UnorderedElementsAre("beta", "gamma", "constant/1e-12f", "table/float16", "wq/float16", "wk/float16",
                                   "w/float16", "r/float16", "bias/float16"));
  const auto ops = OpTypes(model);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Cast"), 5)
      << "into and out of norm, q for safe, safe for ratio, the output";
}

TEST(ApplyPlan, MixedKeepsIntegerKernelsInFloatEdges) {
  Plan plan = PlanOf({MatMul("q", "wq", Form::kStaticInt8)});
  plan.rest = NumericType::kFloat16;
  const Rewritten result = Apply(plan);
  const auto types = *onnx::InferTypes(result.graphs.at("encoder").graph);
  EXPECT_EQ(types.at("q"), DType::kF32);
  EXPECT_EQ(types.at("k"), DType::kF16);
}

TEST(RaiseOpset, MovesTheAxesOfReductions) {
  onnx::GraphBuilder b("g");
  const std::string x = b.Input("x", DType::kF32, {Dim::Fixed(2), Dim::Fixed(3)});
  b.Output(b.Op("ReduceL2", {x}, {{"axes", Ints{-1}}, {"keepdims", 1}}, "norm"), "y", DType::kF32, {});
  onnx::Model model = onnx::MakeModel(*b.Finish(), "test");
  ASSERT_TRUE(RaiseOpset(model, 21).ok());
  EXPECT_THAT(model.graph.nodes[0].inputs, ElementsAre("x", "norm/axes"));
  EXPECT_TRUE(model.graph.nodes[0].Ints("axes").empty());
  EXPECT_EQ(model.ir_version, 10);
  EXPECT_TRUE(RaiseOpset(model, 21).ok());
  EXPECT_FALSE(RaiseOpset(model, 17).ok());
  EXPECT_FALSE(RaiseOpset(model, 22).ok());
}

TEST(ApplyPlan, RefusesWhatDoesNotFit) {
  EXPECT_THAT(ErrorOf(PlanOf({MatMul("nobody", "wq", Form::kFloat)})), HasSubstr("operator 'nobody'"));
  EXPECT_THAT(ErrorOf(PlanOf({MatMul("q", "wk", Form::kDynamicInt8)})), HasSubstr("not one that this node reads"));
  OperatorChoice wrong = MatMul("q", "wq", Form::kDynamicInt8);
  wrong.op_type = "Conv";
  EXPECT_THAT(ErrorOf(PlanOf({wrong})), HasSubstr("is a Conv in the plan, but a MatMul"));
  OperatorChoice no_range = MatMul("q", "wq", Form::kStaticInt8);
  no_range.activation->range.reset();
  EXPECT_THAT(ErrorOf(PlanOf({no_range})), HasSubstr("vlaq calibrate"));
  OperatorChoice other = MatMul("q", "wq", Form::kStaticInt8);
  other.activation->value = "rows";
  EXPECT_THAT(ErrorOf(PlanOf({other})), HasSubstr("its activation is 'rows', but the node reads 'norm'"));
  OperatorChoice axis = MatMul("q", "wq", Form::kDynamicInt8);
  axis.weights[0].axis = 0;
  EXPECT_THAT(ErrorOf(PlanOf({axis})), HasSubstr("by channel of axis 1"));
}

}  // namespace
}  // namespace vlaq::rewrite

#include "families/onnx/normalize.h"

#include <gmock/gmock.h>

#include "families/onnx/lift_weights.h"
#include "families/onnx/names.h"
#include "families/onnx/testing.h"
#include "families/onnx/tidy.h"

namespace vlaq::importing {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the module's own helpers
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> NamesOf(const std::vector<onnx::Initializer>& initializers) {
  std::vector<std::string> names;
  for (const onnx::Initializer& initializer : initializers) names.push_back(initializer.name);
  return names;
}
std::vector<std::string> NodeNames(const onnx::Graph& graph) {
  std::vector<std::string> names;
  for (const onnx::Node& node : graph.nodes) names.push_back(node.name);
  return names;
}

CleanModel Clean(const onnx::Model& model) {
  auto clean = Normalize({model, {}, 0, false});
  EXPECT_TRUE(clean.ok()) << clean.error().ToString();
  return clean.ok() ? *std::move(clean) : CleanModel{};
}
std::string Refusal(const onnx::Model& model) {
  const auto clean = Normalize({model, {}, 0, false});
  return clean.ok() ? "ok" : clean.error().ToString();
}

const Tensors kX = {{"x", Floats({2, 4})}};

// x [2, 4] -> y [2, 4]: what `nodes` make, with `initializers`.
onnx::Model XToY(std::vector<onnx::Node> nodes, std::vector<onnx::Initializer> initializers = {}) {
  onnx::Graph graph;
  graph.inputs = {Value("x", {2, 4})};
  graph.outputs = {Value("y", {2, 4})};
  graph.nodes = std::move(nodes);
  graph.initializers = std::move(initializers);
  return ModelOf(std::move(graph));
}

TEST(Normalize, ConstantsOfEveryFormBecomeWeights) {
  const onnx::Model model = XToY(
      {MakeNode("Constant", "", {}, {"w"}, {{"value", Floats({4, 4})}}),
       MakeNode("Constant", "", {}, {"half"}, {{"value_float", 0.5F}}),
       MakeNode("Constant", "", {}, {"more"}, {{"value_floats", std::vector<float>{1, 2, 3, 4}}}),
       MakeNode("Constant", "", {}, {"shape"}, {{"value_ints", onnx::Ints{2, 4}}}),
       MakeNode("Constant", "", {}, {"axis"}, {{"value_int", int64_t{1}}}), MakeNode("MatMul", "a", {"x", "w"}, {"1"}),
       MakeNode("Mul", "b", {"1", "half"}, {"2"}), MakeNode("Add", "c", {"2", "more"}, {"3"}),
       MakeNode("Reshape", "d", {"3", "shape"}, {"4"}), MakeNode("CumSum", "e", {"4", "axis"}, {"y"})});
  const CleanModel clean = Clean(model);
  EXPECT_THAT(NamesOf(clean.model.graph.initializers), ElementsAre("w", "half", "more", "shape", "axis"));
  EXPECT_THAT(NodeNames(clean.model.graph), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(clean.cleaning.constants, 5U);
  EXPECT_THAT(clean.cleaning.Lines(), ElementsAre("5 Constant nodes became weights"));
  ExpectSame(RunModel(model, kX), RunModel(clean.model, kX));
}

TEST(Normalize, AConstantThatIsAnOutputIsMadeByAnIdentity) {
  onnx::Model model =
      XToY({MakeNode("Constant", "c", {}, {"k"}, {{"value", Floats({4})}}), MakeNode("Add", "a", {"x", "k"}, {"y"})});
  model.graph.outputs.push_back(Value("k", {4}));
  const CleanModel clean = Clean(model);
  EXPECT_THAT(NamesOf(clean.model.graph.initializers), ElementsAre("k_1"));
  EXPECT_EQ(clean.origins.at("k_1"), "k");
  EXPECT_EQ(clean.model.graph.nodes.back().inputs[1], "k_1") << "weights are read themselves";
  ExpectSame(RunModel(model, kX), RunModel(clean.model, kX));
}

TEST(Normalize, IdentitiesOfWeightsAreResolvedInChainsAndSubgraphs) {
  auto then_graph = std::make_shared<onnx::Graph>();
  then_graph->name = "then";
  then_graph->outputs = {Value("t", {2, 4})};
  then_graph->nodes = {MakeNode("Identity", "i3", {"b2"}, {"b3"}), MakeNode("Add", "add", {"x", "b3"}, {"t"})};
  auto else_graph = std::make_shared<onnx::Graph>();
  else_graph->name = "else";
  else_graph->outputs = {Value("e", {2, 4})};
  else_graph->nodes = {MakeNode("Neg", "b3", {"x"}, {"b3"}), MakeNode("Neg", "neg", {"b3"}, {"e"})};
  const std::shared_ptr<const onnx::Graph> then_branch = then_graph, else_branch = else_graph;
  onnx::Model model =
      XToY({MakeNode("Identity", "i1", {"b"}, {"b1"}), MakeNode("Identity", "i2", {"b1"}, {"b2"}),
            MakeNode("If", "if", {"flag"}, {"y"}, {{"then_branch", then_branch}, {"else_branch", else_branch}})},
           {Weight("b", Floats({4}))});
  model.graph.inputs.push_back(Value("flag", {}, DType::kBool));
  const CleanModel clean = Clean(model);
  EXPECT_EQ(clean.cleaning.aliases, 3U);
  ASSERT_THAT(NodeNames(clean.model.graph), ElementsAre("if"));
  const auto& branch =
      *std::get<std::shared_ptr<const onnx::Graph>>(clean.model.graph.nodes[0].attributes.at("then_branch"));
  EXPECT_THAT(branch.nodes[0].inputs, ElementsAre("x", "b"));
  const auto& other =
      *std::get<std::shared_ptr<const onnx::Graph>>(clean.model.graph.nodes[0].attributes.at("else_branch"));
  EXPECT_THAT(other.nodes[1].inputs, ElementsAre("b3")) << "another branch's value of that name";
  for (const uint8_t flag : {uint8_t{0}, uint8_t{1}}) {
    Tensor given = Tensor::Make(DType::kBool, {});
    given.mutable_data<uint8_t>()[0] = flag;
    const Tensors inputs = {{"x", Floats({2, 4})}, {"flag", given}};
    ExpectSame(RunModel(model, inputs), RunModel(clean.model, inputs));
  }
}

TEST(Normalize, WeightsOfSubgraphsComeOutUnderNamesOfTheirOwn) {
  const auto branch = [](std::string name, float seed) {
    onnx::Graph graph;
    graph.name = name;
    graph.outputs = {Value(name + "_out", {2, 4})};
    graph.initializers = {Weight("w", Floats({4, 4}, seed))};
    graph.nodes = {MakeNode("Constant", "", {}, {name + "_c"}, {{"value", Floats({4}, seed)}}),
                   MakeNode("MatMul", "m", {"x", "w"}, {name + "_m"}),
                   MakeNode("Add", "a", {name + "_m", name + "_c"}, {name + "_out"})};
    return std::make_shared<const onnx::Graph>(std::move(graph));
  };
  onnx::Graph constant;
  constant.name = "constant";
  constant.outputs = {Value("k", {4})};
  constant.initializers = {Weight("k", Floats({4}))};
  onnx::Model model = XToY(
      {MakeNode("If", "if", {"flag"}, {"1"}, {{"then_branch", branch("then", 1)}, {"else_branch", branch("else", 2)}}),
       MakeNode("If", "if2", {"flag"}, {"2"},
                {{"then_branch", std::make_shared<const onnx::Graph>(constant)},
                 {"else_branch", std::make_shared<const onnx::Graph>(constant)}}),
       MakeNode("Add", "add", {"1", "2"}, {"y"})});
  model.graph.inputs.push_back(Value("flag", {}, DType::kBool));
  const CleanModel clean = Clean(model);
  EXPECT_THAT(NamesOf(clean.model.graph.initializers),
              UnorderedElementsAre("else_c", "then_c", "w_1", "w_2", "k_1", "k_2"));
  EXPECT_EQ(clean.cleaning.brought_out, 6U);
  EXPECT_EQ(clean.origins.at("w_2"), "w");
  Tensor flag = Tensor::Make(DType::kBool, {});
  const Tensors inputs = {{"x", Floats({2, 4})}, {"flag", flag}};
  const onnx::Model& cleaned = clean.model;
  // ONNX Runtime refuses the original: a subgraph's output that is an initializer; its numbers are known.
  const auto outputs = RunModel(cleaned, inputs);
  ASSERT_TRUE(outputs.contains("y"));
  onnx::Model plain = XToY({MakeNode("MatMul", "m", {"x", "w"}, {"1"}), MakeNode("Add", "a", {"1", "c"}, {"2"}),
                            MakeNode("Add", "b", {"2", "k"}, {"y"})},
                           {Weight("w", Floats({4, 4}, 2)), Weight("c", Floats({4}, 2)), Weight("k", Floats({4}))});
  ExpectSame(RunModel(plain, kX), outputs);
}

TEST(Normalize, InputsThatAreWeightsAndUnusedWeightsGo) {
  onnx::Model model = XToY({MakeNode("MatMul", "m", {"x", "w"}, {"y"})},
                           {Weight("w", Floats({4, 4})), Weight("left over", Floats({3}))});
  model.graph.inputs.push_back(Value("w", {4, 4}));
  model.ir_version = 3;
  const CleanModel clean = Clean(model);
  ASSERT_EQ(clean.model.graph.inputs.size(), 1U);
  EXPECT_THAT(clean.cleaning.former_inputs, ElementsAre("w"));
  EXPECT_THAT(clean.cleaning.unused, ElementsAre("left over"));
  EXPECT_EQ(clean.model.ir_version, 4);
  EXPECT_THAT(clean.cleaning.Lines(),
              ElementsAre("inputs that are weights now: w", "weights that nothing read, left out: left over"));
  ExpectSame(RunModel(clean.model, kX), RunModel(XToY(model.graph.nodes, {model.graph.initializers[0]}), kX));
}

TEST(Normalize, NodesGetNamesOfTheirOwn) {
  const onnx::Model model = XToY({MakeNode("Relu", "", {"x"}, {"1"}), MakeNode("Neg", "a b/c:0", {"1"}, {"2"}),
                                  MakeNode("Neg", "a b/c:0", {"2"}, {"3"}), MakeNode("Relu", "Relu_1", {"3"}, {"4"}),
                                  MakeNode("Relu", "", {"4"}, {"y"})});
  const CleanModel clean = Clean(model);
  EXPECT_THAT(NodeNames(clean.model.graph), ElementsAre("Relu_0", "a b/c:0", "Neg_0", "Relu_1", "Relu_2"));
  EXPECT_EQ(clean.cleaning.named_nodes, 3U);
  EXPECT_THAT(NodeNames(Clean(model).model.graph), NodeNames(clean.model.graph));
}

TEST(Normalize, NothingOfTheAuthorStays) {
  onnx::Model model =
      XToY({MakeNode("Constant", "", {}, {"k"}, {{"value", Floats({4})}}), MakeNode("Add", "a", {"x", "k"}, {"y"})});
  model.metadata["source"] = "/home/author/model.py";
  model.producer_name = "pytorch";
  model.producer_version = "2.11.0";
  model.opsets["ai.onnx.ml"] = 3;
  model.graph.values = {Value("k", {4}), Value("gone", {4})};
  const CleanModel clean = Clean(model);
  EXPECT_THAT(clean.model.metadata, IsEmpty());
  EXPECT_THAT(clean.model.graph.values, IsEmpty());
  EXPECT_EQ(clean.model.producer_name, "vlaq");
  EXPECT_EQ(clean.cleaning.producer, "pytorch 2.11.0");
  EXPECT_FALSE(clean.model.opsets.contains("ai.onnx.ml"));
  EXPECT_EQ(clean.cleaning.opset, 17);
}

TEST(Normalize, WhatNoBackEndTakesIsRefusedByName) {
  onnx::Model model = XToY({MakeNode("Magic", "m", {"x"}, {"y"})});
  EXPECT_THAT(Refusal(model), HasSubstr("node 'm' (Magic): opset 17 has no such operator"));
  model.graph.nodes[0].domain = "com.acme";
  EXPECT_THAT(Refusal(model), HasSubstr("node 'm' (com.acme::Magic): operators of domain 'com.acme' are not known"));
  model.graph.nodes[0].name.clear();
  EXPECT_THAT(Refusal(model), HasSubstr("node that makes 'y' (com.acme::Magic)"));
  model = XToY({MakeNode("Mish", "m", {"x"}, {"y"})});
  EXPECT_THAT(Refusal(model), HasSubstr("opset 17 has no such operator"));
  model.opsets[""] = 18;
  EXPECT_EQ(Refusal(model), "ok");
}

TEST(Normalize, ElementTypesThatAnOperatorDoesNotTakeAreRefused) {
  onnx::Model model =
      XToY({MakeNode("Greater", "g", {"x", "x"}, {"1"}), MakeNode("CumSum", "sum", {"1", "axis"}, {"2"}),
            MakeNode("Cast", "cast", {"2"}, {"y"}, {{"to", int64_t{1}}})},
           {Weight("axis", Tensor::Scalar<int64_t>(0))});
  EXPECT_THAT(Refusal(model),
              HasSubstr("node 'sum' (CumSum): its input '1' is bool, which the operator does not take"));
  model = XToY({MakeNode("Add", "add", {"x", "one"}, {"y"})}, {Weight("one", Tensor::Scalar<double>(1))});
  EXPECT_THAT(Refusal(model), HasSubstr("inputs 'x' and 'one' must be of one type, but are float32 and float64"));
}

TEST(Normalize, PortsThatAreNoTensorsAndNamesMadeTwiceAreRefused) {
  onnx::Model model = XToY({MakeNode("Neg", "n", {"x"}, {"y"})});
  model.graph.inputs.push_back(Value("list", {}));
  model.graph.inputs.back().other_type = "sequence";
  EXPECT_THAT(Refusal(model), HasSubstr("input 'list': is sequence"));
  model.graph.inputs.pop_back();
  model.graph.outputs.clear();
  EXPECT_THAT(Refusal(model), HasSubstr("no outputs"));

  auto branch = std::make_shared<onnx::Graph>();
  branch->name = "b";
  branch->outputs = {Value("z", {2, 4})};
  branch->nodes = {MakeNode("Neg", "n", {"x"}, {"1"}), MakeNode("Neg", "m", {"1"}, {"z"})};
  const std::shared_ptr<const onnx::Graph> both = branch;
  model = XToY({MakeNode("Neg", "n", {"x"}, {"1"}),
                MakeNode("If", "if", {"flag"}, {"2"}, {{"then_branch", both}, {"else_branch", both}}),
                MakeNode("Add", "a", {"1", "2"}, {"y"})});
  model.graph.inputs.push_back(Value("flag", {}, DType::kBool));
  EXPECT_THAT(Refusal(model), HasSubstr("node 'if' (If): value '1': is made twice"));
}

TEST(FreshNames, TakesTheFirstFreeNumber) {
  FreshNames names;
  EXPECT_EQ(names.Make("w"), "w");
  names.Take("w_1");
  EXPECT_EQ(names.Make("w"), "w_2");
  EXPECT_EQ(names.Make("w"), "w_3");
  EXPECT_TRUE(names.IsTaken("w_3"));
}

}  // namespace
}  // namespace vlaq::importing

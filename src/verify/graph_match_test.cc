// Names may differ; what is computed may not.
#include "verify/graph_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"

namespace vlaq::verify {
namespace {

using onnx::Dim;
using onnx::Graph;
using ::testing::HasSubstr;

// tanh((x + x) w) with a constant w.
Graph Small(float w = 2) {
  onnx::GraphBuilder b("small");
  const std::string x = b.Input("x", DType::kF32, {Dim::Named("n"), Dim::Fixed(1)});
  const std::string sum = b.Op("Add", {x, x});
  const std::string product =
      b.Op("MatMul", {sum, b.Constant("w", Tensor::From<float>({1, 1}, std::vector<float>{w}))});
  b.Output(b.Op("Tanh", {product}), "y", DType::kF32, {Dim::Named("n"), Dim::Fixed(1)});
  return *b.Finish();
}

void Rename(Graph& graph, const std::string from, const std::string& to) {
  for (onnx::Node& node : graph.nodes) {
    for (auto* names : {&node.inputs, &node.outputs}) std::replace(names->begin(), names->end(), from, to);
  }
}

TEST(GraphMatch, NamesBetweenNodesDoNotMatter) {
  const Graph expected = Small();
  Graph other = Small();
  for (onnx::Node& node : other.nodes) node.name += "_of_another_version";
  Rename(other, other.nodes[0].outputs[0], "another");
  EXPECT_EQ(FirstDifference(expected, other), "");
}

TEST(GraphMatch, AnExtraOperatorBeforeTheOutputIsFound) {
  Graph turned = Small();
  const std::string output = turned.outputs[0].name;
  turned.nodes.back().outputs[0] = "before";
  turned.nodes.push_back({"Neg", "turned", "", {"before"}, {output}, {}});
  EXPECT_THAT(FirstDifference(Small(), turned), HasSubstr("'turned' (Neg) is another operator"));
}

TEST(GraphMatch, AnotherConstantInputOrAttributeIsFound) {
  EXPECT_THAT(FirstDifference(Small(2), Small(3)), HasSubstr("whose value is another"));
  Graph rewired = Small();
  rewired.nodes[1].inputs[0] = "x";
  EXPECT_NE(FirstDifference(Small(), rewired), "");
  Graph attributed = Small();
  attributed.nodes[1].attributes["alpha"] = 2.0F;
  EXPECT_THAT(FirstDifference(Small(), attributed), HasSubstr("other attributes"));
}

TEST(GraphMatch, ANodeThatBelongsToNothingIsFound) {
  Graph more = Small();
  more.nodes.push_back({"Neg", "idle", "", {"x"}, {"nothing"}, {}});
  EXPECT_THAT(FirstDifference(Small(), more), HasSubstr("'idle' (Neg) belongs to nothing"));
}

TEST(GraphMatch, OutputsOfANodeMayNotChangePlaces) {
  const auto split = [](bool swapped) {
    Graph graph = Small();
    graph.nodes = {{"Split", "split", "", {"x"}, {swapped ? "b" : "a", swapped ? "a" : "b"}, {}},
                   {"Sub", "sub", "", {"a", "b"}, {graph.outputs[0].name}, {}}};
    return graph;
  };
  EXPECT_EQ(FirstDifference(split(false), split(false)), "");
  EXPECT_NE(FirstDifference(split(false), split(true)), "");
}

TEST(GraphMatch, ExtentsOfInputsCount) {
  Graph wider = Small();
  wider.inputs[0].dims[1] = Dim::Fixed(2);
  EXPECT_THAT(FirstDifference(Small(), wider), HasSubstr("its inputs are"));
}

}  // namespace
}  // namespace vlaq::verify

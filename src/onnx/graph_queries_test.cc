// reachability.h, summary.h, outputs.h and the accessors of graph.h.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"
#include "onnx/outputs.h"
#include "onnx/reachability.h"
#include "onnx/summary.h"

namespace vlaq::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// y = x * used + (inside an If) captured; `unused` reaches nothing but a dead node.
Model Example() {
  GraphBuilder b("g");
  b.Input("x", DType::kF32, {Dim::Named("batch")});
  b.Input("condition", DType::kBool, {});
  b.Input("idle", DType::kF32, {});
  b.External("used", DType::kF16, {10, 10}, {"weights.bin", 0, 200});
  b.External("unused", DType::kF32, {7}, {"weights.bin", 200, 28});
  b.External("captured", DType::kF32, {5}, {"weights.bin", 228, 20});
  b.Op("Relu", {"unused"}, {}, "dead");
  const std::string product = b.Op("Mul", {"x", "used"}, {}, "product");
  Graph branch;
  branch.name = "branch";
  branch.nodes.push_back({"Identity", "inner", "", {"captured"}, {"inner"}, {}});
  branch.outputs.push_back({"inner", DType::kF32, false, {}, ""});
  const auto shared = std::make_shared<const Graph>(branch);
  const std::string chosen = b.Op("If", {"condition"}, {{"then_branch", shared}, {"else_branch", shared}}, "choice");
  b.Output(b.Op("Add", {product, chosen}), "y", DType::kF32, {});
  b.SetDomain("Fancy", "com.example");
  b.Op("Fancy", {"x"}, {{"table", Tensor::Make(DType::kU8, {3})}}, "fancy");
  return MakeModel(*b.Finish(), "test");
}

TEST(Reachability, FollowsInputsAndSubgraphs) {
  const Graph graph = Example().graph;
  const Reachability reached = ReachableFromOutputs(graph);
  EXPECT_THAT(reached.initializers, ElementsAre("captured", "used"));
  EXPECT_THAT(reached.inputs, ElementsAre("condition", "x"));
  EXPECT_THAT(reached.nodes, ElementsAre(false, true, true, true, false));
  EXPECT_EQ(reached.parameters, 105);
  EXPECT_EQ(reached.bytes, 220U);
}

TEST(Reachability, StartsAtAnyValue) {
  const std::vector<std::string> from{"dead", "no such value"};
  const Reachability reached = ReachableFrom(Example().graph, from);
  EXPECT_THAT(reached.initializers, ElementsAre("unused"));
  EXPECT_TRUE(reached.inputs.empty());
}

TEST(Summary, CountsOperatorsAndBytes) {
  Model model = Example();
  model.graph.inputs.push_back({"used", DType::kF16, true, {}, ""});  // IR 3 lists initializers as inputs too
  const Summary summary = Summarize(model);
  EXPECT_THAT(summary.operators, ElementsAre(Pair("Add", 1), Pair("Identity", 2), Pair("If", 1), Pair("Mul", 1),
                                             Pair("Relu", 1), Pair("com.example.Fancy", 1)));
  EXPECT_EQ(summary.nodes, 7);
  EXPECT_EQ(summary.weights.at(DType::kF16).external_bytes, 200U);
  EXPECT_EQ(summary.weights.at(DType::kF32).external_bytes, 48U);
  EXPECT_EQ(summary.weights.at(DType::kU8).inline_bytes, 3U);
  EXPECT_EQ(summary.total.elements, 115);
  EXPECT_EQ(summary.total.bytes(), 251U);
  EXPECT_EQ(summary.total.tensors, 4);
  EXPECT_EQ(summary.inputs.size(), 3U);
  EXPECT_EQ(summary.outputs.size(), 1U);
}

TEST(Outputs, ExposesIntermediateValues) {
  Model model = Example();
  model.graph.values.push_back({"choice", DType::kF64, true, {Dim::Fixed(5)}, ""});
  ASSERT_TRUE(AddOutputs(model, {"product", "choice", "y"}).ok());
  ASSERT_EQ(model.graph.outputs.size(), 3U);
  EXPECT_EQ(model.graph.outputs[1].name, "product");
  EXPECT_EQ(model.graph.outputs[1].dtype, DType::kF32);
  EXPECT_FALSE(model.graph.outputs[1].has_shape);
  EXPECT_EQ(model.graph.outputs[2].dtype, DType::kF64);
  EXPECT_THAT(AddOutputs(model, {"x"}).error().ToString(), HasSubstr("'x'"));
}

TEST(Outputs, TakesTheTypeThatTheGraphGivesAValue) {
  Model model;
  Node cast;
  cast.op_type = cast.name = "Cast";
  cast.inputs = {"x"};
  cast.outputs = {"half"};
  cast.attributes = {{"to", int64_t{10}}};
  Node next = cast;
  next.op_type = next.name = "Relu";
  next.inputs = {"half"};
  next.outputs = {"y"};
  next.attributes.clear();
  model.graph.inputs = {{"x", DType::kF32, true, {Dim::Fixed(2)}, ""}};
  model.graph.nodes = {cast, next};
  ASSERT_TRUE(AddOutputs(model, {"half"}).ok());
  EXPECT_EQ(model.graph.outputs[0].dtype, DType::kF16);
}

TEST(Outputs, Renames) {
  Model model = Example();
  ASSERT_TRUE(AddOutputs(model, {"product"}).ok());
  ASSERT_TRUE(RenameOutput(model, "product", "p").ok());
  EXPECT_EQ(model.graph.outputs[1].name, "p");
  EXPECT_THAT(model.graph.nodes[1].outputs, ElementsAre("p"));
  EXPECT_THAT(model.graph.nodes[3].inputs, ElementsAre("p", "choice"));
  EXPECT_THAT(RenameOutput(model, "product", "q").error().ToString(), HasSubstr("no output 'product'"));
  EXPECT_THAT(RenameOutput(model, "p", "used").error().ToString(), HasSubstr("'used'"));
}

TEST(Node, AttributesHaveTypes) {
  const Node node{"Op", "n", "", {}, {}, {{"i", 3}, {"f", 0.5F}, {"s", "text"}, {"l", Ints{1, 2}}}};
  EXPECT_EQ(node.Int("i", 0), 3);
  EXPECT_EQ(node.Int("f", 7), 7);  // another type counts as absent
  EXPECT_EQ(node.Float("f", 0), 0.5F);
  EXPECT_EQ(node.String("s", ""), "text");
  EXPECT_THAT(node.Ints("l"), ElementsAre(1, 2));
  EXPECT_EQ(node.TensorAttribute("i"), nullptr);
}

TEST(DimsText, NamesWhatIsKnown) { EXPECT_EQ(DimsText({Dim::Named("batch"), Dim::Fixed(3), Dim{}}), "[batch, 3, ?]"); }

}  // namespace
}  // namespace vlaq::onnx

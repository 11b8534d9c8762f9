#include "onnx/graph_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"

namespace vlaq::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Node Make(std::string op_type, std::string name, std::vector<std::string> inputs, std::vector<std::string> outputs) {
  return {std::move(op_type), std::move(name), "", std::move(inputs), std::move(outputs), {}};
}

// x [batch, 4] -> product, squared (which reads it twice), and an If whose branch reads `squared`.
Model Branching() {
  Graph graph;
  graph.inputs = {{"x", DType::kF32, true, {Dim::Named("batch"), Dim::Fixed(4)}, ""},
                  {"condition", DType::kBool, true, {}, ""}};
  const Tensor weight = Tensor::Make(DType::kF32, {4, 3});
  graph.initializers = {{"w", DType::kF32, weight.shape(), weight}};
  auto branch = std::make_shared<Graph>();
  branch->name = "branch";
  branch->nodes = {Make("Neg", "inner", {"squared"}, {"inner_y"})};
  branch->outputs = {{"inner_y", DType::kF32, false, {}, ""}};
  Node constant = Make("Constant", "constant", {}, {"two"});
  constant.attributes["value_int"] = int64_t{2};
  Node choice = Make("If", "choice", {"condition"}, {"y"});
  choice.attributes = {{"then_branch", std::shared_ptr<const Graph>(branch)},
                       {"else_branch", std::shared_ptr<const Graph>(branch)}};
  graph.nodes = {constant, Make("MatMul", "matmul", {"x", "w"}, {"product"}),
                 Make("Mul", "square", {"product", "product"}, {"squared"}), choice};
  graph.outputs = {{"y", DType::kF32, false, {}, ""}};
  return MakeModel(std::move(graph), "");
}

std::vector<std::string> NamesOf(const std::vector<const Node*>& nodes) {
  std::vector<std::string> names;
  for (const Node* node : nodes) names.push_back(node->name);
  return names;
}

TEST(GraphIndex, KnowsMakersAndReadersThoseInSubgraphsToo) {
  const Model model = Branching();
  const GraphIndex index(model.graph);
  EXPECT_EQ(index.Producer("product")->name, "matmul");
  EXPECT_EQ(index.Producer("x"), nullptr);
  EXPECT_EQ(index.Producer("inner_y"), nullptr) << "is not of this graph";
  EXPECT_THAT(NamesOf(index.Readers("product")), ElementsAre("square")) << "each reader once";
  EXPECT_THAT(NamesOf(index.Readers("squared")), ElementsAre("choice"));
  EXPECT_THAT(index.Readers("y"), IsEmpty());
  EXPECT_THAT(Captured(*index.FindNode("choice")), ElementsAre("inner_y", "squared"));
  EXPECT_TRUE(index.IsCaptured("squared"));
  EXPECT_FALSE(index.IsCaptured("product"));
}

TEST(GraphIndex, KnowsWhatAValueIs) {
  const Model model = Branching();
  const GraphIndex index(model, model.graph);
  EXPECT_TRUE(index.IsInput("x") && index.IsOutput("y") && index.IsInitializer("w"));
  EXPECT_FALSE(index.IsInput("w") || index.IsOutput("x") || index.IsInitializer("two"));
  EXPECT_TRUE(index.IsConstant("w") && index.IsConstant("two"));
  EXPECT_FALSE(index.IsConstant("product") || index.IsConstant("x"));
  EXPECT_TRUE(index.IsFixed("w") && index.IsFixed("two"));
  EXPECT_FALSE(index.IsFixed("product") || index.IsFixed("y"));
  EXPECT_TRUE(index.Has("x") && index.Has("w") && index.Has("squared"));
  EXPECT_FALSE(index.Has("inner_y"));
  EXPECT_EQ(index.Declared("x")->dims.size(), 2U);
  EXPECT_EQ(index.Declared("product"), nullptr);
  EXPECT_EQ(index.Type("product"), DType::kF32);
  EXPECT_EQ(index.Type("two"), DType::kI64);
  EXPECT_EQ(index.Type("nothing"), std::nullopt);
  EXPECT_EQ(index.ShapeOf("product"), (Shape{-1, 3}));
  EXPECT_EQ(index.ShapeOf("w"), (Shape{4, 3}));
  EXPECT_EQ(GraphIndex(model.graph).ShapeOf("product"), std::nullopt) << "shapes follow by the model's opset";
}

TEST(GraphIndex, KnowsWhatDependsOnNoInput) {
  Model model = Branching();
  model.graph.nodes.insert(model.graph.nodes.begin() + 1, {Make("Transpose", "turn", {"w"}, {"turned"}),
                                                           Make("MatMul", "square_of_w", {"w", "turned"}, {"once"}),
                                                           Make("Mul", "scaled", {"product", "once"}, {"each_time"}),
                                                           Make("RandomNormalLike", "noise", {"w"}, {"random"})});
  const GraphIndex index(model.graph);
  EXPECT_TRUE(index.IsFixed("turned") && index.IsFixed("once"));
  EXPECT_FALSE(index.IsFixed("each_time") || index.IsFixed("random") || index.IsFixed("nothing"));
}

TEST(GraphIndex, MayBeMoved) {
  const Model model = Branching();
  GraphIndex first(model.graph);
  const GraphIndex second = std::move(first);
  EXPECT_THAT(NamesOf(second.Readers("squared")), ElementsAre("choice"));
}

}  // namespace
}  // namespace vlaq::onnx

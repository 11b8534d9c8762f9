#include "quantize/plan/operators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quantize/plan/testing.h"

namespace vlaq::plan {
namespace {

using onnx::Dim;
using onnx::GraphBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::RandomFloats;
using testing::SmallBundle;

PolicyOperators OperatorsOf(const SmallBundle& made) {
  auto operators = ReadOperators(made.bundle());
  EXPECT_TRUE(operators.ok()) << (operators.ok() ? "" : operators.error().ToString());
  return operators.ok() ? *std::move(operators) : PolicyOperators();
}

template <typename Member>
auto Each(const PolicyOperators& operators, Member member) {
  std::vector<std::decay_t<decltype(operators.operators.front().*member)>> all;
  for (const WeightedOperator& op : operators.operators) all.push_back(op.*member);
  return all;
}

onnx::Model Finished(GraphBuilder& b, const std::string& value, std::vector<Dim> dims) {
  b.Output(value, "action", DType::kF32, std::move(dims));
  auto graph = b.Finish();
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().ToString());
  return onnx::MakeModel(graph.ok() ? *std::move(graph) : onnx::Graph(), "test");
}

TEST(ReadOperators, ListsWhatHasWeightsInOrderWithItsWork) {
  const PolicyOperators found = OperatorsOf(SmallBundle(testing::SmallPolicy()));
  EXPECT_THAT(Each(found, &WeightedOperator::node),
              ElementsAre("block/q/MatMul", "block/k/MatMul", "fc/Gemm", "head/MatMul"));
  EXPECT_THAT(Each(found, &WeightedOperator::op_type), ElementsAre("MatMul", "MatMul", "Gemm", "MatMul"));
  EXPECT_THAT(Each(found, &WeightedOperator::macs), ElementsAre(4 * 8 * 8, 4 * 8 * 8, 4 * 8 * 16, 64 * 2));
  EXPECT_THAT(Each(found, &WeightedOperator::rows), ElementsAre(4, 4, 4, 1));
  EXPECT_THAT(Each(found, &WeightedOperator::channel_axis), ElementsAre(1, 1, 0, 1)) << "the Gemm's weight is turned";
  EXPECT_THAT(Each(found, &WeightedOperator::makes_actions), ElementsAre(false, false, false, true));
  EXPECT_EQ(found.macs(), 2 * 256 + 512 + 128);
  EXPECT_THAT(found.not_counted, IsEmpty());
}

TEST(ReadOperators, KnowsWhereFloat16MayBreakAndWhatCanBeSmoothed) {
  const PolicyOperators found = OperatorsOf(SmallBundle(testing::SmallPolicy()));
  std::vector<std::string> sensitive;
  for (const auto& node : found.sensitive) sensitive.push_back(node.node);
  EXPECT_THAT(sensitive, ElementsAre("block/norm", "block/soft", "block/sum"));
  EXPECT_THAT(found.smoothable, ElementsAre(Pair("block/norm", ElementsAre("block/q/MatMul", "block/k/MatMul"))));
}

TEST(ReadOperators, WhatSomethingElseReadsCannotBeSmoothed) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Fixed(1), Dim::Fixed(8)});
  const auto norm =
      b.Op("LayerNormalization",
           {x, b.Constant("gamma", RandomFloats({8}, 1)), b.Constant("beta", RandomFloats({8}, 2))}, {}, "norm");
  const auto product = b.Op("MatMul", {norm, b.Constant("w", RandomFloats({8, 8}, 3))}, {}, "product");
  const onnx::Model model = Finished(b, b.Op("Add", {product, norm}, {}, "sum"), {Dim::Fixed(1), Dim::Fixed(8)});
  EXPECT_THAT(OperatorsOf(SmallBundle(model)).smoothable, IsEmpty());
}

// Two layers with the names that exporters give: all nodes in one folder, or in none.
onnx::Model Layers(const std::string& folder) {
  GraphBuilder b("g");
  uint64_t seed = 0;
  const auto weight = [&](Shape shape) {
    ++seed;
    return b.Constant("w" + std::to_string(seed), RandomFloats(std::move(shape), seed));
  };
  auto x = b.Input("x", DType::kF32, {Dim::Fixed(1), Dim::Fixed(8)});
  const auto q = b.Op("MatMul", {x, weight({8, 8})}, {}, folder + "MatMul");
  const auto k = b.Op("MatMul", {x, weight({8, 8})}, {}, folder + "MatMul_1");
  x = b.Op("Mul", {q, k}, {}, folder + "Mul");
  x = b.Op("MatMul", {x, weight({8, 8})}, {}, folder + "MatMul_2");
  x = b.Op("Relu", {x}, {}, folder + "Relu");
  x = b.Op("MatMul", {x, weight({8, 4})}, {}, folder + "MatMul_3");
  return Finished(b, x, {Dim::Fixed(1), Dim::Fixed(4)});
}

TEST(Groups, ComeFromTheDataAndNotFromNames) {
  const PolicyOperators flat = OperatorsOf(SmallBundle(Layers("/")));
  EXPECT_THAT(Each(flat, &WeightedOperator::group),
              ElementsAre("/MatMul+/MatMul_1", "/MatMul+/MatMul_1", "/MatMul_2", "/MatMul_3"));
  // A folder that several operators lie in is nobody's name.
  const PolicyOperators folders = OperatorsOf(SmallBundle(Layers("/layers.0/")));
  EXPECT_THAT(Each(folders, &WeightedOperator::group),
              ElementsAre("/layers.0/MatMul+/layers.0/MatMul_1", "/layers.0/MatMul+/layers.0/MatMul_1",
                          "/layers.0/MatMul_2", "/layers.0/MatMul_3"));
}

TEST(Groups, AreCalledByFoldersThatAreTheirsAlone) {
  const PolicyOperators found = OperatorsOf(SmallBundle(testing::SmallPolicy()));
  EXPECT_THAT(Each(found, &WeightedOperator::group), ElementsAre("block/q+k", "block/q+k", "fc", "head"));
}

TEST(ReadOperators, TwoGraphsOfOneScheduleKeepTheirNamesApart) {
  onnx::Model first = Layers("/");
  onnx::Model second = Layers("/");
  // One feeds the other.
  first.graph.outputs[0].name = first.graph.nodes.back().outputs[0] = "feature";
  second.graph.inputs[0].name = "feature";
  second.graph.inputs[0].dims[1] = Dim::Fixed(4);
  second.graph.initializers.clear();
  second.graph.nodes = {{"MatMul", "/MatMul", "", {"feature", "v"}, {"action"}, {}}};
  second.graph.initializers = {{"v", DType::kF32, {4, 2}, RandomFloats({4, 2}, 9)}};
  second.graph.outputs[0].dims[1] = Dim::Fixed(2);
  const SmallBundle made(SmallBundle::Models{{"first", first}, {"second", second}});
  const PolicyOperators found = OperatorsOf(made);
  EXPECT_THAT(Each(found, &WeightedOperator::node),
              ElementsAre("first./MatMul", "/MatMul_1", "/MatMul_2", "/MatMul_3", "second./MatMul"));
  EXPECT_THAT(Each(found, &WeightedOperator::group), ElementsAre("first./MatMul+/MatMul_1", "first./MatMul+/MatMul_1",
                                                                 "/MatMul_2", "/MatMul_3", "second./MatMul"));
  EXPECT_THAT(Each(found, &WeightedOperator::makes_actions), ElementsAre(false, false, false, false, true))
      << "what makes a feature makes no action";
}

TEST(ReadOperators, WithoutWeightsThereIsNothingToPlan) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Fixed(1), Dim::Fixed(8)});
  const auto none =
      ReadOperators(SmallBundle(Finished(b, b.Op("Tanh", {x}, {}, "tanh"), {Dim::Fixed(1), Dim::Fixed(8)})).bundle());
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().ToString(), HasSubstr("no operator whose weights could be"));
}

}  // namespace
}  // namespace vlaq::plan

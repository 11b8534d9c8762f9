// What a graph that stands alone observes.
#include "bench/graph_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/inputs.h"

namespace vlaq::bench {
namespace {

using ::testing::HasSubstr;

onnx::ValueInfo Value(std::string name, std::vector<onnx::Dim> dims, DType dtype = DType::kF32) {
  onnx::ValueInfo value;
  value.name = std::move(name);
  value.dtype = dtype;
  value.dims = std::move(dims);
  return value;
}
onnx::Dim Open(std::string name) { return onnx::Dim::Named(std::move(name)); }
onnx::Dim Fixed(int64_t extent) { return onnx::Dim::Fixed(extent); }
onnx::Graph GraphOf(std::vector<onnx::ValueInfo> inputs, std::vector<onnx::ValueInfo> outputs) {
  onnx::Graph graph;
  graph.inputs = std::move(inputs);
  graph.outputs = std::move(outputs);
  return graph;
}

TEST(PolicyOfAGraph, FramesAloneAreAWindow) {
  const auto graph = GraphOf({Value("video", {Open("batch"), Fixed(6), Fixed(3), Fixed(28), Fixed(40)})},
                             {Value("actions", {Open("batch"), Fixed(1), Fixed(2)})});
  const auto made = PolicyOf(graph, "x.onnx", 8);
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  const policy::Policy& p = made->policy;
  ASSERT_EQ(p.inputs.size(), 1U);
  EXPECT_EQ(TensorName(p, p.inputs[0]), kFrames);
  EXPECT_EQ(p.inputs[0].shape, (Shape{3, 28, 40}));
  EXPECT_EQ(p.schedules.at("default")[0].length, 6);
  EXPECT_EQ(p.graphs.at("graph").inputs.count("video"), 1U);
  auto open = graph;
  open.inputs[0].dims[1] = Open("window");
  EXPECT_EQ(PolicyOf(open, "x.onnx", 8)->policy.schedules.at("default")[0].length, 8);
}

TEST(PolicyOfAGraph, AnyOtherOneObservesItsInputs) {
  const auto made = PolicyOf(GraphOf({Value("state", {Fixed(1), Fixed(5)}), Value("ids", {Open("tokens")}, DType::kI64),
                                      Value("pair", {Fixed(2), Open("n")}), Value("flag", {}, DType::kBool)},
                                     {Value("y", {Fixed(1), Fixed(4)}), Value("z", {Open("n")})}),
                             "x.onnx", 8);
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  const auto& inputs = made->policy.inputs;
  EXPECT_EQ(inputs[0].shape, (Shape{5}));
  EXPECT_TRUE(inputs[0].batched);
  EXPECT_EQ(inputs[1].shape, (Shape{-1}));
  EXPECT_FALSE(inputs[1].batched) << "an axis alone is no batch";
  EXPECT_EQ(made->extents.at("ids"), (std::vector<std::string>{"tokens"}));
  EXPECT_EQ(inputs[2].shape, (Shape{2, -1}));
  EXPECT_EQ(inputs[3].shape, (Shape{}));
  EXPECT_EQ(made->policy.outputs[0].name, "y");
  EXPECT_EQ(made->policy.outputs.size(), 2U);
}

TEST(PolicyOfAGraph, WhatCannotBeFedIsRefused) {
  auto sequence = Value("words", {});
  sequence.other_type = "a sequence";
  const auto refused = PolicyOf(GraphOf({sequence}, {Value("y", {})}), "x.onnx", 8);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().ToString(), HasSubstr("'words' is a sequence, which cannot be fed"));
  EXPECT_FALSE(PolicyOf(GraphOf({}, {Value("y", {})}), "x.onnx", 8).ok());
  EXPECT_FALSE(PolicyOf(GraphOf({Value("x", {Fixed(1)})}, {Value("x", {Fixed(1)})}), "x.onnx", 8).ok());
}

TEST(PolicyOfAGraph, TheRankOfWhatIsGivenSaysWhetherThereIsABatch) {
  policy::Input input;
  input.shape = {5};
  TakeRank({7}, input);
  EXPECT_TRUE(input.batched);
  TakeRank({1, 5}, input);
  EXPECT_FALSE(input.batched);
  EXPECT_EQ(input.shape, (Shape{-1, 5}));
  TakeRank({5}, input);
  EXPECT_TRUE(input.batched);
  EXPECT_EQ(input.shape, (Shape{5}));
  TakeRank({5, 5, 5}, input);
  EXPECT_EQ(input.shape, (Shape{5})) << "fits neither way";
}

}  // namespace
}  // namespace vlaq::bench

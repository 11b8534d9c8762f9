#include "onnx/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(GraphBuilder, NamesNodesByScope) {
  GraphBuilder b("g");
  const std::string x = b.Input("x", DType::kF32, {Dim::Fixed(2)});
  const auto text = b.Enter("text");
  {
    const auto layer = b.Enter("layer.0");
    EXPECT_EQ(b.scope(), "text/layer.0/");
    EXPECT_EQ(b.Op("Add", {x, x}, {}, "sum"), "text/layer.0/sum");
    EXPECT_EQ(b.Op("Add", {x, x}, {}, "sum"), "text/layer.0/sum_1");
  }
  EXPECT_EQ(b.Op("Relu", {x}), "text/Relu");
  EXPECT_THAT(b.Ops("Split", {x}, 2, {{"axis", 0}}), ElementsAre("text/Split", "text/Split.1"));
  const Graph graph = *b.Finish();
  EXPECT_EQ(graph.nodes[0].name, "text/layer.0/sum");
  EXPECT_EQ(graph.nodes[3].Int("axis", -1), 0);
}

TEST(GraphBuilder, StoresEqualConstantsOnce) {
  GraphBuilder b("g");
  const auto scope = b.Enter("somewhere");
  const std::string axes = b.Constant(Ints{1, -1});
  EXPECT_EQ(axes, "constant/[1,-1]");
  EXPECT_EQ(b.Constant(Ints{1, -1}), axes);
  EXPECT_EQ(b.Constant("other name", Tensor::From<int64_t>({2}, Ints{1, -1})), axes);
  EXPECT_NE(b.Constant("same bytes, other shape", Tensor::From<int64_t>({1, 2}, Ints{1, -1})), axes);
  EXPECT_NE(b.Constant(int64_t{0}), b.Constant(0.0F));
  // Different floats that print alike must stay different.
  EXPECT_NE(b.Constant(1.0F), b.Constant(1.00000012F));
  EXPECT_EQ(b.Finish()->initializers.size(), 6U);
}

TEST(GraphBuilder, GivesOutputsTheirNames) {
  GraphBuilder b("g");
  const std::string x = b.Input("x", DType::kF32, {});
  const std::string twice = b.Op("Add", {x, x});
  const std::string y = b.Op("Neg", {twice});
  b.Output(twice, "a", DType::kF32, {});
  b.Output(twice, "b", DType::kF32, {});
  b.Output(x, "c", DType::kF32, {});
  b.Output(y, "y", DType::kF32, {});
  const Graph graph = *b.Finish();
  ASSERT_EQ(graph.nodes.size(), 4U);
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("a"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("a"));
  EXPECT_THAT(graph.nodes[1].outputs, ElementsAre("y"));
  EXPECT_EQ(graph.nodes[2].op_type, "Identity");
  EXPECT_THAT(graph.nodes[2].inputs, ElementsAre("a"));
  EXPECT_THAT(graph.nodes[3].inputs, ElementsAre("x"));
  EXPECT_THAT(graph.nodes[3].outputs, ElementsAre("c"));
}

TEST(GraphBuilder, ReportsTheFirstMistake) {
  const auto error = [](auto build) {
    GraphBuilder b("g");
    b.Input("x", DType::kF32, {});
    build(b);
    const auto graph = b.Finish();
    return graph.ok() ? "ok" : graph.error().ToString();
  };
  EXPECT_EQ(error([](auto& b) { b.Op("Clip", {"x", "", "x"}); }), "ok");
  EXPECT_THAT(error([](auto& b) {
                b.Op("Relu", {"y"}, {}, "first");
                b.Op("Relu", {"z"}, {}, "second");
              }),
              HasSubstr("node 'first' (Relu): its input 'y' is not defined"));
  EXPECT_THAT(error([](auto& b) { b.Input("x", DType::kF32, {}); }), HasSubstr("'x' is defined twice"));
  EXPECT_THAT(error([](auto& b) { b.Output("y", "out", DType::kF32, {}); }), HasSubstr("output 'out'"));
  EXPECT_EQ(error([](auto& b) {
              b.External("w", DType::kF32, {1}, {"f", 0, 4});
              b.External("w", DType::kF32, {1}, {"f", 0, 4});
            }),
            "ok");
  EXPECT_THAT(error([](auto& b) {
                b.External("w", DType::kF32, {1}, {"f", 0, 4});
                b.External("w", DType::kF32, {1}, {"f", 4, 4});
              }),
              HasSubstr("initializer 'w'"));
}

}  // namespace
}  // namespace vlaq::onnx

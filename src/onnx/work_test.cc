#include "onnx/work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"

namespace vlaq::onnx {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// ids [2] -> rows of a table [100, 8] -> two products [8, 8] one after the other, and one of two activations.
Graph Small() {
  GraphBuilder b("g");
  const auto ids = b.Input("ids", DType::kI64, {Dim::Fixed(2)});
  const auto weight = [&b](const std::string& name, Shape shape) {
    return b.External(name, DType::kF32, std::move(shape), ExternalData{"weights.bin", 0, 0});
  };
  const auto rows = b.Op("Gather", {weight("table", {100, 8}), ids}, {}, "rows");
  const auto first = b.Op("MatMul", {rows, weight("w1", {8, 8})}, {}, "first");
  const auto second = b.Op("MatMul", {first, weight("w2", {8, 8})}, {}, "second");
  const auto turned = b.Op("Transpose", {second}, {{"perm", Ints{1, 0}}}, "turned");
  b.Output(b.Op("MatMul", {second, turned}, {}, "scores"), "y", DType::kF32, {Dim::Fixed(2), Dim::Fixed(2)});
  return *b.Finish();
}

ValueShapes ShapesOf(const Graph& graph) {
  Model model = MakeModel(graph, "");
  model.opsets["com.example"] = 1;
  auto shapes = InferShapes(model, {});
  EXPECT_TRUE(shapes.ok()) << shapes.error().ToString();
  return shapes.ok() ? *shapes : ValueShapes{};
}

TEST(WorkOf, CountsProductsParametersAndTheRowsThatAreRead) {
  const Graph graph = Small();
  const ValueShapes shapes = ShapesOf(graph);
  const auto work = WorkOf(graph, shapes);
  ASSERT_TRUE(work.ok()) << work.error().ToString();
  EXPECT_EQ(work->macs, 2 * 8 * 8 + 2 * 8 * 8 + 2 * 8 * 2);
  ASSERT_EQ(work->operators.size(), 1U);
  EXPECT_EQ(work->operators[0].nodes, 3);
  EXPECT_EQ(work->parameters, 800 + 64 + 64);
  EXPECT_EQ(work->parameters_read, 16 + 64 + 64);
  ASSERT_EQ(work->stored.size(), 1U);
  EXPECT_EQ(work->stored[0].dtype, DType::kF32);
  EXPECT_EQ(work->stored_bytes(), 4U * (800 + 64 + 64));
}

Work WorkOfGraph(const Graph& graph) {
  auto work = WorkOf(graph, ShapesOf(graph));
  EXPECT_TRUE(work.ok()) << (work.ok() ? "" : work.error().ToString());
  return work.ok() ? *std::move(work) : Work();
}

TEST(WorkOf, ListsWhatItDoesNotKnowAndWhereShapesAreLost) {
  GraphBuilder b("g");
  const auto x = b.Input("x", DType::kF32, {Dim::Fixed(2), Dim::Fixed(8)});
  const auto known = b.Op("MatMul", {x, b.Constant("w", Tensor::Make(DType::kF32, {8, 8}))}, {}, "known");
  const auto lost = b.Op("Compress", {known, b.Input("keep", DType::kBool, {Dim::Fixed(16)})}, {}, "lost");
  b.SetDomain("Fancy", "com.example");
  b.SetDomain("SparseMatMul", "com.example");
  b.Output(b.Op("MatMul", {lost, lost}, {}, "product"), "y", DType::kF32, {});
  b.Output(b.Op("Fancy", {b.Op("Fancy", {x})}), "z", DType::kF32, {});
  b.Output(b.Op("SparseMatMul", {x, x}, {}, "odd"), "o", DType::kF32, {});
  const Work work = WorkOfGraph(*b.Finish());
  EXPECT_EQ(work.macs, 2 * 8 * 8);
  EXPECT_THAT(work.unknown,
              ElementsAre(Pair("MatMul", 1), Pair("com.example.Fancy", 2), Pair("com.example.SparseMatMul", 1)));
  EXPECT_THAT(work.first_unknown,
              AllOf(HasSubstr("'product' (MatMul)"), HasSubstr("does not follow"), HasSubstr("'lost' (Compress)")));
  EXPECT_EQ(UnknownText(work.unknown),
            "4 operators of unknown cost: MatMul, com.example.Fancy (2), com.example.SparseMatMul");
  EXPECT_EQ(UnknownText({{"Scan", 1}}), "1 operator of unknown cost: Scan");
  EXPECT_EQ(UnknownText({}), "");
}

TEST(WorkOf, DoesNotKnowHowOftenASubgraphRuns) {
  Graph graph;
  graph.inputs = {{"x", DType::kF32, true, {Dim::Fixed(2), Dim::Fixed(2)}, ""},
                  {"condition", DType::kBool, true, {}, ""}};
  auto branch = std::make_shared<Graph>();
  branch->name = "branch";
  branch->nodes = {{"MatMul", "inner", "", {"x", "x"}, {"inner_y"}, {}}};
  branch->outputs = {{"inner_y", DType::kF32, false, {}, ""}};
  const std::shared_ptr<const Graph> fixed = branch;
  graph.nodes = {{"If", "choice", "", {"condition"}, {"y"}, {{"then_branch", fixed}, {"else_branch", fixed}}}};
  graph.outputs = {{"y", DType::kF32, false, {}, ""}};
  EXPECT_THAT(WorkOfGraph(graph).unknown, ElementsAre(Pair("If", 1)));
}

TEST(PeakActivations, FreesAfterTheLastReader) {
  const Graph graph = Small();
  const ValueShapes shapes = ShapesOf(graph);
  // ids (2 x 8 bytes) all the time; at the last product second, turned and its result are there.
  const PeakMemory full = PeakActivations(graph, shapes, 4);
  EXPECT_EQ(full.bytes, 16U + 4 * (16 + 16 + 4));
  EXPECT_EQ(full.node, "scores");
  EXPECT_EQ(full.unknown, 0);
  EXPECT_EQ(PeakActivations(graph, shapes, 2).bytes, 16U + 2 * (16 + 16 + 4));
}

TEST(PeakActivations, CountsWhatItCannotSee) {
  const PeakMemory peak = PeakActivations(Small(), {{"ids", {DType::kI64, {2}}}}, 4);
  EXPECT_EQ(peak.bytes, 16U);
  EXPECT_EQ(peak.unknown, 5);
}

}  // namespace
}  // namespace vlaq::onnx

// Names that engines make up, work that they fuse, and what nobody claims. No engine is asked here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "verify/executed_precision.h"

namespace vlaq::verify {
namespace {

using backend::ExecutedNode;
using onnx::Arithmetic;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kRows = 4, kInner = 8, kOut = 16;
constexpr double kMacs = 4 * 8 * 16;

onnx::Node Node(std::string name, std::string op_type, std::vector<std::string> inputs = {}) {
  onnx::Node node;
  node.op_type = std::move(op_type);
  node.outputs = {name};
  node.name = std::move(name);
  node.inputs = std::move(inputs);
  return node;
}

ExecutedNode Ran(std::string name, std::string op_type, DType dtype = DType::kF32, double microseconds = 10) {
  const TypedShape in{dtype, {kRows, kInner}}, out{DType::kF32, {kRows, kOut}};
  return {std::move(name), std::move(op_type), "cpu", {in}, {out}, microseconds};
}

class Judging : public ::testing::Test {
 protected:
  Judging() {
    graph_.nodes = {Node("a/MatMul", "MatMul"), Node("a/MatMul_1", "MatMul"), Node("a/MatMul/Sum", "MatMulInteger")};
    promises_["a/MatMul"] = {Arithmetic::kInt8, true};
    ran_.as_written = {Ran("a/MatMul/Sum", "MatMulInteger", DType::kU8)};
  }
  Work Judged() { return Judge(graph_, promises_, ran_, "cpu"); }

  onnx::Graph graph_;
  ExpectedPrecisions promises_;
  ExecutedGraph ran_;
};

TEST_F(Judging, FindsTheOperatorBehindMadeUpNames) {
  for (const char* name :
       {"a/MatMul/Sum", "a/MatMul", "fused a/MatMul/Sum/MatMulAddFusion", "a/MatMul_token_7", "a/MatMul_quant"}) {
    ran_.executed = {Ran(name, "DynamicQuantizeMatMul")};
    const Work work = Judged();
    EXPECT_EQ(work.promised, kMacs);
    EXPECT_EQ(work.kept, kMacs) << name;
    EXPECT_EQ(work.small, kMacs);
    EXPECT_THAT(work.broken, IsEmpty());
  }
}

TEST_F(Judging, DoesNotTakeANeighborForIt) {
  ran_.as_written.push_back(Ran("a/MatMul_1", "MatMul"));
  ran_.executed = {Ran("a/MatMul", "MatMul"), Ran("a/MatMul_1", "DynamicQuantizeMatMul")};
  const Work work = Judged();
  EXPECT_EQ(work.kept, 0);
  EXPECT_EQ(work.weighted, kMacs) << "the neighbor has no weights";
  EXPECT_THAT(work.broken, ElementsAre(HasSubstr("'a/MatMul' ran as MatMul")));
}

TEST_F(Judging, LetsFusedWorkStandForWhatIsMissing) {
  ran_.executed = {Ran("engine_17", "QGemm", DType::kU8)};
  EXPECT_EQ(Judged().kept, kMacs);
  ran_.executed = {Ran("engine_17", "Gemm")};
  EXPECT_EQ(Judged().kept, 0);
  EXPECT_THAT(Judged().broken, ElementsAre(HasSubstr("did not run under its name")));
  ran_.executed.clear();
  EXPECT_EQ(Judged().kept, 0);
}

TEST_F(Judging, DoesNotMissWhatWasComputedOnOpening) {
  graph_.initializers = {{"w", DType::kI8, {8, 16}, onnx::ExternalData{}},
                         {"query", DType::kU8, {4, 8}, onnx::ExternalData{}}};
  graph_.nodes[2].inputs = {"query", "w"};
  const Work work = Judged();
  EXPECT_EQ(work.promised, 0);
  EXPECT_EQ(work.weighted, 0);
  EXPECT_THAT(work.broken, IsEmpty());
}

TEST_F(Judging, CountsARunOnce) {
  ran_.runs = 3;
  ran_.executed = {3, Ran("a/MatMul", "QLinearMatMul", DType::kU8)};
  ran_.executed.insert(ran_.executed.end(), 3, Ran("c", "Cast", DType::kF32, 2));
  const Work work = Judged();
  EXPECT_DOUBLE_EQ(work.kept, kMacs);
  EXPECT_DOUBLE_EQ(work.macs.at(Arithmetic::kInt8), kMacs);
  EXPECT_DOUBLE_EQ(work.microseconds.at(Arithmetic::kInt8), 10);
  EXPECT_DOUBLE_EQ(work.all_microseconds, 12);
  EXPECT_DOUBLE_EQ(work.converting_microseconds, 2);
}

TEST_F(Judging, NotesWhatRanElsewhereAndWhatItCannotCount) {
  ran_.executed = {Ran("a/MatMul", "QLinearMatMul", DType::kI8), Ran("e", "SparseMatMul")};
  ran_.executed[0].provider = "cuda";
  ran_.executed[0].inputs.push_back({DType::kI8, {kOut}});
  const Work work = Judged();
  EXPECT_THAT(work.elsewhere, ElementsAre(HasSubstr("cuda")));
  EXPECT_THAT(work.unknown, ElementsAre(HasSubstr("SparseMatMul")));
  EXPECT_THAT(work.both_signed, SizeIs(1));
}

TEST_F(Judging, AConvolutionThatDoesNotSayCostsWhatIsWritten) {
  graph_.nodes = {Node("conv", "Conv")};
  promises_ = {{"conv", {Arithmetic::kInt8, true}}};
  ExecutedNode written = Ran("conv", "Conv");
  written.inputs = {{DType::kF32, {1, 3, 8, 8}}, {DType::kF32, {5, 3, 2, 2}}};
  written.outputs = {{DType::kF32, {1, 5, 4, 4}}};
  ExecutedNode packed = written;
  packed.op_type = "QLinearConv";
  packed.inputs.resize(1);
  ran_.as_written = {written};
  ran_.executed = {packed};
  EXPECT_EQ(Judged().kept, 80 * 12);
  EXPECT_EQ(Judged().macs.at(Arithmetic::kInt8), 80 * 12);
}

TEST_F(Judging, CountsWhatARuleOfThePlanLeaves) {
  promises_ = {{"a/MatMul", {std::nullopt, false, "CONV-01"}}, {"a/MatMul_1", {std::nullopt, false, ""}}};
  ran_.as_written = ran_.executed = {Ran("a/MatMul", "MatMul"), Ran("a/MatMul_1", "MatMul")};
  const Work work = Judged();
  EXPECT_EQ(work.weighted, 2 * kMacs);
  EXPECT_THAT(work.left, ElementsAre(std::pair("CONV-01", kMacs))) << "the other gives no reason";
}

TEST(ExpectedPrecisionsOf, APlanSaysNodesWithTheirGraph) {
  onnx::Graph graph;
  graph.nodes = {Node("fc", "MatMul"), Node("first.fc", "MatMul")};
  numerics::Plan plan;
  plan.operators = {{"first.fc", "MatMul", "", numerics::Form::kDynamicInt8, {}, {}, "ORT-01", "why", 0},
                    {"second.fc", "MatMul", "", numerics::Form::kFloat, {}, {}, "ACT-01", "why", 0}};
  EXPECT_TRUE(ExpectedPrecisionsOf(graph, &plan, "int8", "first").contains("first.fc")) << "a node of that name";
  const ExpectedPrecisions second = ExpectedPrecisionsOf(graph, &plan, "int8", "second");
  ASSERT_TRUE(second.contains("fc"));
  EXPECT_EQ(second.at("fc").left_by, "ACT-01");
  plan.operators[1].reason = "";
  EXPECT_EQ(ExpectedPrecisionsOf(graph, &plan, "int8", "second").at("fc").left_by, "");
}

TEST(ExpectedPrecisionsOf, WithoutAPlanAreForWhatHasWeights) {
  onnx::Graph graph;
  graph.initializers = {{"w", DType::kF16, {8, 16}, onnx::ExternalData{}},
                        {"b", DType::kF32, {16}, onnx::ExternalData{}}};
  graph.nodes = {Node("wide", "Cast", {"w"}), Node("fc", "MatMul", {"x", "wide"}), Node("scores", "MatMul", {"x", "x"}),
                 Node("add", "Add", {"fc", "b"}), Node("table", "Gather", {"w", "ids"})};
  const ExpectedPrecisions promises = ExpectedPrecisionsOf(graph, nullptr, "int8");
  ASSERT_THAT(promises, SizeIs(1));
  EXPECT_EQ(promises.at("fc").arithmetic, Arithmetic::kInt8);
  EXPECT_EQ(ExpectedPrecisionsOf(graph, nullptr, "fp16").at("fc").arithmetic, std::nullopt);
  EXPECT_FALSE(ExpectedPrecisionsOf(graph, nullptr, "fp32").at("fc").small);
}

}  // namespace
}  // namespace vlaq::verify

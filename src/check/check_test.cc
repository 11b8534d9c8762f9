// What is looked at: files, subgraphs, weights beside the file.
#include "check/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/output.h"
#include "base/testing.h"
#include "check/testing.h"

namespace vlaq::check {
namespace {

namespace fs = std::filesystem;
using testing::FixedDims;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Make;
using testing::MakeNode;
using testing::Old;
using ::testing::SizeIs;

fs::path Written(const TemporaryFolder& folder, const onnx::Model& model) {
  const fs::path path = folder.path() / "model.onnx";
  EXPECT_TRUE(WriteFile(path, *onnx::Serialize(model), Existing::kReplace).ok());
  return path;
}

onnx::Model Plain() {
  return Make([](onnx::GraphBuilder& b) {
    b.Output(b.Op("Relu", {b.Input("x", DType::kF32, FixedDims({2}))}), "y", DType::kF32, FixedDims({2}));
  });
}

TEST(Check, NamesGraphNodeAndTensor) {
  const onnx::Model model = Make([](onnx::GraphBuilder& b) {
    const std::string x = b.Input("x", DType::kF32, FixedDims({2}));
    b.Op("QuantizeLinear",
         {x, b.Constant("scale", Tensor::Scalar<float>(0)), b.Constant("zero", Tensor::Scalar<int8_t>(0))}, {}, "bad");
  });
  onnx::WeightFiles files(".");
  const auto findings = CheckModel(model, files, Old(), "encoder");
  ASSERT_TRUE(findings.ok());
  ASSERT_FALSE(findings->empty());
  const Finding& first = findings->front();  // errors come first
  EXPECT_EQ(first.rule->id, "TRT-Q06");
  EXPECT_EQ(first.graph, "encoder");
  EXPECT_EQ(first.node, "bad");
  EXPECT_EQ(first.op_type, "QuantizeLinear");
  EXPECT_EQ(first.tensor, "scale");
  EXPECT_THAT(first.detail, HasSubstr("scale 0"));
}

// Constants of the outer graph are known inside, and the place says where inside is.
TEST(Check, LooksIntoSubgraphs) {
  auto body = std::make_shared<onnx::Graph>();
  body->name = "body";
  body->nodes.push_back(MakeNode("QuantizeLinear", "inside", {"x", "scale", "zero"}, "q"));
  body->nodes.push_back(MakeNode("Unique", "unknown", {"x"}, "u"));
  const onnx::Model model = Make([&](onnx::GraphBuilder& b) {
    b.Input("x", DType::kF32, FixedDims({2}));
    b.Constant("scale", Tensor::Scalar<float>(-1));
    b.Constant("zero", Tensor::Scalar<int8_t>(0));
    b.Op("If", {b.Input("c", DType::kBool, {})}, {{"then_branch", std::shared_ptr<const onnx::Graph>(body)}}, "choice");
  });
  onnx::WeightFiles files(".");
  const auto findings = CheckModel(model, files, Old(), "g");
  ASSERT_TRUE(findings.ok());
  std::set<std::string> inside;
  for (const Finding& finding : *findings) {
    if (finding.graph == "g/choice.then_branch") inside.emplace(finding.rule->id);
  }
  EXPECT_THAT(inside, ::testing::IsSupersetOf({"TRT-Q06", "TRT-O01"}));
  EXPECT_THAT(inside, ::testing::Not(::testing::Contains("TRT-Q07")));
}

TEST(Check, CountsWhatItLookedAt) {
  const TemporaryFolder folder;
  const auto report = CheckPath(Written(folder, Plain()), Old());
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->findings, IsEmpty());
  ASSERT_THAT(report->graphs, SizeIs(1));
  EXPECT_EQ(report->graphs[0].name, "model.onnx");
  EXPECT_EQ(report->graphs[0].nodes, 1);
  EXPECT_EQ(report->rules, ChecksFor(Old()).size());
  EXPECT_GT(report->rules, 30U);
}

// Sparse, so it costs no disk. Nothing is read of it.
TEST(Check, FilesThatProtobufCannotReadBreakARule) {
  const TemporaryFolder folder;
  const fs::path path = Written(folder, Plain());
  fs::resize_file(path, uint64_t{1} << 31U);
  const auto report = CheckPath(path, Old());
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  ASSERT_THAT(report->findings, SizeIs(1));
  EXPECT_EQ(report->findings[0].rule->id, "TRT-G06");
  EXPECT_EQ(report->Count(Severity::kError), 1U);
}

TEST(Check, ScalesBesideTheFileAreRead) {
  const TemporaryFolder folder;
  onnx::Model model = Make([](onnx::GraphBuilder& b) {
    const std::string x = b.Input("x", DType::kF32, FixedDims({2}));
    const std::string scale = b.External("scale", DType::kF32, {}, {"weights.bin", 4, 4});
    b.Output(b.Op("QuantizeLinear", {x, scale, b.Constant("zero", Tensor::Scalar<int8_t>(0))}), "y", DType::kI8,
             FixedDims({2}));
  });
  const std::array<float, 2> values{1, -1};
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()), sizeof values);
  const fs::path path = Written(folder, model);
  EXPECT_EQ(CheckPath(path, Old()).error().code, ErrorCode::kInput) << "the file beside it is missing";
  ASSERT_TRUE(WriteFile(folder.path() / "weights.bin", bytes, Existing::kReplace).ok());
  const auto report = CheckPath(path, Old());
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  ASSERT_FALSE(report->findings.empty());
  EXPECT_EQ(report->findings[0].rule->id, "TRT-Q06");
}

TEST(Check, WhatIsNoModelIsAnInputError) {
  const TemporaryFolder folder;
  for (const fs::path& path : {folder.path() / "absent.onnx", folder.path()}) {
    const auto report = CheckPath(path, Old());
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::kInput);
  }
}

// Nodes in a circle, which no valid file holds: every walk ends.
TEST(Check, CirclesEnd) {
  onnx::Model model = Plain();
  model.graph.nodes.push_back(MakeNode("Cast", "a", {"two"}, "one"));
  model.graph.nodes.push_back(MakeNode("Identity", "b", {"one"}, "two"));
  model.graph.nodes.push_back(MakeNode("QuantizeLinear", "q", {"one", "two", "one"}, "r"));
  model.graph.nodes.push_back(MakeNode("Reshape", "r", {"r", "two"}, "s"));
  onnx::WeightFiles files(".");
  EXPECT_TRUE(CheckModel(model, files, Old(), "g").ok());
}

}  // namespace
}  // namespace vlaq::check

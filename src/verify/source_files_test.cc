// What a bundle's graphs hold against the files they were made of: every difference is found.
#include "verify/source_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/log.h"
#include "base/testing.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

Tensor Matrix(float first) { return Tensor::From<float>({2, 2}, std::vector<float>{first, 0, 0, 1}); }

// tanh(x a) b; `c` is read by an operator that no output needs.
onnx::Graph Chain(float a = 2, float b = 3) {
  onnx::Graph graph;
  graph.name = "g";
  const auto port = [](std::string name) {
    return onnx::ValueInfo{std::move(name), DType::kF32, true, {onnx::Dim::Fixed(1), onnx::Dim::Fixed(2)}, ""};
  };
  graph.inputs = {port("x")};
  graph.outputs = {port("y")};
  const auto weight = [](const std::string& name, float first) {
    return onnx::Initializer{name, DType::kF32, {2, 2}, Matrix(first)};
  };
  graph.initializers = {weight("a", a), weight("b", b), weight("c", 5)};
  graph.nodes = {{"MatMul", "first", "", {"x", "a"}, {"h"}, {}},
                 {"Tanh", "bend", "", {"h"}, {"t"}, {}},
                 {"MatMul", "second", "", {"t", "b"}, {"y"}, {}},
                 {"MatMul", "idle", "", {"t", "c"}, {"nobody"}, {}}};
  return graph;
}

class SourceFiles : public ::testing::Test {
 protected:
  void Write(const std::string& name, onnx::Graph graph) const {
    const auto bytes = onnx::Serialize(onnx::MakeModel(std::move(graph), "test"));
    ASSERT_TRUE(bytes.ok());
    std::ofstream(folder_.path() / name, std::ios::binary) << *bytes;
  }
  Report Compare(onnx::Graph file, onnx::Graph own) {
    Write("file.onnx", std::move(file));
    Write("own.onnx", std::move(own));
    bundle::Bundle bundle;
    bundle.path = folder_.path();
    bundle.graphs["g"].file = "own.onnx";
    Report report;
    const fs::path path = folder_.path() / "file.onnx";
    SourceFile source{"g", path, *onnx::ReadModel(path)};
    EXPECT_TRUE(CheckSourceFiles(bundle, {&source, 1}, SilentLog(), report).ok());
    return report;
  }
  static void ExpectOnly(const Report& report, const std::vector<std::string>& failed, const std::string& words) {
    for (const Check& check : report.checks) {
      const bool fails = std::ranges::find(failed, check.name) != failed.end();
      EXPECT_EQ(check.passed, !fails) << check.name << ": " << check.detail;
    }
    ASSERT_NE(report.first_failure(), nullptr);
    EXPECT_THAT(report.first_failure()->detail, HasSubstr(words));
  }
  TemporaryFolder folder_;
};

TEST_F(SourceFiles, TheSameUnderOtherNamesIsTheSame) {
  onnx::Graph own = Chain();
  own.initializers[0].name = own.nodes[0].inputs[1] = "file/a";
  own.nodes[0].outputs[0] = own.nodes[1].inputs[0] = "another";
  const Report report = Compare(Chain(), own);
  EXPECT_EQ(report.first_failure(), nullptr);
  EXPECT_EQ(report.checks.size(), 3U);
  for (const Check& check : report.checks) EXPECT_EQ(check.against, Against::kFiles);
  EXPECT_THAT(report.notes, ::testing::ElementsAre(HasSubstr("is not the file that was imported")));
}

TEST_F(SourceFiles, EqualWeightsMayLieInOnePlace) {
  onnx::Graph own = Chain(2, 2);
  own.nodes[2].inputs[1] = "a";
  std::erase_if(own.initializers, [](const auto& initializer) { return initializer.name == "b"; });
  EXPECT_EQ(Compare(Chain(2, 2), own).first_failure(), nullptr);
}

TEST_F(SourceFiles, WeightsThatChangedPlacesAreFound) {
  onnx::Graph own = Chain();
  std::swap(own.nodes[0].inputs[1], own.nodes[2].inputs[1]);
  ExpectOnly(Compare(Chain(), own), {"weights of the files"}, "differs from");
}

TEST_F(SourceFiles, AChangedWeightIsNeitherInItsPlaceNorAnywhere) {
  ExpectOnly(Compare(Chain(), Chain(2.5)), {"weights of the files", "tensors of the files"}, "at byte 2");
}

TEST_F(SourceFiles, OperatorsThatNoOutputNeedsCount) {
  onnx::Graph less = Chain();
  less.nodes.pop_back();
  less.initializers.pop_back();
  ExpectOnly(Compare(Chain(), less), {"structure", "tensors of the files"}, "nobody");
  onnx::Graph more = Chain();
  more.nodes.push_back({"Tanh", "planted", "", {"h"}, {"unread"}, {}});
  ExpectOnly(Compare(Chain(), more), {"structure"}, "'planted' (Tanh) belongs to nothing");
}

TEST_F(SourceFiles, AWeightOfItsOwnIsFound) {
  onnx::Graph own = Chain();
  own.initializers.push_back({"hidden", DType::kF32, {2, 2}, Matrix(9)});
  ExpectOnly(Compare(Chain(), own), {"structure"}, "'hidden' belongs to nothing");
}

TEST_F(SourceFiles, AGraphWithoutAFileIsNeitherProvenNorWrong) {
  bundle::Bundle bundle;
  bundle.path = folder_.path();
  bundle.graphs["g"].file = "own.onnx";
  Report report;
  ASSERT_TRUE(CheckSourceFiles(bundle, {}, SilentLog(), report).ok());
  ASSERT_EQ(report.untestable.size(), 1U);
  EXPECT_TRUE(report.untestable[0].needed);
}

// A subgraph reads what is around it: the same values, whatever they are called.
onnx::Graph WithBranches(const std::string& reads) {
  onnx::Graph graph = Chain();
  const auto branch = [](const std::string& op_type, const std::string& input) {
    auto inside = std::make_shared<onnx::Graph>();
    inside->name = op_type;
    inside->outputs = {{"out_" + op_type, DType::kF32, false, {}, ""}};
    inside->nodes = {{op_type, op_type, "", {input}, {"out_" + op_type}, {}}};
    return std::shared_ptr<const onnx::Graph>(inside);
  };
  graph.inputs.push_back({"flag", DType::kBool, true, {}, ""});
  onnx::Node choose{"If", "choose", "", {"flag"}, {"y"}, {}};
  choose.attributes["then_branch"] = branch("Neg", reads);
  choose.attributes["else_branch"] = branch("Abs", "h");
  graph.nodes[2].outputs[0] = "before";
  graph.nodes.push_back(choose);
  return graph;
}

TEST_F(SourceFiles, SubgraphsMustReadTheSame) {
  onnx::Graph renamed = WithBranches("renamed");
  renamed.nodes[2].outputs[0] = "renamed";
  EXPECT_EQ(Compare(WithBranches("before"), renamed).first_failure(), nullptr);
  ExpectOnly(Compare(WithBranches("before"), WithBranches("t")), {"structure"}, "'bend' (Tanh) is another operator");
}

}  // namespace
}  // namespace vlaq::verify

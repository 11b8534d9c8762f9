#include "families/onnx/import.h"

#include <gmock/gmock.h>

#include <fstream>

#include "base/hash.h"
#include "base/json.h"
#include "base/testing.h"
#include "families/onnx/testing.h"

namespace vlaq::importing {
namespace {
namespace fs = std::filesystem;

using namespace testing;  // NOLINT(google-build-using-namespace): the module's own helpers
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const fs::path kFiles = fs::path(VLAQ_TESTDATA) / "onnx_import";

class ImportTest : public ::testing::Test {
 protected:
  fs::path Save(const std::string& name, const onnx::Model& model) {
    const auto text = onnx::Serialize(model);
    EXPECT_TRUE(text.ok());
    const fs::path path = folder_.path() / name;
    EXPECT_TRUE(WriteFile(path, *text, Existing::kReplace).ok());
    return path;
  }
  Result<ImportReport> Import(std::vector<fs::path> files) {
    options_.files = std::move(files);
    options_.output = Bundle();
    return importing::Import(options_, SilentLog());
  }
  std::string ImportError(std::vector<fs::path> files) {
    const auto report = Import(std::move(files));
    EXPECT_FALSE(fs::exists(Bundle()));
    return report.ok() ? "ok" : report.error().ToString();
  }
  fs::path Bundle() const { return folder_.path() / "bundle"; }
  Json Written(const std::string& name) const {
    auto json = ReadJsonFile(Bundle() / name);
    EXPECT_TRUE(json.ok());
    return json.ok() ? *json : Json();
  }

  TemporaryFolder folder_;
  ImportOptions options_;
};

// x [2, 32] -> OUTPUT [2, 32] through two weights of 4096 bytes.
onnx::Model TwoWeights(const std::string& input, const std::string& output, float first, float second) {
  onnx::Graph graph;
  graph.inputs = {Value(input, {2, 32})};
  graph.outputs = {Value(output, {2, 32})};
  graph.initializers = {Weight("w", Floats({32, 32}, first)), Weight("v", Floats({32, 32}, second)),
                        Weight("scale", Tensor::Scalar(0.5F))};
  graph.nodes = {MakeNode("MatMul", "m", {input, "w"}, {"1"}), MakeNode("Mul", "s", {"1", "scale"}, {"2"}),
                 MakeNode("MatMul", "n", {"2", "v"}, {output})};
  return ModelOf(std::move(graph));
}

TEST_F(ImportTest, WritesGraphsWeightsAndWhereTheyCameFrom) {
  const fs::path file = Save("net.onnx", TwoWeights("x", "y", 1, 2));
  const auto report = Import({file});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->weights, 2U);
  EXPECT_EQ(report->in_graphs, 1U);
  const Json weights = Written("weights.json");
  const std::string text = weights.dump();
  EXPECT_THAT(text, HasSubstr("net.onnx:w"));
  EXPECT_THAT(text, HasSubstr("\"copy\""));
  const bundle::Bundle& bundle = report->bundle;
  EXPECT_EQ(bundle.provenance.command, "import");
  ASSERT_EQ(bundle.provenance.sources.size(), 1U);
  EXPECT_EQ(bundle.provenance.sources[0].file, "net.onnx");
  EXPECT_EQ(bundle.provenance.sources[0].sha256, bundle::Describe(file)->sha256);
  EXPECT_EQ(bundle.provenance.assumptions.size(), report->assumptions.size());
  EXPECT_EQ(bundle.graphs.at("net").sha256, bundle::Describe(Bundle() / "net.onnx")->sha256);
  EXPECT_EQ(bundle.weights.bytes, 8192U);
  const auto records = bundle::ReadWeightRecords(bundle);
  ASSERT_TRUE(records.ok()) << records.error().ToString();
  for (const bundle::WeightRecord& record : *records) EXPECT_EQ(record.offset % 64, 0U);

  const auto model = onnx::ReadModel(Bundle() / "net.onnx");
  ASSERT_TRUE(model.ok());
  const Tensors inputs = {{"x", Floats({2, 32})}};
  ExpectSame(RunModel(TwoWeights("x", "y", 1, 2), inputs), RunModel(*model, inputs, Bundle()));
}

TEST_F(ImportTest, EqualWeightsAreStoredOnceWithinAGraph) {
  const fs::path file = Save("net.onnx", TwoWeights("x", "y", 1, 1));
  const auto report = Import({file});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->weights, 1U);
  EXPECT_EQ(report->shared, 1U);
  const auto records = bundle::ReadWeightRecords(report->bundle);
  ASSERT_TRUE(records.ok());
  EXPECT_THAT((*records)[0].sources, ElementsAre("net.onnx:w", "net.onnx:v"));
  const auto model = onnx::ReadModel(Bundle() / "net.onnx");
  ASSERT_TRUE(model.ok());
  const Tensors inputs = {{"x", Floats({2, 32})}};
  ExpectSame(RunModel(TwoWeights("x", "y", 1, 1), inputs), RunModel(*model, inputs, Bundle()));
}

TEST_F(ImportTest, OneNameIsOneWeightInAllGraphs) {
  const fs::path first = Save("a.onnx", TwoWeights("x", "z", 1, 2));
  const fs::path second = Save("b.onnx", TwoWeights("z", "y", 2, 3));  // its w is the first one's v, its v another
  const auto report = Import({first, second});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  const auto records = bundle::ReadWeightRecords(report->bundle);
  ASSERT_TRUE(records.ok());
  // b has a value called v of its own, so its w cannot bear that name and is stored again.
  std::map<std::string, std::string> sources;
  for (const bundle::WeightRecord& record : *records) sources[record.name] = record.sources[0];
  const std::map<std::string, std::string> expected = {
      {"w", "a.onnx:w"}, {"v", "a.onnx:v"}, {"b/w", "b.onnx:w"}, {"b/v", "b.onnx:v"}};
  EXPECT_EQ(sources, expected);
  const Tensors inputs = {{"z", Floats({2, 32})}};
  const auto model = onnx::ReadModel(Bundle() / "b.onnx");
  ASSERT_TRUE(model.ok());
  ExpectSame(RunModel(TwoWeights("z", "y", 2, 3), inputs), RunModel(*model, inputs, Bundle()));
}

TEST_F(ImportTest, EqualWeightsOfTwoFilesAreStoredOnce) {
  const fs::path first = Save("a.onnx", TwoWeights("x", "z", 1, 2));
  const fs::path second = Save("b.onnx", TwoWeights("z", "y", 1, 2));
  const auto report = Import({first, second});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->weights, 2U);
  EXPECT_EQ(report->bundle.weights.bytes, 8192U);
  const Tensors inputs = {{"z", Floats({2, 32})}};
  const auto model = onnx::ReadModel(Bundle() / "b.onnx");
  ASSERT_TRUE(model.ok());
  ExpectSame(RunModel(TwoWeights("z", "y", 1, 2), inputs), RunModel(*model, inputs, Bundle()));
}

TEST_F(ImportTest, SmallEqualWeightsStayApart) {
  onnx::Graph graph;
  graph.inputs = {Value("x", {2, 4})};
  graph.outputs = {Value("y", {2, 4})};
  graph.initializers = {Weight("b", Floats({4})), Weight("c", Floats({4}))};
  graph.nodes = {MakeNode("Add", "m", {"x", "b"}, {"1"}), MakeNode("Add", "n", {"1", "c"}, {"y"})};
  const auto report = Import({Save("net.onnx", ModelOf(std::move(graph)))});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->weights, 2U);
  EXPECT_EQ(report->shared, 0U);
}

TEST_F(ImportTest, WhatResizeReadsStaysInTheGraph) {
  onnx::Graph graph;
  graph.inputs = {Value("x", {1, 1, 2, 2})};
  graph.outputs = {Value("y", {1, 1, 4, 4})};
  graph.initializers = {Weight("scales", Floats({4}))};
  std::ranges::copy(std::vector<float>{1, 1, 2, 2},
                    std::get<Tensor>(graph.initializers[0].data).mutable_data<float>().begin());
  graph.nodes = {MakeNode("Resize", "r", {"x", "", "scales"}, {"y"})};
  const auto report = Import({Save("net.onnx", ModelOf(std::move(graph)))});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->weights, 0U);
}

TEST_F(ImportTest, EveryFileThatWasReadIsRecorded) {
  const auto report = Import({kFiles / "hand_external_two.onnx"});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  std::vector<std::string> files;
  for (const bundle::FileRecord& record : report->bundle.provenance.sources) files.push_back(record.file);
  EXPECT_THAT(files, ElementsAre("hand_external_two.onnx", "hand_external_two.onnx.data", "b.bin"));
}

TEST_F(ImportTest, TwoFilesOfOnePolicyRunAfterEachOther) {
  const auto report = Import({kFiles / "split_head_legacy_17.onnx", kFiles / "split_encoder_legacy_17.onnx"});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->policy.schedules.at("default")[0].graph, "split_encoder_legacy_17");
  EXPECT_THAT(report->policy.compare, ElementsAre("tokens"));
}

TEST_F(ImportTest, TheUsersPolicyIsTakenIfItFits) {
  const fs::path file = Save("net.onnx", TwoWeights("x", "y", 1, 2));
  const auto proposal = ProposeFor({file});
  ASSERT_TRUE(proposal.ok());
  options_.policy = proposal->policy;
  options_.policy_name = "mine.json";
  options_.policy->control.period_s = 0.25;
  options_.policy->graphs.at("net").inputs["nothing"] = "x";
  EXPECT_THAT(ImportError({file}), HasSubstr("mine.json: graphs.net.inputs.nothing"));
  options_.policy->graphs.at("net").inputs.erase("nothing");
  const auto report = Import({file});
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->policy.control.period_s, 0.25);
  EXPECT_TRUE(report->assumptions.empty());
}

TEST_F(ImportTest, WhatCannotBeImportedLeavesNothing) {
  EXPECT_THAT(ImportError({}), HasSubstr("no ONNX file"));
  EXPECT_THAT(ImportError({folder_.path() / "absent.onnx"}), HasSubstr("absent.onnx"));
  const fs::path file = Save("net.onnx", TwoWeights("x", "y", 1, 2));
  fs::create_directory(folder_.path() / "other");
  const fs::path twin = Save("other/net.onnx", TwoWeights("x", "y", 1, 2));
  EXPECT_THAT(ImportError({file, twin}), HasSubstr("would both become the graph 'net'"));
  ASSERT_TRUE(Import({file}).ok());
  const auto again = Import({file});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kUsage);
  EXPECT_THAT(again.error().ToString(), HasSubstr("already exists"));
}

TEST_F(ImportTest, AMissingWeightsFileIsNamed) {
  fs::copy(kFiles / "hand_external_two.onnx", folder_.path() / "net.onnx");
  EXPECT_THAT(ImportError({folder_.path() / "net.onnx"}), HasSubstr("hand_external_two.onnx.data is missing"));
}

}  // namespace
}  // namespace vlaq::importing

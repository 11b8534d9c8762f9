#include "bundle/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/hash.h"
#include "base/json.h"
#include "base/testing.h"

namespace vlaq::bundle {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

WeightRecord Weight(std::string name, uint64_t offset, Shape shape) {
  const uint64_t length = *ByteCount(DType::kF32, shape);
  return {std::move(name), DType::kF32, std::move(shape), offset, length, "copy", {"source"}, std::string(32, 'a')};
}

class BundleTest : public ::testing::Test {
 protected:
  // A bundle with stand-in files; nothing here looks inside them.
  Status Write(const fs::path& path, Existing existing, const std::vector<WeightRecord>& weights) {
    VLAQ_ASSIGN_OR_RETURN(Writer writer, Writer::Create(path, existing));
    Bundle bundle;
    bundle.spec.prompt_ids.assign(70, 5);
    bundle.spec.chunk = 10;
    bundle.config = R"({"a":1})";
    bundle.left_out = {{"lm_head", "tied"}};
    bundle.provenance = {"0.1",
                         "export",
                         {{"x.pth", 3, std::string(64, 'b')}},
                         {{"window", "8", "window is 8 frames"}},
                         "ema",
                         {{"config.json", 2, std::string(64, 'c')}}};
    for (const std::string_view role : {kWhole, kEncoder, kHead}) {
      const fs::path file = writer.folder() / FileName(role);
      VLAQ_RETURN_IF_ERROR(WriteFile(file, role, Existing::kRefuse));
      VLAQ_ASSIGN_OR_RETURN(bundle.graphs[std::string(role)], Describe(file));
    }
    VLAQ_RETURN_IF_ERROR(WriteFile(writer.folder() / kWeightsFile, std::string(100, 'w'), Existing::kRefuse));
    VLAQ_ASSIGN_OR_RETURN(bundle.weights, Describe(writer.folder() / kWeightsFile));
    return writer.Commit(bundle, weights);
  }
  static std::string FileName(std::string_view role) { return std::string(role) + ".onnx"; }

  fs::path path() const { return folder_.path() / "b"; }

 private:
  TemporaryFolder folder_;
};

TEST_F(BundleTest, SurvivesTheRoundTrip) {
  ASSERT_TRUE(Write(path(), Existing::kRefuse, {Weight("a", 0, {4}), Weight("b", 64, {3, 3})}).ok());
  EXPECT_TRUE(IsBundle(path()));
  const auto bundle = Open(path());
  ASSERT_TRUE(bundle.ok()) << bundle.error().ToString();
  EXPECT_EQ(bundle->spec.chunk, 10);
  EXPECT_EQ(bundle->config, R"({"a":1})");
  EXPECT_EQ(bundle->left_out.at("lm_head"), "tied");
  EXPECT_EQ(bundle->provenance.sources[0].file, "x.pth");
  ASSERT_EQ(bundle->provenance.assumptions.size(), 1U);
  EXPECT_EQ(bundle->provenance.assumptions[0].setting, "window");
  EXPECT_EQ(bundle->provenance.assumptions[0].value, "8");
  EXPECT_EQ(bundle->provenance.assumptions[0].text, "window is 8 frames");
  EXPECT_EQ(bundle->provenance.state_dict, "ema");
  ASSERT_EQ(bundle->provenance.found.size(), 1U);
  EXPECT_EQ(bundle->provenance.found[0].file, "config.json");
  EXPECT_EQ(bundle->GraphPath(kHead), path() / "head.onnx");
  const auto weights = ReadWeightRecords(*bundle);
  ASSERT_TRUE(weights.ok()) << weights.error().ToString();
  ASSERT_EQ(weights->size(), 2U);
  EXPECT_EQ((*weights)[1].shape, (Shape{3, 3}));
  EXPECT_TRUE(CheckHashes(*bundle).empty());
}

// Older versions wrote the texts alone, and no files that were found.
TEST_F(BundleTest, ReadsAssumptionsThatArePlainTexts) {
  ASSERT_TRUE(Write(path(), Existing::kRefuse, {}).ok());
  auto json = *ReadJsonFile(path() / kPolicyFile);
  json["provenance"]["assumptions"] = {"window is 8 frames"};
  json["provenance"].erase("found");
  ASSERT_TRUE(WriteFile(path() / kPolicyFile, json.dump(), Existing::kReplace).ok());
  const auto bundle = Open(path());
  ASSERT_TRUE(bundle.ok()) << bundle.error().ToString();
  ASSERT_EQ(bundle->provenance.assumptions.size(), 1U);
  EXPECT_EQ(bundle->provenance.assumptions[0].setting, "");
  EXPECT_EQ(bundle->provenance.assumptions[0].text, "window is 8 frames");
}

TEST_F(BundleTest, NoticesForeignFiles) {
  ASSERT_TRUE(Write(path(), Existing::kRefuse, {}).ok());
  {
    std::ofstream file(path() / kWeightsFile);
    file << std::string(100, 'x');  // same size, other content
  }
  const auto bundle = Open(path());
  ASSERT_TRUE(bundle.ok());
  const auto mismatches = CheckHashes(*bundle);
  ASSERT_EQ(mismatches.size(), 1U);
  EXPECT_EQ(mismatches[0].file, kWeightsFile);
  fs::resize_file(path() / kWeightsFile, 99);
  EXPECT_THAT(Open(path()).error().ToString(), HasSubstr("has 99 bytes"));
  fs::remove(path() / kWeightsFile);
  EXPECT_THAT(Open(path()).error().ToString(), HasSubstr("missing"));
  const auto unchecked = Open(path(), Presence::kUnchecked);
  ASSERT_TRUE(unchecked.ok());
  EXPECT_EQ(CheckHashes(*unchecked)[0].actual, "");
}

TEST_F(BundleTest, RefusesRangesOutsideTheWeights) {
  ASSERT_TRUE(Write(path(), Existing::kRefuse, {Weight("a", 64, {10})}).ok());
  EXPECT_THAT(ReadWeightRecords(*Open(path())).error().ToString(), HasSubstr("weight 'a'"));
  ASSERT_TRUE(Write(path(), Existing::kReplace, {Weight("a", 0, {10}), Weight("b", 16, {4})}).ok());
  EXPECT_THAT(ReadWeightRecords(*Open(path())).error().ToString(), HasSubstr("weight 'b'"));
}

TEST_F(BundleTest, NeverReplacesWhatItDidNotWrite) {
  ASSERT_TRUE(fs::create_directory(path()));
  ASSERT_TRUE(WriteFile(path() / "precious", "x", Existing::kRefuse).ok());
  EXPECT_EQ(Write(path(), Existing::kReplace, {}).error().code, ErrorCode::kUsage);
  EXPECT_TRUE(fs::exists(path() / "precious"));
  EXPECT_THAT(Open(path()).error().ToString(), HasSubstr("policy.json"));
}

TEST_F(BundleTest, FileNamesStayInTheFolder) {
  ASSERT_TRUE(Write(path(), Existing::kRefuse, {}).ok());
  std::ifstream in(path() / kPolicyFile);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.replace(text.find("head.onnx"), 9, "../h.onnx");
  ASSERT_TRUE(WriteFile(path() / kPolicyFile, text, Existing::kReplace).ok());
  EXPECT_THAT(Open(path()).error().ToString(), HasSubstr("plain name"));
}

}  // namespace
}  // namespace vlaq::bundle

#include "bundle/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "base/hash.h"
#include "base/json.h"
#include "base/testing.h"
#include "bundle/testing.h"
#include "policy/testing.h"

namespace vlaq::bundle {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::EditManifest;
using testing::EditSettings;
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
    VLAQ_ASSIGN_OR_RETURN(
        bundle.policy, testing::PolicyOfSettings({{"prompt_ids", std::vector<int64_t>(70, 5)}, {"chunk", 10}}, true));
    bundle.config = R"({"a":1})";
    bundle.left_out = {{"lm_head", "tied"}};
    bundle.provenance = {"0.1",
                         "export",
                         {{"x.pth", 3, std::string(64, 'b')}},
                         {{"window", "8", "window is 8 frames"}},
                         "ema",
                         {{"config.json", 2, std::string(64, 'c')}}};
    for (const auto& [role, graph] : bundle.policy.graphs) {
      const fs::path file = writer.folder() / FileName(role);
      VLAQ_RETURN_IF_ERROR(WriteFile(file, role, Existing::kRefuse));
      VLAQ_ASSIGN_OR_RETURN(bundle.graphs[role], Describe(file));
    }
    VLAQ_RETURN_IF_ERROR(WriteFile(writer.folder() / kWeightsFile, std::string(100, 'w'), Existing::kRefuse));
    VLAQ_ASSIGN_OR_RETURN(bundle.weights, Describe(writer.folder() / kWeightsFile));
    return writer.Commit(bundle, weights);
  }
  // A bundle of another family: the policy that has everything, no weights of its own, no configuration.
  Status WriteForeign(const std::function<void(Bundle&)>& change = [](Bundle&) {}) {
    VLAQ_ASSIGN_OR_RETURN(Writer writer, Writer::Create(path(), Existing::kReplace));
    Bundle bundle;
    bundle.policy = policy::testing::FullPolicy();
    bundle.provenance = {"0.1", "import", {{"x.onnx", 3, std::string(64, 'b')}}, {}};
    for (const auto& [name, graph] : bundle.policy.graphs) {
      const fs::path file = writer.folder() / FileName(name);
      VLAQ_RETURN_IF_ERROR(WriteFile(file, name, Existing::kRefuse));
      VLAQ_ASSIGN_OR_RETURN(bundle.graphs[name], Describe(file));
    }
    change(bundle);
    return writer.Commit(bundle, {});
  }
  std::string Refused() const {
    const auto opened = Open(path());
    return opened.ok() ? "ok" : opened.error().ToString();
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
  EXPECT_EQ(bundle->policy.outputs[0].shape, (Shape{10, 2}));
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
  EXPECT_EQ(bundle->GraphPath("head"), path() / "head.onnx");
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

TEST_F(BundleTest, HoldsThePolicyAsData) {
  ASSERT_TRUE(Write(path(), Existing::kRefuse, {}).ok());
  const Json json = *ReadJsonFile(path() / kPolicyFile);
  EXPECT_EQ(json["schema"], "vlaq.policy/2");
  EXPECT_EQ(json["family"], "kosmos2_lstm");
  EXPECT_EQ(json["outputs"]["action"]["shape"], Json({10, 2}));
  EXPECT_EQ(json["settings"]["chunk"], 10);
  EXPECT_FALSE(json.contains("chunk")) << "said once";
  EXPECT_EQ(json["graphs"]["head"]["file"], "head.onnx");
  EXPECT_EQ(json["graphs"]["head"]["bytes"], 4);
  EXPECT_EQ(json["graphs"]["head"]["inputs"]["features"], "features");
  const auto bundle = Open(path());
  ASSERT_TRUE(bundle.ok()) << bundle.error().ToString();
  EXPECT_EQ(bundle->policy.family, "kosmos2_lstm");
  EXPECT_EQ(bundle->policy.graphs.at("head").file, "head.onnx");
  EXPECT_EQ(*ParseJson(bundle->policy.settings, "settings"), json["settings"]);
}

TEST_F(BundleTest, APolicyOfAnotherFamilyNeedsNoneOfTheFirstOnesFiles) {
  const Status written = WriteForeign();
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  EXPECT_TRUE(IsBundle(path()));
  const auto bundle = Open(path());
  ASSERT_TRUE(bundle.ok()) << bundle.error().ToString();
  policy::Policy expected = policy::testing::FullPolicy();
  EXPECT_EQ(policy::PolicyToJson(bundle->policy), policy::PolicyToJson(expected));
  EXPECT_EQ(bundle->config, "");
  EXPECT_EQ(bundle->weights.file, "");
  EXPECT_EQ(bundle->GraphPath("denoiser"), path() / "denoiser.onnx");
  EXPECT_TRUE(CheckHashes(*bundle).empty());
  const auto weights = ReadWeightRecords(*bundle);
  ASSERT_TRUE(weights.ok()) << weights.error().ToString();
  EXPECT_TRUE(weights->empty());
  EXPECT_TRUE(CheckPlace(path(), Existing::kReplace).ok()) << "--force knows its files";
  fs::remove(path() / "denoiser.onnx");
  EXPECT_THAT(Refused(), HasSubstr("denoiser.onnx: is named in policy.json but missing"));
}

// Files are where the writer put them, whatever the policy called them before.
TEST_F(BundleTest, GraphsAreTheFilesThatWereWritten) {
  ASSERT_TRUE(WriteForeign([](Bundle& b) { b.policy.graphs["head"].file = "elsewhere.onnx"; }).ok());
  EXPECT_EQ(Open(path())->policy.graphs.at("head").file, "head.onnx");
}

TEST_F(BundleTest, ABadPolicyIsNotWritten) {
  const auto error = [&](const std::function<void(Bundle&)>& change) {
    const Status written = WriteForeign(change);
    EXPECT_FALSE(fs::exists(path()));
    return written.ok() ? "ok" : written.error().ToString();
  };
  EXPECT_THAT(error([](Bundle& b) { b.policy.schedules["streaming"].pop_back(); }),
              HasSubstr("policy.json: schedules.streaming does not make the output"));
  EXPECT_THAT(error([](Bundle& b) { b.graphs.erase("head"); }), HasSubstr("no file is given for the graph 'head'"));
  EXPECT_THAT(error([](Bundle& b) { b.graphs["more"] = b.graphs["head"]; }),
              HasSubstr("'more' is no graph of the policy"));
  EXPECT_THAT(error([](Bundle& b) { b.policy = {}; }), HasSubstr("policy.json")) << "a maker that forgot the policy";
  ASSERT_TRUE(Write(path(), Existing::kRefuse, {}).ok());
  Bundle stale = *Open(path());
  stale.policy.outputs[0].unnormalize.a = {7};
  auto writer = Writer::Create(path(), Existing::kReplace);
  ASSERT_TRUE(writer.ok());
  EXPECT_THAT(writer->Commit(stale, {}).error().ToString(),
              HasSubstr("outputs.action.unnormalize.scale[0] is 7.0, but by the settings"));
}

TEST_F(BundleTest, ManifestsThatCannotBeAreRefused) {
  const auto after = [&](const std::function<void(Json&)>& edit) {
    fs::remove_all(path());
    EXPECT_TRUE(WriteForeign().ok());
    EditManifest(path(), edit);
    return Refused();
  };
  EXPECT_THAT(
      after([](Json& j) { j["schema"] = "vlaq.policy/9"; }),
      AllOf(HasSubstr("schema is \"vlaq.policy/9\", not \"vlaq.policy/2\""), HasSubstr("another version of vlaq")));
  EXPECT_THAT(after([](Json& j) {
                j["schedules"]["streaming"][1] = {{"run", "encodr"}};
              }),
              HasSubstr("policy.json: schedules.streaming[1] runs \"encodr\", which is no graph; did you mean"));
  EXPECT_THAT(after([](Json& j) { j["outputs"].erase("action"); }), HasSubstr("policy.json: "));
  EXPECT_THAT(after([](Json& j) { j["graphs"]["head"].erase("sha256"); }), HasSubstr("graphs.head.sha256 is missing"));
  EXPECT_THAT(after([](Json& j) { j["weights"] = 3; }), HasSubstr("policy.json: weights must be an object"));
}

TEST_F(BundleTest, SettingsAndPolicyMustSayTheSame) {
  ASSERT_TRUE(Write(path(), Existing::kRefuse, {}).ok());
  EditManifest(path(), [](Json& j) { j["settings"]["action_scale"] = 3; });
  EXPECT_THAT(Refused(), HasSubstr("policy.json: outputs.action.unnormalize.scale[0] is 1.0, but by the settings 3.0"));
  EditManifest(path(), [](Json& j) { j["outputs"]["action"]["unnormalize"]["scale"] = {3}; });
  EXPECT_EQ(Refused(), "ok");
  EditSettings(path(), [](Json& settings) { settings["window"] = 3; });
  ASSERT_EQ(Refused(), "ok");
  EXPECT_EQ(Open(path())->policy.schedules.at("streaming")[1].length, 3);
  EditManifest(path(), [](Json& j) { j["settings"]["window"] = "3"; });
  EXPECT_THAT(Refused(), HasSubstr("policy.json: settings: window must be an integer"));
  EditManifest(path(), [](Json& j) { j["settings"]["window"] = 0; });
  EXPECT_THAT(Refused(), HasSubstr("window must be 1 to"));
}

// What vlaq wrote before policies were data. testdata/bundles/make_schema1.py
TEST(BundleSchema1, Opens) {
  size_t opened = 0;
  for (const auto& entry : fs::directory_iterator(VLAQ_TESTDATA "/bundles/schema1")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("checkpoint")) continue;
    SCOPED_TRACE(name);
    EXPECT_TRUE(IsBundle(entry.path()));
    EXPECT_EQ((*ReadJsonFile(entry.path() / kPolicyFile))["schema"], "vlaq.bundle/1");
    const auto bundle = Open(entry.path());
    ASSERT_TRUE(bundle.ok()) << bundle.error().ToString();
    ++opened;
    EXPECT_TRUE(CheckHashes(*bundle).empty());
    EXPECT_TRUE(ReadWeightRecords(*bundle).ok());
    const Status valid = policy::Validate(bundle->policy, name);
    EXPECT_TRUE(valid.ok()) << valid.error().ToString();
    EXPECT_TRUE(families::FindOrNull("kosmos2_lstm")->Check(bundle->policy, name).ok());
    EXPECT_EQ(bundle->policy.graphs.at("encoder").file, "encoder.onnx");
    EXPECT_EQ(bundle->policy.graphs.at("whole").file, "mae0222_model_cpu.onnx");
    EXPECT_EQ(bundle->policy.FindInput("task") != nullptr, name == "text");
    EXPECT_EQ(bundle->policy.FindOutput("action")->unnormalize.a, std::vector<double>{2});
    EXPECT_EQ(bundle->policy.control.period_s, 0.25);
    EXPECT_EQ(bundle->target.empty(), name.find('-') == std::string::npos || name.starts_with("bf16"))
        << bundle->target;
    EXPECT_FALSE(bundle->policy.compare.empty());
  }
  EXPECT_EQ(opened, 12U);
}

// A bundle of either schema, written anew, is of this one and the same policy.
TEST(BundleSchema1, IsWrittenAsTheNewSchema) {
  const TemporaryFolder folder;
  const fs::path old = VLAQ_TESTDATA "/bundles/schema1/text";
  const Bundle first = *Open(old);
  auto writer = Writer::Create(folder.path() / "b", Existing::kRefuse);
  ASSERT_TRUE(writer.ok());
  for (const auto& [role, file] : first.graphs) fs::copy(old / file.file, writer->folder() / file.file);
  fs::copy(first.WeightsPath(), writer->folder() / kWeightsFile);
  const Status written = writer->Commit(first, *ReadWeightRecords(first));
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  EXPECT_EQ((*ReadJsonFile(folder.path() / "b" / kPolicyFile))["schema"], "vlaq.policy/2");
  const auto second = Open(folder.path() / "b");
  ASSERT_TRUE(second.ok()) << second.error().ToString();
  EXPECT_EQ(policy::PolicyToJson(second->policy), policy::PolicyToJson(first.policy));
  EXPECT_EQ(second->config, first.config);
  EXPECT_EQ(second->stages, first.stages);
  EXPECT_EQ(second->provenance.assumptions.size(), first.provenance.assumptions.size());
}

}  // namespace
}  // namespace vlaq::bundle

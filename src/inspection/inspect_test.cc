#include "inspection/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/testing.h"
#include "export/testing.h"
#include "families/kosmos2_lstm/testing.h"

namespace vlaq::inspection {
namespace {
namespace fs = std::filesystem;

using kosmos2_lstm::testing::RandomTensor;
using kosmos2_lstm::testing::TinyPolicy;
using ::testing::AllOf;
using ::testing::HasSubstr;

class CollectingLog : public Log {
 public:
  void Warning(std::string_view text) override { warnings.emplace_back(text); }
  void Note(std::string_view) override {}
  void Progress(std::string_view, uint64_t, uint64_t) override {}
  std::vector<std::string> warnings;
};

class InspectTest : public ::testing::Test {
 protected:
  Json Look(const fs::path& path, const InspectOptions& options = {}) {
    const auto document = Inspect(path, options, log_);
    EXPECT_TRUE(document.ok()) << document.error().ToString();
    return document.ok() ? *document : Json();
  }

  TemporaryFolder folder_;
  TinyPolicy policy_;
  CollectingLog log_;
};

TEST_F(InspectTest, AKnownCheckpoint) {
  const Json json = Look(policy_.Save(folder_.path()));
  EXPECT_EQ(json["schema"], "vlaq.inspect/1");
  EXPECT_EQ(json["kind"], "checkpoint");
  EXPECT_EQ(json["format"], "safetensors");
  EXPECT_EQ(json["architecture"], "kosmos2_lstm");
  EXPECT_EQ(json["variant"], "simple LSTM");
  EXPECT_EQ(json["tensors"], policy_.tensors.size());
  int64_t parameters = 0;
  for (const auto& [name, tensor] : policy_.tensors) parameters += tensor.size();
  EXPECT_EQ(json["parameters"], parameters);
  EXPECT_EQ(json["bytes"], 4 * parameters);
  EXPECT_EQ(json["lstm"], Json::parse(R"({"layers":2,"input":12,"hidden":6})"));
  EXPECT_EQ(json["mlp"], Json::parse("[7]"));
  // The parts add up to the whole.
  int64_t tensors = 0;
  std::vector<std::string> names;
  for (const Json& part : json["parts"]) {
    tensors += part["tensors"].get<int64_t>();
    parameters -= part["parameters"].get<int64_t>();
    names.push_back(part["name"]);
  }
  EXPECT_EQ(tensors, json["tensors"]);
  EXPECT_EQ(parameters, 0);
  EXPECT_THAT(names, ::testing::ElementsAre("vision", "projection", "text", "lstm", "mlp"));
  EXPECT_FALSE(json.contains("tensor_list"));
  EXPECT_TRUE(log_.warnings.empty());
}

TEST_F(InspectTest, WhatHasNoPlaceIsListed) {
  policy_ = TinyPolicy(true);
  policy_.tensors["model.backbone.text_model.lm_head.weight"] = RandomTensor({30, 12}, 1, 1);
  policy_.tensors["fusion.weight"] = RandomTensor({3, 2}, 1, 1);
  const Json json = Look(policy_.Save(folder_.path()));
  EXPECT_EQ(json["variant"], "RoboVLMs");
  EXPECT_EQ(json["unknown_tensors"], Json::parse(R"(["fusion.weight"])"));
  std::map<std::string, int64_t> parts;
  for (const Json& part : json["parts"]) parts[part["name"]] = part["parameters"];
  EXPECT_EQ(parts["unknown"], 6);
  EXPECT_EQ(parts["not needed"], 360);
  EXPECT_EQ(parts["action token"], 12);
}

TEST_F(InspectTest, TensorsAndHashes) {
  const fs::path path = policy_.Save(folder_.path());
  const Json json = Look(path, {.tensors = true, .hash = true});
  EXPECT_EQ(json["tensor_list"].size(), policy_.tensors.size());
  const auto file = MappedFile::Open(path);
  EXPECT_EQ(json["files"][0]["sha256"], Sha256Hex((*file)->bytes()));
  for (const Json& tensor : json["tensor_list"]) {  // the offsets are where the bytes really are
    const Tensor& expected = policy_.tensors.at(tensor["name"]);
    const Bytes bytes = (*file)->bytes().subspan(tensor["file_offset"], tensor["bytes"]);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), expected.bytes().begin(), expected.bytes().end()));
  }
}

TEST_F(InspectTest, AnUnknownCheckpointIsDescribed) {
  kosmos2_lstm::testing::WriteSafetensors(folder_.path() / "x.safetensors", {{"encoder.a", RandomTensor({2, 3}, 1, 1)},
                                                                             {"encoder.b", RandomTensor({4}, 1, 1)},
                                                                             {"c", RandomTensor({1}, 1, 1)}});
  const Json json = Look(folder_.path() / "x.safetensors");
  EXPECT_EQ(json["architecture"], "unknown");
  EXPECT_THAT(json["reason"].get<std::string>(), HasSubstr("embed_tokens"));
  EXPECT_EQ(json["parts"][1]["name"], "encoder");
  EXPECT_EQ(json["parts"][1]["parameters"], 10);
}

TEST_F(InspectTest, AnIncompletePolicyIsDescribedWithAWarning) {
  policy_.tensors.erase("kosmos_model.text_model.model.layer_norm.weight");
  const Json json = Look(policy_.Save(folder_.path()));
  EXPECT_EQ(json["architecture"], "unknown");
  EXPECT_THAT(json["reason"].get<std::string>(), HasSubstr("layer_norm.weight"));
  EXPECT_THAT(log_.warnings, ::testing::ElementsAre(HasSubstr("looks like kosmos2_lstm")));
}

TEST_F(InspectTest, PytorchsOwnFile) {
  const Json json = Look(fs::path(VLAQ_TESTDATA) / "golden" / "action_token" / "checkpoint.pth");
  EXPECT_EQ(json["format"], "pth");
  EXPECT_EQ(json["container"], "state_dict");
  EXPECT_EQ(json["variant"], "RoboVLMs");
  EXPECT_EQ(json["action_token"], true);
  // The tied head counts once among the distinct ones, and LSTM tensors are views of one storage.
  EXPECT_EQ(json["parameters"].get<int64_t>() - json["distinct_parameters"].get<int64_t>(), 90 * 24);
  std::map<std::string, size_t> shared;
  for (const Json& row : json["shared"]) shared[row["kind"]] = row["tensors"].size();
  EXPECT_EQ(shared, (std::map<std::string, size_t>{{"tied", 2}, {"views", 8}}));
  EXPECT_EQ(json["extras"]["epoch"], "3");
}

TEST_F(InspectTest, ABundleAndItsGraphs) {
  const auto exported = exporting::testing::ExportTiny(folder_.path(), policy_);
  ASSERT_TRUE(exported.ok()) << exported.error().ToString();
  const fs::path bundle = exported->path;
  const Json json = Look(bundle, {.tensors = false, .hash = true});
  EXPECT_EQ(json["kind"], "bundle");
  EXPECT_EQ(json["policy"]["window"], 3);
  EXPECT_EQ(json["graphs"].size(), 3U);
  EXPECT_EQ(json["graphs"]["encoder"]["inputs"][1]["name"], "input_ids");
  EXPECT_EQ(json["graphs"]["encoder"]["inputs"][1]["shape"], Json::parse(R"(["batch","tokens"])"));
  EXPECT_EQ(json["graphs"]["head"]["operators"]["LSTM"], 2);
  EXPECT_TRUE(json["hash_mismatches"].empty());

  const Json graph = Look(bundle / "encoder.onnx", {.tensors = true, .hash = true});
  EXPECT_EQ(graph["kind"], "onnx");
  EXPECT_EQ(graph["ir_version"], 8);
  EXPECT_EQ(graph["opsets"], Json::parse(R"({"ai.onnx":17})"));
  EXPECT_EQ(graph["external"][0]["file"], "weights.bin");
  EXPECT_EQ(graph["external"][0]["bytes"], fs::file_size(bundle / "weights.bin"));
  EXPECT_EQ(graph["nodes"], json["graphs"]["encoder"]["nodes"]);
  EXPECT_EQ(graph["tensor_list"].size(), graph["tensors"]);

  kosmos2_lstm::testing::WriteText(bundle / "weights.bin",
                                   std::string(static_cast<size_t>(fs::file_size(bundle / "weights.bin")), 'x'));
  EXPECT_EQ(Look(bundle, {.tensors = false, .hash = true})["hash_mismatches"][0]["file"], "weights.bin");
}

TEST_F(InspectTest, WhatIsNothingOfTheKind) {
  EXPECT_THAT(Inspect(folder_.path() / "nothing", {}, log_).error().ToString(), HasSubstr("does not exist"));
  EXPECT_THAT(Inspect(folder_.path(), {}, log_).error().ToString(),
              AllOf(HasSubstr("neither a bundle"), HasSubstr("policy.json")));
  kosmos2_lstm::testing::WriteText(folder_.path() / "x.onnx", "\xff\xff");
  EXPECT_EQ(Inspect(folder_.path() / "x.onnx", {}, log_).error().code, ErrorCode::kInput);
}

TEST_F(InspectTest, ARecording) {
  const fs::path path = fs::path(VLAQ_TESTDATA) / "mcap" / "small.mcap";
  const Json json = Look(path, {.hash = true});
  EXPECT_EQ(json["kind"], "recording");
  EXPECT_EQ(json["profile"], "p");
  EXPECT_EQ(json["from_summary"], true);
  EXPECT_EQ(json["topics"],
            Json::parse(R"([{"topic": "/a", "type": "S", "schema_encoding": "e", "message_encoding": "m",
                                             "messages": 1, "rate_hz": null}])"));
  const auto file = MappedFile::Open(path);
  EXPECT_EQ(json["files"][0]["sha256"], Sha256Hex((*file)->bytes()));
  EXPECT_TRUE(json["damage"].empty());
  const Json plain = Look(fs::path(VLAQ_TESTDATA) / "mcap" / "plain.mcap");
  EXPECT_EQ(plain["from_summary"], false);
  EXPECT_EQ(plain["duration_s"], 50 / 1e9);
  EXPECT_DOUBLE_EQ(plain["topics"][0]["rate_hz"].get<double>(), 1 / (50 / 1e9));
  const auto refused = Inspect(path, {.tensors = true}, log_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
}

TEST_F(InspectTest, ARecordingThatWasCutOffIsDescribedWithAWarning) {
  const fs::path path = folder_.path() / "cut";  // its content decides
  fs::copy_file(fs::path(VLAQ_TESTDATA) / "mcap" / "small.mcap", path);
  fs::resize_file(path, 300);
  const Json json = Look(path);
  EXPECT_EQ(json["messages"], 1);
  EXPECT_EQ(json["damage"].size(), 1U);
  EXPECT_THAT(log_.warnings, ::testing::ElementsAre(HasSubstr("the end of the file is missing")));
}

}  // namespace
}  // namespace vlaq::inspection

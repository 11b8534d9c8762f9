#include "export/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "base/background_hash.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/shared_library.h"
#include "base/testing.h"
#include "families/kosmos2_lstm/testing.h"
#include "onnx/model_file.h"

namespace vlaq::exporting {
namespace {
namespace fs = std::filesystem;

using kosmos2_lstm::testing::TinyPolicy;
using kosmos2_lstm::testing::WriteText;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CollectingLog : public Log {
 public:
  void Warning(std::string_view text) override { warnings.emplace_back(text); }
  void Note(std::string_view) override {}
  void Progress(std::string_view, uint64_t done, uint64_t total) override {
    EXPECT_LE(done, total);
    last_done = done;
  }
  std::vector<std::string> warnings;
  uint64_t last_done = 0;
};

std::string Content(const fs::path& path) {
  const auto file = MappedFile::Open(path);
  return file.ok() ? std::string(AsText((*file)->bytes())) : "";
}

Json SettingsOf(const ExportReport& report) { return *ParseJson(report.bundle.policy.settings, "settings"); }

class ExportTest : public ::testing::Test {
 protected:
  Result<ExportReport> Export() {
    policy_.Save(folder_.path());
    if (options_.checkpoint.empty()) options_.checkpoint = folder_.path() / "model.safetensors";
    if (options_.output.empty()) options_.output = Out();
    for (const std::string& name : absent_) fs::remove(folder_.path() / name);
    return exporting::Export(options_, log_);
  }
  fs::path Out() const { return folder_.path() / "out" / "bundle"; }
  // What lies beside and at the output.
  std::vector<std::string> Left() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / "out")) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  void SetUp() override { fs::create_directories(folder_.path() / "out"); }

  TemporaryFolder folder_;
  TinyPolicy policy_;
  ExportOptions options_;
  CollectingLog log_;
  std::vector<std::string> absent_;  // of what lies beside the checkpoint
};

TEST_F(ExportTest, WritesABundleThatIsWhatItSays) {
  const auto report = Export();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_THAT(Left(), UnorderedElementsAre("bundle", "policy.json", "weights.json", "weights.bin", "encoder.onnx",
                                           "head.onnx", "mae0222_model_cpu.onnx"));
  const auto bundle = bundle::Open(Out());
  ASSERT_TRUE(bundle.ok()) << bundle.error().ToString();
  EXPECT_THAT(bundle::CheckHashes(*bundle), IsEmpty());
  EXPECT_EQ(bundle->provenance.command, "export");
  ASSERT_EQ(bundle->provenance.sources.size(), 1U);
  EXPECT_EQ(bundle->provenance.sources[0].file, "model.safetensors");
  EXPECT_EQ(bundle->provenance.sources[0].sha256, Sha256Hex(AsBytes(Content(folder_.path() / "model.safetensors"))));
  EXPECT_EQ(report->account.tensors, static_cast<int64_t>(policy_.tensors.size()));
  EXPECT_EQ(log_.last_done, bundle->weights.bytes);

  const auto records = bundle::ReadWeightRecords(*bundle);
  ASSERT_TRUE(records.ok()) << records.error().ToString();
  EXPECT_EQ(static_cast<int64_t>(records->size()), report->account.weights);
  const std::string weights = Content(bundle->WeightsPath());
  for (const bundle::WeightRecord& record : *records) {
    EXPECT_EQ(record.offset % 64, 0U);
    EXPECT_EQ(Xxh3Hex(AsBytes(weights).subspan(record.offset, record.length)), record.xxh3) << record.name;
  }
  for (const std::string_view role :
       {std::string_view("whole"), std::string_view("encoder"), std::string_view("head")}) {
    EXPECT_TRUE(onnx::CheckModelFile(bundle->GraphPath(role)).ok());
  }
}

TEST_F(ExportTest, TheSameBytesEveryTime) {
  ASSERT_TRUE(Export().ok());
  options_.output = folder_.path() / "again";
  ASSERT_TRUE(Export().ok());
  for (const auto& entry : fs::directory_iterator(Out())) {
    EXPECT_EQ(Content(entry.path()), Content(folder_.path() / "again" / entry.path().filename())) << entry.path();
  }
}

TEST_F(ExportTest, AnExistingBundleIsReplacedOnlyWhenAsked) {
  ASSERT_TRUE(Export().ok());
  const std::string before = Content(Out() / "weights.bin");
  policy_ = TinyPolicy(false, policy_.structure, 5);
  const auto refused = Export();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().ToString(), HasSubstr(Out().string()));
  EXPECT_EQ(Content(Out() / "weights.bin"), before);
  options_.existing = Existing::kReplace;
  ASSERT_TRUE(Export().ok());
  EXPECT_NE(Content(Out() / "weights.bin"), before);
  EXPECT_EQ(Left().size(), 7U);
}

TEST_F(ExportTest, ForceNeverRemovesWhatIsNoBundle) {
  fs::create_directories(Out());
  WriteText(Out() / "thesis.tex", "years of work");
  options_.existing = Existing::kReplace;
  const auto refused = Export();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(Left(), UnorderedElementsAre("bundle", "thesis.tex"));
}

TEST_F(ExportTest, AnErrorMidwayLeavesNothing) {
  // The last matrix that is written does not fit float16: everything before it is on disk by then.
  Tensor& last = policy_.tensors.at("actions.mlp.2.weight");
  last = Tensor::From<float>(last.shape(), last.data<float>());
  last.mutable_data<float>()[0] = 1e6F;
  options_.build.precision = families::StoredPrecision::kFp16;
  const auto refused = Export();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInput);
  EXPECT_THAT(refused.error().ToString(), AllOf(HasSubstr("model.safetensors"), HasSubstr("'actions.mlp.2.weight'")));
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(ExportTest, AnErrorMidwayKeepsTheOldBundle) {
  ASSERT_TRUE(Export().ok());
  const std::string before = Content(Out() / "policy.json");
  options_.existing = Existing::kReplace;
  options_.settings.tokenizer = folder_.path() / "missing.model";
  EXPECT_FALSE(Export().ok());
  EXPECT_EQ(Content(Out() / "policy.json"), before);
  EXPECT_EQ(Left().size(), 7U);
}

TEST_F(ExportTest, ThePromptIsAskedForWhereItIsNotKnown) {
  absent_ = {"policy.json"};
  const auto refused = Export();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().ToString(), AllOf(HasSubstr("--prompt-ids"), HasSubstr("--instruction")));
  EXPECT_THAT(Left(), IsEmpty());
  options_.settings.task = "go";
  EXPECT_THAT(Export().error().ToString(), HasSubstr("--tokenizer"));
}

TEST_F(ExportTest, PromptIdsWinOverPolicyJson) {
  options_.settings.ids = {0, 20, 4, 5, 6, 7, 8, 21, 29};
  const auto report = Export();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(SettingsOf(*report)["prompt_ids"], Json(*options_.settings.ids));
  options_.settings.ids = {0, 20, 4, 5, 6, 7, 8, 21, 30};
  options_.existing = Existing::kReplace;
  EXPECT_THAT(Export().error().ToString(), HasSubstr("prompt id 30 is outside the vocabulary of 30"));
}

TEST_F(ExportTest, TheForksPromptIsPadded) {
  policy_ = TinyPolicy(true);
  policy_.policy["prompt_layout"] = "fork_fallback";
  policy_.policy["prompt_ids"] = {0, 25, 2};
  const auto report = Export();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(SettingsOf(*report)["prompt_ids"], Json({0, 25, 2, 0, 0}));
  EXPECT_EQ(SettingsOf(*report)["attention_mask"], Json({1, 1, 1, 0, 0}));
}

TEST_F(ExportTest, WarningsAreSaid) {
  options_.settings.set["feature_source"] = "first_token";
  const auto report = Export();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_THAT(report->warnings, Contains(HasSubstr("first_token")));
  EXPECT_EQ(log_.warnings, report->warnings);
}

TEST(BackgroundSha256, EqualsTheOtherWay) {
  Random random(3);
  for (const size_t pieces : {size_t{0}, size_t{1}, size_t{100}}) {
    BackgroundSha256 background;
    std::string all;
    for (size_t i = 0; i < pieces; ++i) {
      std::string piece(random.Below(5000), '\0');
      for (char& c : piece) c = static_cast<char>(random.Below(256));
      background.Update(AsBytes(piece));
      all += piece;
    }
    EXPECT_EQ(background.FinishHex(), Sha256Hex(AsBytes(all)));
  }
}

TEST(BackgroundSha256, MayBeGivenUp) {
  BackgroundSha256 background;
  background.Update(AsBytes(std::string(100'000, 'x')));
}

TEST_F(ExportTest, FilesBesideTheCheckpointAreTakenAndRecorded) {
  options_.checkpoint = folder_.path();  // and the checkpoint in its folder
  WriteText(folder_.path() / "notes.txt", "x");
  const auto report = Export();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->checkpoint, folder_.path() / "model.safetensors");
  EXPECT_THAT(report->found, ::testing::ElementsAre("config.json", "policy.json"));
  EXPECT_EQ(SettingsOf(*report)["window"], 3);
  const auto bundle = bundle::Open(Out());
  ASSERT_EQ(bundle->provenance.found.size(), 2U);
  EXPECT_EQ(bundle->provenance.found[1].sha256, Sha256Hex(AsBytes(Content(folder_.path() / "policy.json"))));

  // What is named wins.
  Json other = policy_.policy;
  other["window"] = 2;
  WriteText(folder_.path() / "other.json", other.dump());
  options_.settings.policy = folder_.path() / "other.json";
  options_.existing = Existing::kReplace;
  const auto named = Export();
  ASSERT_TRUE(named.ok()) << named.error().ToString();
  EXPECT_THAT(named->found, ::testing::ElementsAre("config.json"));
  EXPECT_EQ(SettingsOf(*named)["window"], 2);
}

// The one file of a known architecture is taken of several in a folder.
TEST_F(ExportTest, AFolderMayHoldOtherTensorsToo) {
  options_.checkpoint = folder_.path();
  kosmos2_lstm::testing::WriteSafetensors(folder_.path() / "golden.safetensors",
                                          {{"x", kosmos2_lstm::testing::RandomTensor({1}, 1, 1)}});
  ASSERT_TRUE(Export().ok());
  fs::copy_file(folder_.path() / "model.safetensors", folder_.path() / "last.safetensors");
  options_.existing = Existing::kReplace;
  EXPECT_THAT(Export().error().ToString(),
              AllOf(HasSubstr("holds 2 files"), HasSubstr("last.safetensors, model.safetensors")));
}

TEST_F(ExportTest, AllThatIsMissingIsSaidAtOnce) {
  absent_ = {"config.json", "policy.json"};
  policy_ = TinyPolicy(false, [] {
    auto odd = TinyPolicy::DefaultStructure();
    odd.mlp.outputs = 5;
    return odd;
  }());
  const auto refused = Export();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().ToString(),
              AllOf(HasSubstr("3 things are not known"), HasSubstr("attention_heads"), HasSubstr("--config"),
                    HasSubstr("chunk and action_dim"), HasSubstr("--prompt-ids"),
                    HasSubstr("config.json, policy.json and sentencepiece.bpe.model beside the checkpoint")));
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(ExportTest, ATokenizerThatIsNoneOrAnothersIsRefused) {
  // libsentencepiece has a protobuf of its own, which must be kept from that of the graphs.
  if (!CanPreferOwnSymbols()) GTEST_SKIP();
  WriteText(folder_.path() / "sentencepiece.bpe.model", "{\"a\": 1}");
  const auto none = Export();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kInput);
  EXPECT_THAT(none.error().ToString(), HasSubstr("is JSON text, not a SentencePiece model"));
  options_.settings.tokenizer = fs::path(VLAQ_TESTDATA) / "tokenizer" / "small.model";
  const auto other = Export();
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::kInput);
  EXPECT_THAT(other.error().ToString(),
              AllOf(HasSubstr("small.model"), HasSubstr("1187 tokens"), HasSubstr("embeds only 30")));
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(ExportTest, AnEmptyInstructionIsAnAssumption) {
  // libsentencepiece has a protobuf of its own, which must be kept from that of the graphs.
  if (!CanPreferOwnSymbols()) GTEST_SKIP();
  kosmos2_lstm::Structure structure = TinyPolicy::DefaultStructure();
  structure.text.vocabulary = 1187;
  policy_ = TinyPolicy(false, structure);
  fs::copy_file(fs::path(VLAQ_TESTDATA) / "tokenizer" / "small.model", folder_.path() / "sentencepiece.bpe.model");
  policy_.policy.erase("prompt_ids");
  const auto report = Export();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_THAT(report->found, Contains("sentencepiece.bpe.model"));
  EXPECT_TRUE(report->bundle.tokenizer.has_value());
  const auto& assumptions = report->bundle.provenance.assumptions;
  EXPECT_TRUE(
      std::any_of(assumptions.begin(), assumptions.end(), [](const auto& a) { return a.setting == "prompt_text"; }));
  options_.settings.task = "";
  options_.existing = Existing::kReplace;
  ASSERT_TRUE(Export().ok());
  EXPECT_THAT(log_.warnings, Contains(HasSubstr("the instruction is empty")));
  options_.settings.task = "\xff";
  EXPECT_THAT(Export().error().ToString(), HasSubstr("not UTF-8"));
}

TEST_F(ExportTest, AnotherTemplateThanTheTrainersStops) {
  policy_.metadata = {{"args", R"({"prompt_template": "<grounding>An image of a robot {instruction}"})"}};
  const auto refused = Export();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInput);
  EXPECT_THAT(refused.error().ToString(), AllOf(HasSubstr("args.prompt_template"), HasSubstr("--set prompt_layout")));
  policy_.metadata = {{"args", R"({"prompt_template": "<grounding>An image of {text}"})"}};
  EXPECT_TRUE(Export().ok());
}

TEST_F(ExportTest, AWeightThatIsNotFiniteStops) {
  policy_.Backbone("text_model.model.layers.0.ffn.fc1.weight").mutable_data<float>()[3] =
      std::numeric_limits<float>::quiet_NaN();
  const auto refused = Export();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInput);
  EXPECT_THAT(refused.error().ToString(), AllOf(HasSubstr("model.safetensors"), HasSubstr("fc1.weight'"),
                                                HasSubstr("element 3 is nan (1 of 240 values is not finite)")));
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(ExportTest, EveryTensorIsAccountedFor) {
  const auto report = Export();
  ASSERT_TRUE(report.ok());
  const TensorAccount& account = report->account;
  EXPECT_EQ(account.weights, account.tensors - account.joined - account.shared - account.left_out + account.computed);
  EXPECT_EQ(account.joined, 2);  // one bias of each LSTM layer
  EXPECT_EQ(account.computed, 1);
  EXPECT_THAT(account.ToString(), AllOf(HasSubstr("weights: 2 joined with another"), HasSubstr("1 computed")));
}

TEST_F(ExportTest, ANameThatIsNotUtf8IsNoBug) {
  policy_.Save(folder_.path());
  options_.checkpoint = folder_.path() / "a\xff.safetensors";
  fs::copy_file(folder_.path() / "model.safetensors", options_.checkpoint);
  const auto report = Export();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_TRUE(bundle::Open(Out()).ok());
}

}  // namespace
}  // namespace vlaq::exporting

// Golden data against bundles that compute what they should, and against such that do not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "broken_bundles.h"
#include "verify/golden_check.h"
#include "verify/golden_places.h"
#include "verify/number_bounds.h"
#include "verify/runs_check.h"

namespace vlaq::verify {
namespace {
namespace fs = std::filesystem;

using ::testing::AllOf;
using testing::EditWeight;
using testing::ExportTiny;
using testing::Find;
using testing::FirstFailed;
using testing::FirstFailure;
using ::testing::HasSubstr;
using testing::TinyPolicy;

class NumbersTest : public ::testing::Test {
 protected:
  static constexpr size_t kSteps = 5;  // window 3 and past it

  void SetUp() override {
    bundle_ = ExportTiny(TinyPolicy(), folder_.path());
    ASSERT_FALSE(bundle_.path.empty());
    golden_ = testing::GoldenOf(bundle_, kSteps);
  }

  Result<Report> Try() {
    kosmos2_lstm::testing::WriteSafetensors(folder_.path() / "golden.safetensors", golden_);
    const auto backend = backend::MakeReferenceBackend();
    const NumberOptions options{backend.get(), {}};
    Report report;
    VLAQ_RETURN_IF_ERROR(
        with_golden_ ? CheckAgainstGolden(bundle_, folder_.path() / "golden.safetensors", options, SilentLog(), report)
                     : CheckRuns(bundle_, NoiseSteps(bundle_.policy), options, SilentLog(), report));
    return report;
  }
  Report Verify() {
    auto report = Try();
    EXPECT_TRUE(report.ok()) << report.error().ToString();
    return report.ok() ? *report : Report{};
  }
  std::string Refused() {
    const auto report = Try();
    if (report.ok()) return "accepted";
    EXPECT_EQ(report.error().code, ErrorCode::kInput);
    EXPECT_THAT(report.error().ToString(), HasSubstr("golden.safetensors"));
    return report.error().ToString();
  }
  void Disturb(const std::string& name, float by = 0.01F) {
    Tensor copy = Tensor::From<float>(golden_.at(name).shape(), golden_.at(name).data<float>());
    copy.mutable_data<float>().back() += by;  // the last step, past the window
    golden_[name] = copy;
  }

  TemporaryFolder folder_;
  bundle::Bundle bundle_;
  std::map<std::string, Tensor> golden_;
  bool with_golden_ = true;
};

TEST_F(NumbersTest, PassesItsOwnResults) {
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "none");
  std::vector<std::string> names;
  for (const Check& check : report.checks) names.push_back(check.name);
  EXPECT_THAT(names, ::testing::ElementsAre("runs", "vision_last_hidden", "image_embeds", "text_last_hidden",
                                            "features", "actions", "streaming"));
  EXPECT_THAT(Find(report, "actions").detail, HasSubstr("5 steps"));
  EXPECT_THAT(Find(report, "streaming").detail, HasSubstr("3 steps"));
}

TEST_F(NumbersTest, WithoutAGoldenFileStreamingIsStillCompared) {
  with_golden_ = false;
  const Report report = Verify();
  ASSERT_EQ(report.checks.size(), 2U);
  EXPECT_EQ(report.checks[0].name, "runs");
  EXPECT_EQ(report.checks[1].name, "streaming");
  EXPECT_EQ(FirstFailure(report), "none");
}

TEST_F(NumbersTest, AWrongActionIsTheFirstFailure) {
  Disturb("actions", 2e-5F);
  EXPECT_EQ(FirstFailure(Verify()), "actions");
}

TEST_F(NumbersTest, TheFirstStageThatDepartsIsNamed) {
  for (const char* stage : {"features", "text_last_hidden", "image_embeds", "vision_last_hidden"}) {
    Disturb(stage);  // this one and all after it, as an error would
    Disturb("actions");
    EXPECT_EQ(FirstFailure(Verify()), stage);
  }
}

TEST_F(NumbersTest, AWrongWeightShowsWhereItIs) {
  EditWeight(bundle_, "rnn.weight_ih_l1", [](std::span<float> w) { w[3] += 0.5F; });
  EXPECT_EQ(FirstFailure(Verify()), "actions");
  EditWeight(bundle_, "text_model.model.layers.0.ffn.fc2.bias", [](std::span<float> w) { w[3] += 0.5F; });
  EXPECT_EQ(FirstFailure(Verify()), "text_last_hidden");
  EditWeight(bundle_, "image_to_text_projection.dense.bias", [](std::span<float> w) { w[3] += 0.5F; });
  EXPECT_EQ(FirstFailure(Verify()), "image_embeds");
  EditWeight(bundle_, "vision_model.model.pre_layrnorm.bias", [](std::span<float> w) { w[3] += 0.5F; });
  EXPECT_EQ(FirstFailure(Verify()), "vision_last_hidden");
}

TEST_F(NumbersTest, NanInTheGoldenFileFails) {
  Disturb("features", std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(FirstFailure(Verify()), "features");
  golden_ = testing::GoldenOf(bundle_, kSteps);
  Disturb("actions", std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(FirstFailure(Verify()), "actions");
}

TEST_F(NumbersTest, APolicyThatGivesNanIsNone) {
  EditWeight(bundle_, "actions.mlp.2.bias", [](std::span<float> w) { w[0] = std::numeric_limits<float>::quiet_NaN(); });
  with_golden_ = false;
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "runs");
  EXPECT_THAT(FirstFailed(report).detail, AllOf(HasSubstr("step 0"), HasSubstr("action"), HasSubstr("not finite")));
}

TEST_F(NumbersTest, AWholeGraphOfAnotherPolicyFailsStreaming) {
  const bundle::Bundle other = ExportTiny(TinyPolicy(false, TinyPolicy::DefaultStructure(), 9), folder_.path() / "o");
  bundle_.graphs.find("whole")->second.file = fs::relative(other.GraphPath("whole"), bundle_.path).string();
  with_golden_ = false;
  EXPECT_EQ(FirstFailure(Verify()), "streaming");
}

TEST_F(NumbersTest, APartOfTheStagesAndStepsIsEnough) {
  golden_.erase("text_last_hidden");
  golden_.erase("attention_mask");
  const Tensor actions = golden_["actions"];
  golden_["actions"] =
      Tensor::View(DType::kF32, {2, 2, 2}, actions.bytes().first(32), std::make_shared<Tensor>(actions));
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "none");
  EXPECT_EQ(Find(report, "text_last_hidden").name, "absent");
  EXPECT_THAT(Find(report, "actions").detail, HasSubstr("2 steps"));
}

TEST_F(NumbersTest, AnotherPromptIsUsedForTheStages) {
  golden_["input_ids"] = Tensor::From<int64_t>({1, 9}, std::vector<int64_t>{0, 20, 4, 5, 6, 7, 8, 21, 28});
  golden_["attention_mask"] = Tensor::From<int64_t>({1, 9}, std::vector<int64_t>(9, 1));
  golden_.erase("text_last_hidden");  // it has another length
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "features");
  EXPECT_TRUE(Find(report, "image_embeds").passed);
  EXPECT_TRUE(Find(report, "streaming").passed);
}

TEST_F(NumbersTest, GoldenFilesThatDoNotFitAreRefused) {
  const auto whole = golden_;
  golden_["text_last_hidden"] = kosmos2_lstm::testing::RandomTensor({5, 4, 12}, 1, 1);
  EXPECT_THAT(Refused(), AllOf(HasSubstr("text_last_hidden"), HasSubstr("[4, 12]")));
  golden_ = whole;
  golden_["pixel_values"] = Tensor::Make(DType::kF32, {0, 3, 8, 8});
  EXPECT_THAT(Refused(), AllOf(HasSubstr("pixel_values"), HasSubstr("is empty")));
  golden_["pixel_values"] = Tensor::Make(DType::kF32, {});
  EXPECT_THAT(Refused(), HasSubstr("is empty"));
  golden_["pixel_values"] = kosmos2_lstm::testing::RandomTensor({5, 3, 9, 8}, 1, 1);
  EXPECT_THAT(Refused(), HasSubstr("[T, 3, 8, 8]"));
  golden_.erase("pixel_values");
  EXPECT_THAT(Refused(), HasSubstr("needs frames.u8"));
  golden_["frames.u8"] = Tensor::Make(DType::kU8, {5, 4});
  EXPECT_NE(Try().ok(), true);
  golden_ = whole;
  golden_["input_ids"] = Tensor::From<int64_t>({1, 2}, std::vector<int64_t>{0, 20});
  golden_.erase("attention_mask");
  EXPECT_THAT(Refused(), HasSubstr("prompt does not fit"));
  golden_["input_ids"] = Tensor::From<int64_t>({1, 9}, std::vector<int64_t>{0, 20, 4, 5, 6, 7, 8, 21, 30});
  EXPECT_THAT(Refused(), HasSubstr("outside the vocabulary"));
  golden_["input_ids"] = Tensor::Make(DType::kI64, {2, 5});
  EXPECT_THAT(Refused(), HasSubstr("[1, N]"));
  golden_["input_ids"] = golden_["features"];
  EXPECT_THAT(Refused(), HasSubstr("int64"));
}

TEST_F(NumbersTest, FramesGoThroughTheBundlesPreprocessing) {
  Tensor frames = Tensor::Make(DType::kU8, {5, 10, 12, 3});
  Random random(3);
  for (uint8_t& x : frames.mutable_data<uint8_t>()) x = static_cast<uint8_t>(random.Below(256));
  golden_ = {{"frames.u8", frames}};
  auto preprocessor = image::Preprocessor::Make(bundle_.policy.inputs[0].preprocess);
  std::vector<Tensor> pixels;
  for (int64_t t = 0; t < 5; ++t) pixels.push_back(*preprocessor->Run(frames.Row(t)));
  golden_["pixel_values"] = runtime::testing::Stack(pixels);
  EXPECT_TRUE(Find(Verify(), "pixels").passed);
  bundle_.policy.inputs[0].preprocess.channel_order = image::ChannelOrder::kBgr;
  EXPECT_EQ(FirstFailure(Verify()), "pixels");
}

TEST_F(NumbersTest, GoldenNamesAreFoundThroughBindings) {
  const auto places = GoldenPlaces::Make(bundle_);
  ASSERT_TRUE(places.ok()) << places.error().ToString();
  const auto seen_as = [&](const std::string& name) {
    const auto place = places->Find(name);
    return place ? place->seen_as : "nothing";
  };
  EXPECT_EQ(seen_as("pixel_values"), "observation.images.front")
      << "a graph's port, and a window of the other schedule";
  EXPECT_EQ(seen_as("observation.images.front"), "observation.images.front");
  EXPECT_EQ(seen_as("input_ids"), "task.input_ids");
  EXPECT_EQ(seen_as("features"), "feature") << "what goes into the window";
  EXPECT_EQ(seen_as("actions"), "action");
  EXPECT_EQ(seen_as("image_embeds"), "encoder." + bundle_.stages.at("image_embeds"));
  EXPECT_EQ(seen_as("image_embeds_position_mask"), "nothing");
  EXPECT_TRUE(places->Find("pixel_values")->is_input);
  EXPECT_TRUE(places->Find("actions")->is_output);
  EXPECT_LT(places->Find("vision_last_hidden")->order, places->Find("text_last_hidden")->order);
  EXPECT_LT(places->Find("text_last_hidden")->order, places->Find("features")->order);
  EXPECT_LT(places->Find("features")->order, places->Find("actions")->order);
  for (const auto& [value, name] : {std::pair{"observation.images.front", "pixel_values"},
                                    {"feature", "features"},
                                    {"action", "actions"},
                                    {"task.input_ids", "input_ids"}}) {
    EXPECT_EQ(places->NameOf(value), name);
  }
}

TEST_F(NumbersTest, AStageThatTheBundleDoesNotNameFails) {
  bundle_.stages.erase("image_embeds");
  EXPECT_EQ(FirstFailure(Verify()), "image_embeds");
}

// The golden file of the bundle that is told its prompt is that of the one in whose graphs it is baked.
TEST_F(NumbersTest, ABakedPromptSparesNoStage) {
  exporting::ExportOptions options;
  options.build.bake_text = true;
  auto baked = exporting::testing::ExportTiny(folder_.path() / "baked", TinyPolicy(), std::move(options));
  ASSERT_TRUE(baked.ok()) << baked.error().ToString();
  bundle_ = *std::move(baked);
  ASSERT_EQ(policy::TextInput(bundle_.policy), nullptr);
  EXPECT_EQ(FirstFailure(Verify()), "none");
  const auto stages = bundle_.stages;
  for (const char* stage : {"vision_last_hidden", "image_embeds", "text_last_hidden"}) {
    bundle_.stages = stages;
    EXPECT_TRUE(Find(Verify(), stage).passed) << stage;
    bundle_.stages.erase(stage);
    EXPECT_EQ(FirstFailure(Verify()), stage);
  }
  bundle_.stages = stages;
  bundle_.stages["image_embeds"] = "no such value";
  EXPECT_EQ(FirstFailure(Verify()), "image_embeds");
}

TEST_F(NumbersTest, WhatThePolicyDoesNotMakeIsTold) {
  golden_["logits"] = golden_.at("features");
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "none");
  EXPECT_THAT(report.notes, ::testing::ElementsAre(HasSubstr("golden.safetensors holds logits")));
}

TEST_F(NumbersTest, ActionsWhileTheWindowFillsAreCompared) {
  const Tensor actions = golden_["actions"];
  golden_["window_actions"] =
      Tensor::View(DType::kF32, {3, 2, 2}, actions.bytes().first(48), std::make_shared<Tensor>(actions));
  EXPECT_TRUE(Find(Verify(), "window actions").passed);
  Disturb("window_actions");
  EXPECT_EQ(FirstFailure(Verify()), "window actions");
}

TEST(NumberBounds, HalfPrecisionIsGivenMoreRoom) {
  bundle::Bundle bundle;
  bundle.policy.family = "kosmos2_lstm";
  const auto of = [&](const char* precision) {
    bundle.precision = precision;
    const auto bounds = BoundsOfNumbers(bundle, {});
    return bounds.ok() ? *bounds : NumberBounds{};
  };
  EXPECT_EQ(of("fp32").outputs.limit, 1e-5);
  EXPECT_EQ(of("fp32").outputs.measure, Measure::kAbsolute);
  EXPECT_EQ(of("bf16-as-stored").stages.limit, 2e-5);
  EXPECT_GT(of("fp16").outputs.limit, 1e-3);
  EXPECT_EQ(of("fp16").schedules.limit, 1e-6);
  bundle.policy.family = "onnx";  // numbers of any size
  EXPECT_EQ(of("fp32").outputs.measure, Measure::kRelative);
  EXPECT_EQ(of("fp32").schedules.limit, 2e-5);
}

}  // namespace
}  // namespace vlaq::verify

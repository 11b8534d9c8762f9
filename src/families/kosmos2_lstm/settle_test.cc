#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/policy_spec.h"
#include "families/kosmos2_lstm/testing.h"

namespace vlaq::kosmos2_lstm {
namespace {

using families::Proposal;
using families::Settings;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RandomTensor;
using testing::TinyPolicy;

class SettleTest : public ::testing::Test {
 protected:
  Result<Proposal> Try() {
    const auto checkpoint = policy_.Open(folder_.path());
    settings_.config = folder_.path() / "config.json";
    settings_.policy = with_policy_ ? folder_.path() / "policy.json" : "";
    // A prompt, so that it is not what is missing: of the layout that will hold.
    const auto layout = settings_.set.find("prompt_layout");
    const bool inserts_rows =
        layout == settings_.set.end() ? policy_.head == "model.act_head." : layout->second != "hf_processor";
    if (!with_policy_) settings_.ids = TinyPolicy(inserts_rows).policy["prompt_ids"].get<std::vector<int64_t>>();
    return Kosmos2Lstm().Settle(*checkpoint, settings_, SilentLog());
  }
  static PolicySpec SpecOf(const Proposal& proposal) {
    const auto spec = ParsePolicySpec(*ParseJson(proposal.settings, "settings"), "settings", {});
    EXPECT_TRUE(spec.ok()) << spec.error().ToString();
    return spec.ok() ? *spec : PolicySpec();
  }
  Proposal Propose() {
    const auto proposal = Try();
    EXPECT_TRUE(proposal.ok()) << proposal.error().ToString();
    return proposal.ok() ? *proposal : Proposal{};
  }
  static std::vector<std::string> TextsOf(const Proposal& proposal) {
    std::vector<std::string> texts;
    for (const policy::Assumption& assumption : proposal.assumptions) texts.push_back(assumption.text);
    return texts;
  }
  std::string Refused(ErrorCode code) {
    const auto proposal = Try();
    if (proposal.ok()) return "accepted";
    EXPECT_EQ(proposal.error().code, code);
    return proposal.error().ToString();
  }

  TemporaryFolder folder_;
  TinyPolicy policy_;
  Settings settings_;
  bool with_policy_ = false;
};

TEST_F(SettleTest, StatesEveryAssumptionOfTheSimpleLstm) {
  const Proposal proposal = Propose();
  EXPECT_EQ(SpecOf(proposal).feature_source, FeatureSource::kMeanHidden);
  EXPECT_EQ(SpecOf(proposal).prompt_layout, PromptLayout::kHfProcessor);
  EXPECT_EQ(SpecOf(proposal).action_scale, 2.0);
  EXPECT_EQ(SpecOf(proposal).chunk, 2);
  EXPECT_EQ(SpecOf(proposal).preprocess.image_size, 8);
  EXPECT_EQ(SpecOf(proposal).image_tokens, 5);
  EXPECT_THAT(TextsOf(proposal),
              ElementsAre(HasSubstr("feature_source is mean_hidden"), HasSubstr("prompt_layout is hf_processor"),
                          HasSubstr("window is 8"), HasSubstr("action_scale is 2"),
                          HasSubstr("control_period_s is 0.4"), HasSubstr("preprocess.resize is bicubic"),
                          HasSubstr("preprocess.normalise is clip"), HasSubstr("preprocess.channel_order is rgb"),
                          HasSubstr("preprocess.pass_order is"), HasSubstr("chunk x action_dim is 2 x 2")));
  EXPECT_EQ(proposal.assumptions[3].setting, "action_scale");
  EXPECT_EQ(proposal.assumptions[3].value, "2");
  EXPECT_THAT(proposal.warnings, IsEmpty());
}

TEST_F(SettleTest, StatesEveryAssumptionOfRobovlms) {
  policy_ = TinyPolicy(true);
  const Proposal proposal = Propose();
  EXPECT_EQ(SpecOf(proposal).feature_source, FeatureSource::kActionToken);
  EXPECT_EQ(SpecOf(proposal).prompt_layout, PromptLayout::kRobovlms);
  EXPECT_EQ(SpecOf(proposal).action_scale, 1.0);
  EXPECT_THAT(TextsOf(proposal), Contains(HasSubstr("feature_source is action_token")));
}

TEST_F(SettleTest, WhatIsSaidIsNotAssumed) {
  with_policy_ = true;
  policy_.policy["control_period_s"] = 0.1;
  policy_.policy["preprocess"] = {{"resize", "lanczos"}};
  EXPECT_THAT(TextsOf(Propose()), ElementsAre(HasSubstr("preprocess.normalise"), HasSubstr("preprocess.channel_order"),
                                              HasSubstr("preprocess.pass_order")));
  policy_.policy["preprocess"] = {
      {"resize", "lanczos"}, {"normalise", "none"}, {"channel_order", "bgr"}, {"pass_order", "horizontal_first"}};
  EXPECT_THAT(TextsOf(Propose()), IsEmpty());
  with_policy_ = false;
  settings_.set["feature_source"] = Name(FeatureSource::kLastToken);
  settings_.set["prompt_layout"] = Name(PromptLayout::kHfProcessor);
  const Proposal proposal = Propose();
  EXPECT_EQ(SpecOf(proposal).feature_source, FeatureSource::kLastToken);
  EXPECT_THAT(TextsOf(proposal), Not(Contains(HasSubstr("feature_source"))));
  EXPECT_THAT(TextsOf(proposal), Not(Contains(HasSubstr("prompt_layout"))));
}

TEST_F(SettleTest, TheCommandLineWinsOverPolicyJson) {
  with_policy_ = true;
  settings_.set["feature_source"] = Name(FeatureSource::kLastToken);
  EXPECT_EQ(SpecOf(Propose()).feature_source, FeatureSource::kLastToken);
}

TEST_F(SettleTest, ContradictionsNameTheKeyAndBothValues) {
  with_policy_ = true;
  struct Case {
    const char* key;
    Json wrong;
    const char* right;
  };
  for (const Case& c : {Case{"lstm_input", 11, "12"}, Case{"lstm_hidden", 24, "6"}, Case{"lstm_layers", 4, "2"},
                        Case{"image_size", 224, "8"}, Case{"vocabulary", 65037, "30"}, Case{"image_tokens", 64, "5"},
                        Case{"mlp_widths", {7, 7}, "[7]"}, Case{"head_name", "velocities", "actions"},
                        Case{"architecture", "act", "kosmos2_lstm"}, Case{"chunk", 3, "4 outputs"}}) {
    policy_ = TinyPolicy();
    policy_.policy[c.key] = c.wrong;
    EXPECT_THAT(Refused(ErrorCode::kInput),
                AllOf(HasSubstr("policy.json"), HasSubstr(std::string("\"") + c.key + "\""), HasSubstr(c.right)));
  }
}

TEST_F(SettleTest, OutputsThatCannotBeSplitAreAskedFor) {
  kosmos2_lstm::Structure odd = TinyPolicy::DefaultStructure();
  odd.mlp.outputs = 5;
  policy_ = TinyPolicy(false, odd);
  const Proposal asked = Propose();
  ASSERT_EQ(asked.missing.size(), 1U);
  EXPECT_THAT(asked.missing[0].ToString(), AllOf(HasSubstr("5 outputs"), HasSubstr("chunk and action_dim")));
  policy_.policy = {{"action_dim", 5}};
  with_policy_ = true;
  EXPECT_EQ(SpecOf(Propose()).chunk, 1);
}

TEST_F(SettleTest, ThePoolerNeedsItsWidth) {
  settings_.set["feature_source"] = Name(FeatureSource::kPooler);
  EXPECT_THAT(Refused(ErrorCode::kUsage), AllOf(HasSubstr("pooler is 8 wide"), HasSubstr("reads 12")));
  kosmos2_lstm::Structure narrow = TinyPolicy::DefaultStructure();
  narrow.lstm.input = 8;
  policy_ = TinyPolicy(false, narrow);
  EXPECT_THAT(Propose().warnings,
              ElementsAre(HasSubstr("cannot follow instructions"), HasSubstr("the prompt is not used")));
  settings_.set.erase("feature_source");
  EXPECT_THAT(Refused(ErrorCode::kUsage), HasSubstr("only --set feature_source=pooler fits"));
}

TEST_F(SettleTest, LayoutsWithAnActionTokenNeedIt) {
  settings_.set["prompt_layout"] = Name(PromptLayout::kRobovlms);
  EXPECT_THAT(Refused(ErrorCode::kUsage), AllOf(HasSubstr("robovlms"), HasSubstr("action_token")));
  settings_.set["prompt_layout"] = Name(PromptLayout::kForkFallback);
  settings_.set["feature_source"] = Name(FeatureSource::kActionToken);
  EXPECT_THAT(Refused(ErrorCode::kUsage), HasSubstr("action_token"));
}

TEST_F(SettleTest, WarnsWhereTheFeatureCannotDependOnTheImageOrTheWords) {
  settings_.set["feature_source"] = Name(FeatureSource::kFirstToken);
  EXPECT_THAT(Propose().warnings, ElementsAre(AllOf(HasSubstr("first_token"), HasSubstr("sees only itself"))));
  policy_ = TinyPolicy(true);
  settings_.set["prompt_layout"] = Name(PromptLayout::kForkFallback);
  EXPECT_THAT(Propose().warnings, ElementsAre(HasSubstr("cannot follow instructions")));
  settings_ = {};
  settings_.set["prompt_layout"] = Name(PromptLayout::kHfProcessor);
  EXPECT_THAT(Propose().warnings, ElementsAre(HasSubstr("the learned token is not used")));
}

TEST_F(SettleTest, WithoutConfigTheHeadsAreAskedFor) {
  const auto checkpoint = policy_.Open(folder_.path());
  const auto proposal = Kosmos2Lstm().Settle(*checkpoint, {}, SilentLog());
  ASSERT_TRUE(proposal.ok());
  ASSERT_EQ(proposal->missing.size(), 2U) << "and a prompt";
  EXPECT_EQ(proposal->missing[0].code, ErrorCode::kUsage);
  EXPECT_THAT(proposal->missing[0].ToString(), HasSubstr("attention_heads"));
}

TEST_F(SettleTest, BuildRefusesWhatItCannotHonor) {
  with_policy_ = true;
  policy_.tensors["fusion.weight"] = RandomTensor({2, 2}, 1, 1);
  const Proposal proposal = Propose();
  const auto built = Kosmos2Lstm().Build(*policy_.Open(folder_.path()), proposal.settings, proposal.config, {});
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().code, ErrorCode::kInput);
  EXPECT_THAT(built.error().ToString(), AllOf(HasSubstr("'fusion.weight'"), HasSubstr("has no place")));
}

TEST_F(SettleTest, WhatTheCheckpointSaysWinsOverDefaults) {
  policy_.metadata = {{"args", R"({"window_size": 5, "action_scale": 0.6, "normalize": "imagenet", "control_hz": 4})"}};
  const Proposal proposal = Propose();
  EXPECT_EQ(SpecOf(proposal).window, 5);
  EXPECT_EQ(SpecOf(proposal).action_scale, 0.6);
  EXPECT_EQ(SpecOf(proposal).control_period_s, 0.25);
  EXPECT_EQ(SpecOf(proposal).preprocess.normalization, image::Normalization::kImagenet);
  EXPECT_EQ(proposal.stated.size(), 4U);
  for (const char* stated : {"window", "action_scale", "control_period_s", "preprocess.normalise"}) {
    EXPECT_THAT(TextsOf(proposal), Not(Contains(::testing::StartsWith(std::string(stated) + " is")))) << stated;
  }
  EXPECT_THAT(TextsOf(proposal), Contains(HasSubstr("preprocess.resize is bicubic")));
}

TEST_F(SettleTest, AContradictionWithTheCheckpointStops) {
  policy_.metadata = {{"args", R"({"action_scale": 0.6})"}};
  with_policy_ = true;  // says 2
  EXPECT_THAT(Refused(ErrorCode::kInput),
              AllOf(HasSubstr("args.action_scale says that action_scale is 0.6"), HasSubstr("policy.json it is 2"),
                    HasSubstr("--override action_scale")));
  settings_.overrides = {"action_scale"};
  const Proposal proposal = Propose();
  EXPECT_EQ(SpecOf(proposal).action_scale, 2.0);
  EXPECT_THAT(TextsOf(proposal),
              Contains(HasSubstr("action_scale is 2.0, although the checkpoint's args.action_scale says 0.6")));
  settings_.overrides = {"window"};
  EXPECT_THAT(Refused(ErrorCode::kUsage), AllOf(HasSubstr("--override window"), HasSubstr("action_scale")));
}

TEST_F(SettleTest, AnOptionShapesAndOtherSettingsMayContradictToo) {
  policy_.metadata = {{"args", R"({"feature_source": "last_token"})"}};
  settings_.set["feature_source"] = Name(FeatureSource::kMeanHidden);
  EXPECT_THAT(Refused(ErrorCode::kInput),
              AllOf(HasSubstr("\"last_token\""), HasSubstr("by --set feature_source it is mean_hidden")));
  settings_ = {};
  policy_.metadata = {{"args", R"({"lstm_hidden": 1024})"}};
  EXPECT_THAT(Refused(ErrorCode::kInput), AllOf(HasSubstr("lstm_hidden is 1024"), HasSubstr("by its shapes it is 6")));
  policy_.metadata = {{"args", R"({"window": 5})"}, {"config", R"({"window_size": 6})"}};
  EXPECT_THAT(Refused(ErrorCode::kInput),
              AllOf(HasSubstr("window is 5"), HasSubstr("by its config.window_size it is 6")));
  policy_.metadata = {{"args", R"({"normalize": "robust"})"}};
  EXPECT_THAT(Propose().warnings, ElementsAre(HasSubstr("args.normalize is \"robust\"")));
}

TEST_F(SettleTest, UnknownKeysOfPolicyJsonAreErrors) {
  with_policy_ = true;
  policy_.policy["windw"] = 4;
  EXPECT_THAT(Refused(ErrorCode::kInput), AllOf(HasSubstr("policy.json"), HasSubstr("did you mean \"window\"?")));
  policy_.policy.erase("windw");
  policy_.policy["preprocess"] = {{"rezise", "bicubic"}};
  EXPECT_THAT(Refused(ErrorCode::kInput), HasSubstr("did you mean \"resize\"?"));
}

TEST_F(SettleTest, TheLongestPromptIsKnown) {
  EXPECT_EQ(SpecOf(Propose()).max_tokens, 2048);
  policy_ = TinyPolicy(true);  // 5 image rows and the action token join the prompt
  EXPECT_EQ(SpecOf(Propose()).max_tokens, 2048 - 6);
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm

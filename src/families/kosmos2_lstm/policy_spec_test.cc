#include "families/kosmos2_lstm/policy_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"

namespace vlaq::kosmos2_lstm {
namespace {

using ::testing::HasSubstr;

Result<PolicySpec> Parse(std::string_view text) { return ParsePolicySpec(*ParseJson(text, "p.json"), "p.json", {}); }

TEST(PolicySpec, SurvivesTheRoundTrip) {
  PolicySpec spec;
  spec.feature_source = FeatureSource::kActionToken;
  spec.prompt_layout = PromptLayout::kRobovlms;
  spec.mlp_widths = {32, 24};
  spec.chunk = 10;
  spec.action_scale = 0.5;
  spec.preprocess = {image::Filter::kLanczos, image::Normalization::kNone, image::ChannelOrder::kBgr,
                     image::PassOrder::kHorizontalFirst, 56};
  spec.prompt_ids = {0, 7, 2};
  spec.attention_mask = {1, 1, 0};
  const Json json = PolicySpecToJson(spec);
  const auto back = ParsePolicySpec(json, "x", {});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(PolicySpecToJson(*back), json);
  EXPECT_EQ(back->feature_source, FeatureSource::kActionToken);
  EXPECT_EQ(back->attention_mask, (std::vector<int64_t>{1, 1, 0}));
}

TEST(PolicySpec, AbsentKeysKeepTheDefaults) {
  PolicySpec defaults;
  defaults.window = 5;
  const auto spec = ParsePolicySpec(*ParseJson(R"({"chunk": 3, "unknown": 1})", "p"), "p", defaults);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->window, 5);
  EXPECT_EQ(spec->chunk, 3);
}

TEST(PolicySpec, ImageMaskGivesStartAndCount) {
  const auto spec = Parse(R"({"image_position_mask": [0, 0, 0, 1, 1, 0]})");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->image_start, 3);
  EXPECT_EQ(spec->image_tokens, 2);
  EXPECT_THAT(Parse(R"({"image_position_mask": [0, 1, 0, 1]})").error().ToString(), HasSubstr("single run"));
  EXPECT_FALSE(Parse(R"({"image_position_mask": [0, 1, 2]})").ok());
}

TEST(PolicySpec, ErrorsNameTheKey) {
  EXPECT_THAT(Parse(R"({"feature_source": "mean"})").error().ToString(), HasSubstr("did you mean \"mean_hidden\"?"));
  EXPECT_THAT(Parse(R"({"window": "8"})").error().ToString(), HasSubstr("window must be an integer"));
  EXPECT_THAT(Parse(R"({"preprocess": {"resize": 3}})").error().ToString(),
              HasSubstr("p.json: preprocess.resize must be a string"));
  EXPECT_THAT(Parse(R"({"preprocess": {"resize": "cubic"}})").error().ToString(), HasSubstr("\"cubic\""));
  EXPECT_THAT(Parse("[]").error().ToString(), HasSubstr("p.json"));
}

TEST(PolicySpec, ValidatesThePromptAgainstTheLayout) {
  PolicySpec spec;
  spec.image_tokens = 4;
  spec.prompt_ids = {0, 9, 4, 5, 6, 7};
  EXPECT_TRUE(Validate(spec).ok());
  spec.prompt_ids.pop_back();
  EXPECT_THAT(Validate(spec).error().ToString(), HasSubstr("4 places for the image from position 2"));
  spec.prompt_layout = PromptLayout::kRobovlms;
  EXPECT_TRUE(Validate(spec).ok());
  spec.attention_mask = {1};
  EXPECT_THAT(Validate(spec).error().ToString(), HasSubstr("attention_mask"));
  spec.attention_mask.clear();
  spec.prompt_layout = PromptLayout::kForkFallback;
  EXPECT_TRUE(Validate(spec).ok());
  spec.prompt_ids = {0, 1};
  EXPECT_FALSE(Validate(spec).ok());
  spec.feature_source = FeatureSource::kPooler;
  EXPECT_TRUE(Validate(spec).ok());
}

TEST(PolicySpec, ValidatesRanges) {
  const auto broken = [](auto change) {
    PolicySpec spec;
    spec.prompt_layout = PromptLayout::kRobovlms;
    spec.prompt_ids = {0, 2};
    change(spec);
    const Status status = Validate(spec);
    return status.ok() ? std::string("ok") : status.error().ToString();
  };
  EXPECT_EQ(broken([](PolicySpec&) {}), "ok");
  EXPECT_THAT(broken([](PolicySpec& s) { s.chunk = 0; }), HasSubstr("chunk"));
  EXPECT_THAT(broken([](PolicySpec& s) { s.window = -1; }), HasSubstr("window"));
  EXPECT_THAT(broken([](PolicySpec& s) { s.action_scale = 0; }), HasSubstr("action_scale"));
  EXPECT_THAT(broken([](PolicySpec& s) { s.control_period_s = -0.4; }), HasSubstr("control_period_s"));
  // What no robot means, and what would overflow.
  EXPECT_THAT(broken([](PolicySpec& s) { s.action_scale = 1e308; }), HasSubstr("action_scale must be 1e-06 to 1000"));
  EXPECT_THAT(broken([](PolicySpec& s) { s.action_scale = std::nan(""); }), HasSubstr("action_scale"));
  EXPECT_THAT(broken([](PolicySpec& s) { s.control_period_s = 1e308; }), HasSubstr("control_period_s"));
  EXPECT_THAT(broken([](PolicySpec& s) { s.window = 1'000'000; }), HasSubstr("window must be 1 to 4096"));
  EXPECT_THAT(broken([](PolicySpec& s) { s.chunk = 1'000'000; }), HasSubstr("chunk"));
  EXPECT_THAT(broken([](PolicySpec& s) { s.image_start = INT64_MAX; }), HasSubstr("image_start"));
  EXPECT_THAT(broken([](PolicySpec& s) {
                s.prompt_layout = PromptLayout::kHfProcessor;
                s.image_start = INT64_MAX;
              }),
              HasSubstr("image_start"));
  EXPECT_THAT(broken([](PolicySpec& s) {
                s.max_tokens = 3;
                s.prompt_ids = {0, 5, 6, 2};
              }),
              HasSubstr("the prompt has 4 tokens, but the model has positions for 3"));
}

TEST(PolicySpec, UnknownKeysAreErrorsAtEveryDepth) {
  const auto check = [](std::string_view text) {
    const Status status = CheckPolicyKeys(*ParseJson(text, "p.json"), "p.json");
    return status.ok() ? std::string("ok") : status.error().ToString();
  };
  EXPECT_THAT(check(R"({"windw": 4})"),
              HasSubstr("p.json: windw is not a key of the settings; did you mean \"window\"?"));
  EXPECT_THAT(check(R"({"feature_sorce": "last_token"})"), HasSubstr("did you mean \"feature_source\"?"));
  EXPECT_THAT(check(R"({"preprocess": {"rezise": "bicubic"}})"), HasSubstr("did you mean \"resize\"?"));
  EXPECT_THAT(check(R"({"preprocess": {"normalize": "clip"}})"), HasSubstr("did you mean \"normalise\"?"));
  EXPECT_THAT(check(R"({"text_config": {}})"), HasSubstr("--config"));
  EXPECT_THAT(check("[]"), HasSubstr("not a JSON object"));
  // All that is read or written, and a bundle's own policy.json.
  PolicySpec spec;
  Json json = PolicySpecToJson(spec);
  json["image_position_mask"] = {0, 1};
  for (const char* key : {"schema", "graphs", "weights", "provenance", "config"}) json[key] = 1;
  EXPECT_EQ(CheckPolicyKeys(json, "p.json").ok(), true);
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm

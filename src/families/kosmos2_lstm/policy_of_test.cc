#include "families/kosmos2_lstm/policy_of.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace vlaq::kosmos2_lstm {
namespace {

using policy::Input;
using policy::InputType;
using policy::NormalizationMode;
using policy::Output;
using policy::Policy;
using policy::PolicyToJson;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const std::map<std::string, std::string> kFiles{{"encoder", "e.onnx"}, {"head", "h.onnx"}, {"whole", "w.onnx"}};

PolicySpec SpecOfOne() {
  PolicySpec spec;
  spec.chunk = 10;
  spec.window = 5;
  spec.action_scale = 0.5;
  spec.control_period_s = 0.25;
  spec.preprocess.image_size = 28;
  spec.preprocess.resize = image::Filter::kLanczos;
  spec.prompt_ids.assign(70, 5);
  return spec;
}

TEST(PolicyOf, MeansWhatTheRunnerDid) {
  const Policy policy = PolicyOf(SpecOfOne(), true, {kFiles, {{"b", "x"}, {"a", "y"}}, "t.model"});
  const Status valid = Validate(policy, "p.json");
  ASSERT_TRUE(valid.ok()) << valid.error().ToString();
  EXPECT_EQ(policy.family, "kosmos2_lstm");
  ASSERT_EQ(policy.inputs.size(), 2U);
  const Input& camera = policy.inputs[0];
  EXPECT_EQ(camera.name, "observation.images.front");
  EXPECT_EQ(camera.type, InputType::kImage);
  EXPECT_EQ(camera.shape, (Shape{3, 28, 28}));
  EXPECT_EQ(camera.preprocess.resize, image::Filter::kLanczos);
  EXPECT_EQ(policy.inputs[1].name, "task");
  EXPECT_THAT(policy.inputs[1].makes, ElementsAre("input_ids", "attention_mask"));
  EXPECT_EQ(policy.inputs[1].encoder, R"({"prompt_layout":"hf_processor","tokenizer":"t.model"})");
  const Output& action = policy.outputs.at(0);
  EXPECT_EQ(action.name, "action");
  EXPECT_EQ(action.shape, (Shape{10, 2}));
  EXPECT_THAT(action.names, ElementsAre("linear_x", "linear_y"));
  EXPECT_THAT(action.units, ElementsAre("m/s", "m/s"));
  EXPECT_EQ(action.unnormalize.mode, NormalizationMode::kScale);
  EXPECT_THAT(action.unnormalize.a, ElementsAre(0.5));
  EXPECT_EQ(policy.control.period_s, 0.25);
  EXPECT_EQ(policy.control.n_action_steps, 1) << "the first action of a chunk is played";
  EXPECT_THAT(policy.graphs.at("encoder").inputs,
              UnorderedElementsAre(Pair("pixel_values", "observation.images.front"),
                                   Pair("input_ids", "task.input_ids"), Pair("attention_mask", "task.attention_mask")));
  EXPECT_EQ(policy.graphs.at("head").file, "h.onnx");
  EXPECT_EQ(policy.graphs.at("whole").outputs.at("actions"), "action");
  const Json schedules = PolicyToJson(policy)["schedules"];
  EXPECT_EQ(schedules["streaming"].dump(),
            R"([{"run":"encoder"},{"window":"feature","length":5,"as":"features"},{"run":"head"}])");
  EXPECT_EQ(schedules["whole"].dump(),
            R"([{"window":"observation.images.front","length":5,"as":"pixel_values"},{"run":"whole"}])");
  EXPECT_EQ(policy.default_schedule, "streaming");
  EXPECT_THAT(policy.compare, ElementsAre("a", "b"));
  const auto settings = ParsePolicySpec(*ParseJson(policy.settings, "s"), "s", {});
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(PolicySpecToJson(*settings), PolicySpecToJson(SpecOfOne()));
}

TEST(PolicyOf, ATaskIsThereOnlyWhereTheEncoderReadsOne) {
  PolicySpec spec = SpecOfOne();
  const auto ports = [&](bool baked) {
    const Policy policy = PolicyOf(spec, !baked && CanReadTask(spec), {kFiles, {}, ""});
    EXPECT_TRUE(Validate(policy, "p").ok());
    EXPECT_EQ(policy.inputs.size(), policy.graphs.at("encoder").inputs.size() == 3 ? 2U : 1U);
    return policy.graphs.at("encoder").inputs.size();
  };
  EXPECT_EQ(ports(false), 3U);
  EXPECT_EQ(ports(true), 1U);
  spec.feature_source = FeatureSource::kPooler;
  EXPECT_EQ(ports(false), 1U);
  spec = SpecOfOne();
  EXPECT_THAT(PolicyOf(spec, true, {kFiles, {}, ""}).inputs[1].encoder, ::testing::Not(HasSubstr("tokenizer")));
}

TEST(PolicyOf, AxesOfAnotherRobotHaveNoNames) {
  PolicySpec spec = SpecOfOne();
  spec.action_dim = 3;
  EXPECT_THAT(PolicyOf(spec, true, {kFiles, {}, ""}).outputs[0].units, ElementsAre("m/s", "m/s", "rad/s"));
  EXPECT_THAT(PolicyOf(spec, true, {kFiles, {}, ""}).outputs[0].names,
              ElementsAre("linear_x", "linear_y", "angular_z"));
  spec.action_dim = 7;
  EXPECT_THAT(PolicyOf(spec, true, {kFiles, {}, ""}).outputs[0].names, IsEmpty());
  EXPECT_TRUE(Validate(PolicyOf(spec, true, {kFiles, {}, ""}), "p").ok());
}

TEST(PolicyOf, DisagreementIsNamed) {
  const PolicySpec spec = SpecOfOne();
  const auto after = [&](auto change) {
    Policy policy = PolicyOf(spec, true, {kFiles, {}, "t"});
    change(policy);
    return DisagreementWithSettings(policy, spec);
  };
  EXPECT_EQ(after([](Policy&) {}), "");
  // What the settings do not say.
  EXPECT_EQ(after([](Policy& p) {
              p.outputs[0].names = {"a", "b"};
              p.outputs[0].units = {"km/h", "km/h"};
              p.control.n_action_steps = 3;
              p.default_schedule = "whole";
              p.compare = {"z"};
            }),
            "");
  EXPECT_EQ(after([](Policy& p) { p.outputs[0].unnormalize.a = {2}; }),
            "outputs.action.unnormalize.scale[0] is 2.0, but by the settings 0.5");
  EXPECT_EQ(after([](Policy& p) { p.control.period_s = 0.1; }), "control.period_s is 0.1, but by the settings 0.25");
  EXPECT_THAT(after([](Policy& p) { p.schedules["streaming"][1].length = 8; }),
              HasSubstr("schedules.streaming[1].length is 8"));
  EXPECT_THAT(after([](Policy& p) { p.schedules.erase("whole"); }), HasSubstr("schedules.whole is missing"));
  EXPECT_EQ(after([](Policy& p) { p.inputs.pop_back(); }), "") << "as one whose graphs are told the prompt";
  EXPECT_THAT(after([](Policy& p) { p.inputs[1].name = "instruction"; }), HasSubstr("inputs.task is missing"));
  EXPECT_THAT(after([](Policy& p) { p.outputs.emplace_back().name = "more"; }),
              HasSubstr("outputs.more is there, but not by the settings"));
  EXPECT_THAT(after([](Policy& p) { p.inputs[0].preprocess.resize = image::Filter::kBox; }),
              HasSubstr("preprocess.resize is \"box\", but by the settings \"lanczos\""));
  EXPECT_THAT(after([](Policy& p) {
                p.outputs[0].shape = {10, 2, 1};
              }),
              HasSubstr("outputs.action.shape is [10,2,1], but by the settings [10,2]"));
}

TEST(PolicyOf, SettingsAreFoundInEitherSchema) {
  const PolicySpec spec = SpecOfOne();
  const Json settings = PolicySpecToJson(spec);
  const auto of_bundle = SettingsIn(PolicyToJson(PolicyOf(spec, true, {kFiles, {}, ""})), "p.json");
  ASSERT_TRUE(of_bundle.ok()) << of_bundle.error().ToString();
  EXPECT_EQ(*of_bundle, settings);
  EXPECT_EQ(*SettingsIn(settings, "p.json"), settings);
  Json schema1 = settings;
  schema1["schema"] = "vlaq.bundle/1";
  EXPECT_EQ(*SettingsIn(schema1, "p.json"), schema1);
  Policy other = PolicyOf(spec, true, {kFiles, {}, ""});
  other.family = "onnx";
  EXPECT_THAT(SettingsIn(PolicyToJson(other), "p.json").error().ToString(),
              HasSubstr("p.json: is a policy of the family onnx"));
  EXPECT_THAT(SettingsIn(*ParseJson(R"({"schema": "vlaq.policy/3"})", ""), "p.json").error().ToString(),
              HasSubstr("vlaq.policy/3"));
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/json.h"
#include "policy/policy.h"
#include "policy/testing.h"

namespace vlaq::policy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Json FullJson() { return PolicyToJson(testing::FullPolicy()); }

// "ok", or the error of the full policy after `change`.
template <typename Change>
std::string AfterJson(const Change& change) {
  Json json = FullJson();
  change(json);
  const auto parsed = ParsePolicy(json, "p.json");
  return parsed.ok() ? "ok" : parsed.error().ToString();
}

TEST(PolicyJson, EveryMemberSurvivesTheRoundTrip) {
  const Policy policy = testing::FullPolicy();
  const Json json = PolicyToJson(policy);
  const auto back = ParsePolicy(*ParseJson(JsonString(json, 1), "p.json"), "p.json");
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  EXPECT_EQ(PolicyToJson(*back).dump(1), json.dump(1));
  // The members themselves, where JSON could be equal and still be wrong.
  EXPECT_EQ(back->inputs[0].preprocess.image_size, 48);
  EXPECT_EQ(back->inputs[0].preprocess.image_height, 32);
  ASSERT_TRUE(back->inputs[0].preprocess.statistics);
  EXPECT_EQ(back->inputs[0].preprocess.statistics->standard_deviation[2], 2);
  EXPECT_EQ(back->inputs[1].preprocess.image_size, 24);
  EXPECT_EQ(back->inputs[1].preprocess.image_height, 0) << "a square is said once";
  EXPECT_EQ(back->inputs[1].layout, ImageLayout::kHwc);
  EXPECT_EQ(back->FindInput("count")->dtype, DType::kI64);
  EXPECT_FALSE(back->FindInput("count")->batched);
  EXPECT_EQ(back->FindInput("task")->encoder, R"({"tokenizer":"t.model"})");
  EXPECT_EQ(back->FindInput("noise")->noise, NoiseKind::kUniform);
  EXPECT_EQ(back->FindOutput("action")->unnormalize.b, (std::vector<double>{1, 2}));
  EXPECT_EQ(back->control.temporal_ensemble_coeff, 0.01);
  EXPECT_EQ(back->graphs.at("head").inputs.at("n"), "count");
  const Step& repeat = back->schedules.at("streaming")[6];
  EXPECT_EQ(repeat.kind, StepKind::kRepeat);
  EXPECT_EQ(repeat.carry[1].next, "h1");
  EXPECT_EQ(repeat.constants[0].values, (std::vector<double>{1, 0.5, 0.25}));
  EXPECT_EQ(back->settings, R"({"own":[1,{"two":2}]})");
}

TEST(PolicyJson, IsWrittenAsDocumented) {
  const Json json = FullJson();
  EXPECT_EQ(json.begin().key(), "schema");
  EXPECT_EQ(json["schema"], "vlaq.policy/2");
  EXPECT_EQ(json["inputs"].begin().key(), "observation.images.front") << "the order is the policy's";
  EXPECT_EQ(json["inputs"]["observation.images.front"]["preprocess"].dump(),
            R"({"resize":"bicubic","mean":[0.5,0.25,0.125],"std":[0.5,1.0,2.0],"channel_order":"rgb",)"
            R"("pass_order":"horizontal_first"})");
  EXPECT_EQ(json["inputs"]["observation.images.top"]["preprocess"]["size"].dump(), "[24,24]")
      << "the shape leaves it open";
  EXPECT_EQ(json["inputs"]["observation.state"]["normalize"]["mode"], "mean_std");
  const Json& steps = json["schedules"]["streaming"];
  EXPECT_EQ(steps[0].dump(), R"({"hold":[{"run":"text"}],"when":["task.ids","task.mask"]})");
  EXPECT_EQ(steps[2].dump(), R"({"window":"feature","length":4,"as":"features"})");
  EXPECT_EQ(steps[3].dump(), R"({"select":"features","axis":1,"index":-1,"as":"last"})");
  EXPECT_EQ(steps[4].dump(), R"({"concat":["words","last"],"axis":1,"as":"context"})");
  EXPECT_EQ(steps[5].dump(), R"({"carry":"kept","as":"h0","dtype":"float16","shape":[1,6]})");
  EXPECT_EQ(steps[6]["carry"][0].dump(), R"({"as":"x","from":"noise","next":"velocity"})");
}

TEST(PolicyJson, RandomPoliciesSurviveTheRoundTrip) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Policy policy = testing::RandomPolicy(seed).Make();
    const Json json = PolicyToJson(policy);
    const Status valid = Validate(policy, "p.json");
    ASSERT_TRUE(valid.ok()) << seed << ": " << valid.error().ToString() << json.dump(1);
    const auto back = ParsePolicy(*ParseJson(JsonString(json), "p.json"), "p.json");
    ASSERT_TRUE(back.ok()) << seed << ": " << back.error().ToString() << json.dump(1);
    ASSERT_EQ(PolicyToJson(*back), json) << seed;
    ASSERT_TRUE(Validate(*back, "p.json").ok()) << seed;
  }
}

// All places of a document, parents first.
void ListPlaces(const Json& json, const Json::json_pointer& at, std::vector<Json::json_pointer>& places) {
  if (!json.is_structured()) return;
  for (const auto& [key, value] : json.items()) {
    const Json::json_pointer here = json.is_array() ? at / static_cast<size_t>(std::stoul(key)) : at / key;
    places.push_back(here);
    ListPlaces(value, here, places);
  }
}

void Erase(Json& json, const Json::json_pointer& at) {  // NOLINT(misc-no-recursion)
  if (!json.contains(at)) return;
  Json& parent = json[at.parent_pointer()];
  if (parent.is_array()) {
    parent.erase(static_cast<size_t>(std::stoul(at.back())));
    if (parent.empty()) Erase(json, at.parent_pointer());  // an optional list without items may be absent
  } else {
    parent.erase(at.back());
  }
}

// A reader may refuse a changed document or read what it says; it never reads something else. A member that may be
// absent has a default, which writing names.
void ExpectRefusedOrRead(const Json& changed, const Json::json_pointer& at) {
  const auto parsed = ParsePolicy(changed, "p.json");
  if (!parsed.ok()) {
    EXPECT_EQ(parsed.error().code, ErrorCode::kInput);
    EXPECT_EQ(parsed.error().where, "p.json");
    return;
  }
  (void)Validate(*parsed, "p.json");  // whatever it says
  Json written = PolicyToJson(*parsed);
  if (written == changed) return;
  Json rest = changed;
  Erase(rest, at);
  Erase(written, at);
  EXPECT_EQ(written, rest) << at.to_string() << " -> " << (changed.contains(at) ? changed[at].dump() : "absent");
}

TEST(PolicyJson, AnyMemberMayBeAbsentOrOfAnotherType) {
  const Json full = FullJson();
  std::vector<Json::json_pointer> places;
  ListPlaces(full, Json::json_pointer(), places);
  ASSERT_GT(places.size(), 200U);
  const std::vector<Json> others{nullptr,
                                 true,
                                 -1,
                                 0,
                                 4097,
                                 2.5,
                                 1e300,
                                 std::numeric_limits<uint64_t>::max(),
                                 "",
                                 "x",
                                 Json::array(),
                                 Json::object(),
                                 Json::array({nullptr}),
                                 Json::array({"x", "x"}),
                                 Json::array({Json::object()}),
                                 Json::object({{"x", 1}})};
  size_t refused = 0;
  for (const auto& place : places) {
    Json changed = full;
    Erase(changed, place);
    if (!ParsePolicy(changed, "p.json").ok()) ++refused;
    ExpectRefusedOrRead(changed, place);
    for (const Json& other : others) {
      changed = full;
      changed[place] = other;
      ExpectRefusedOrRead(changed, place);
    }
  }
  EXPECT_GT(refused, 80U);
}

TEST(PolicyJson, MembersThatAreNotThePolicysAreLeftAlone) {
  EXPECT_EQ(AfterJson([](Json& j) {
              j["provenance"] = {{"anything", 1}};
              j["weights"] = 3;
              j["graphs"]["head"]["bytes"] = 3;
              j["graphs"]["head"]["sha256"] = "0";
              j["settings"]["whatever"] = Json::array();
              j["inputs"]["task"]["encoder"]["whatever"] = 1;
            }),
            "ok");
}

TEST(PolicyJson, UnknownKeysAreErrorsWithTheNearestKnown) {
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["observation.state"]["normalise"] = 1; }),
              HasSubstr("p.json: inputs.observation.state.normalise is not a key of a state input; did you mean "
                        "\"normalize\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["noise"]["preprocess"] = 1; }),
              HasSubstr("inputs.noise.preprocess is not a key of a noise input"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["task"]["shape"] = {1}; }), HasSubstr("not a key of a text input"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["observation.images.front"]["preprocess"]["rezise"] = 1; }),
              HasSubstr("preprocess.rezise is not a key of preprocessing; did you mean \"resize\"?"));
  EXPECT_THAT(AfterJson([](Json& j) {
                j["inputs"]["observation.images.top"]["preprocess"]["mean"] = {1, 2, 3};
              }),
              HasSubstr("not a key of the preprocessing of bytes"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["observation.state"]["normalize"]["min"] = {1}; }),
              HasSubstr("inputs.observation.state.normalize.min is not a key of the mode mean_std"));
  EXPECT_THAT(AfterJson([](Json& j) { j["outputs"]["action"]["unit"] = {1}; }),
              HasSubstr("outputs.action.unit is not a key of an output; did you mean \"units\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["control"]["period"] = 1; }), HasSubstr("did you mean \"period_s\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["graphs"]["head"]["input"] = 1; }),
              HasSubstr("graphs.head.input is not a key of a graph; did you mean \"inputs\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["schedules"]["streaming"][2]["lenght"] = 1; }),
              HasSubstr("schedules.streaming[2].lenght is not a key of a step that is window; did you mean "
                        "\"length\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["schedules"]["streaming"][6]["carry"][1]["to"] = 1; }),
              HasSubstr("schedules.streaming[6].carry[1].to is not a key of a carried value"));
  EXPECT_THAT(AfterJson([](Json& j) { j["schedules"]["streaming"][6]["constants"][0]["value"] = 1; }),
              HasSubstr("constants[0].value is not a key of a table of constants; did you mean \"values\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["schedules"]["streaming"][0]["hold"][0]["rum"] = 1; }),
              HasSubstr("schedules.streaming[0].hold[0].rum is not a key of a step that is run"));
}

TEST(PolicyJson, UnknownNamesAreErrorsWithTheNearestKnown) {
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["observation.state"]["type"] = "stat"; }),
              HasSubstr("inputs.observation.state.type is \"stat\", which is not known; did you mean \"state\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["noise"]["distribution"] = "cauchy"; }),
              HasSubstr("known are normal, uniform, zeros"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["observation.images.top"]["layout"] = "hwcx"; }),
              HasSubstr("did you mean \"hwc\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["observation.state"]["dtype"] = "flaot32"; }),
              HasSubstr("inputs.observation.state.dtype is \"flaot32\""));
  EXPECT_THAT(AfterJson([](Json& j) { j["outputs"]["action"]["unnormalize"]["mode"] = "minmax"; }),
              HasSubstr("outputs.action.unnormalize.mode is \"minmax\", which is not known; did you mean \"min_max\""));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["observation.images.front"]["preprocess"]["resize"] = "cubic"; }),
              HasSubstr("preprocess.resize is \"cubic\""));
}

TEST(PolicyJson, TypesAndPresenceAreChecked) {
  EXPECT_EQ(AfterJson([](Json& j) { j = Json::array(); }), "p.json: is not a JSON object");
  EXPECT_THAT(AfterJson([](Json& j) { j.erase("schema"); }), HasSubstr("schema is missing"));
  EXPECT_THAT(AfterJson([](Json& j) { j["schema"] = "vlaq.policy/3"; }),
              AllOf(HasSubstr("schema is \"vlaq.policy/3\", not \"vlaq.policy/2\""), HasSubstr("another version")));
  EXPECT_THAT(AfterJson([](Json& j) { j.erase("schedules"); }), HasSubstr("p.json: schedules is missing"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"] = 3; }), HasSubstr("inputs must be an object"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["noise"]["shape"] = {1.5}; }),
              HasSubstr("inputs.noise.shape must be an array of integers"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["noise"]["shape"] = {std::numeric_limits<uint64_t>::max()}; }),
              HasSubstr("inputs.noise.shape must be an array of integers"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["noise"]["batched"] = 1; }), HasSubstr("must be true or false"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["task"]["makes"] = {1}; }), HasSubstr("must be an array of strings"));
  EXPECT_THAT(AfterJson([](Json& j) { j["inputs"]["task"]["encoder"] = "x"; }),
              HasSubstr("inputs.task.encoder must be an object"));
  EXPECT_THAT(AfterJson([](Json& j) { j["outputs"]["action"]["unnormalize"]["max"] = "1"; }),
              HasSubstr("outputs.action.unnormalize.max must be an array of numbers"));
  EXPECT_THAT(AfterJson([](Json& j) { j["outputs"]["action"]["unnormalize"].erase("mode"); }),
              HasSubstr("outputs.action.unnormalize.mode is missing"));
  EXPECT_THAT(AfterJson([](Json& j) { j["control"]["period_s"] = "fast"; }), HasSubstr("must be a number"));
  EXPECT_THAT(AfterJson([](Json& j) { j["control"]["n_action_steps"] = 1.5; }), HasSubstr("must be an integer"));
  EXPECT_THAT(AfterJson([](Json& j) { j["graphs"]["head"]["inputs"]["x"] = 1; }),
              HasSubstr("graphs.head.inputs.x must be a string"));
  EXPECT_THAT(AfterJson([](Json& j) { j["schedules"]["streaming"] = "x"; }),
              HasSubstr("schedules.streaming must be an array"));
  EXPECT_THAT(AfterJson([](Json& j) { j["schedules"]["streaming"][1] = "encoder"; }),
              HasSubstr("schedules.streaming[1] must be an object"));
}

TEST(PolicyJson, AStepIsOneThing) {
  EXPECT_THAT(AfterJson([](Json& j) { j["schedules"]["streaming"][1]["window"] = "x"; }),
              HasSubstr("schedules.streaming[1] is run and window at once; make a step of each"));
  EXPECT_THAT(AfterJson([](Json& j) {
                j["schedules"]["streaming"][1] = {{"windw", "x"}};
              }),
              HasSubstr("schedules.streaming[1].windw is not a kind of step; did you mean \"window\"?"));
  EXPECT_THAT(AfterJson([](Json& j) { j["schedules"]["streaming"][1] = Json::object(); }),
              HasSubstr("schedules.streaming[1] does not say what it is; a step has one of the keys run, window"));
}

TEST(PolicyJson, PicturesAreNeverNormalizedOrSizedByAGuess) {
  const auto front = [](auto change) {
    return AfterJson([&](Json& j) { change(j["inputs"]["observation.images.front"]); });
  };
  EXPECT_THAT(front([](Json& i) { i.erase("preprocess"); }), HasSubstr("preprocess is missing"));
  EXPECT_THAT(front([](Json& i) { i["preprocess"].erase("std"); }), HasSubstr("preprocess.std is missing"));
  EXPECT_THAT(front([](Json& i) {
                i["preprocess"]["mean"] = {1, 2};
              }),
              HasSubstr("preprocess.mean has 2 values, not red, green and blue"));
  EXPECT_THAT(front([](Json& i) { i["preprocess"]["normalize"] = "clip"; }), HasSubstr("are both given"));
  EXPECT_THAT(front([](Json& i) {
                i["preprocess"].erase("mean");
                i["preprocess"].erase("std");
              }),
              HasSubstr("preprocess.normalize is missing; give normalize (clip, imagenet, none), or mean and std"));
  EXPECT_THAT(front([](Json& i) {
                i["shape"] = {3, -1, 48};
              }),
              HasSubstr("preprocess.size is missing, and the shape leaves height or width open"));
  EXPECT_THAT(front([](Json& i) { i["shape"] = {3, 5000, 48}; }), HasSubstr("is 5000 x 48 (height x width), not 1 to"));
  EXPECT_THAT(front([](Json& i) { i["preprocess"]["size"] = {32}; }), HasSubstr("must be [height, width]"));
  EXPECT_THAT(front([](Json& i) { i["preprocess"]["size"] = {0, 48}; }), HasSubstr("is 0 x 48"));
}

TEST(PolicyJson, TextThatIsNoJsonDoesNotPassForAnObject) {
  Policy policy = testing::FullPolicy();
  policy.settings = "{";
  const auto back = ParsePolicy(PolicyToJson(policy), "p.json");
  ASSERT_FALSE(back.ok());
  EXPECT_THAT(back.error().ToString(), HasSubstr("settings must be an object"));
}

}  // namespace
}  // namespace vlaq::policy

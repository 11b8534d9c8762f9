#include "policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "policy/testing.h"

namespace vlaq::policy {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RunStep;
using testing::WindowStep;

// "ok", or what Validate() says of the full policy after `change`.
template <typename Change>
std::string After(const Change& change) {
  Policy policy = testing::FullPolicy();
  change(policy);
  const Status status = Validate(policy, "p.json");
  if (!status.ok()) {
    EXPECT_EQ(status.error().code, ErrorCode::kInput);
  }
  return status.ok() ? "ok" : status.error().ToString();
}

Input& In(Policy& policy, std::string_view name) {
  return *std::find_if(policy.inputs.begin(), policy.inputs.end(),
                       [&](const Input& input) { return input.name == name; });
}

TEST(Policy, NamesGoBothWays) {
  for (const std::string& name : StepKindNames()) EXPECT_EQ(Name(*FindStepKind(name)), name);
  for (const std::string& name : InputTypeNames()) EXPECT_EQ(Name(*FindInputType(name)), name);
  for (const std::string& name : NormalizationModeNames()) EXPECT_EQ(Name(*FindNormalizationMode(name)), name);
  for (const std::string& name : ImageLayoutNames()) EXPECT_EQ(Name(*FindImageLayout(name)), name);
  for (const std::string& name : NoiseKindNames()) EXPECT_EQ(Name(*FindNoiseKind(name)), name);
  EXPECT_EQ(StepKindNames().size(), 7U);
  EXPECT_FALSE(FindStepKind("Run").has_value());
}

TEST(Policy, FindsInputsAndOutputsByName) {
  const Policy policy = testing::FullPolicy();
  EXPECT_EQ(policy.FindInput("task")->type, InputType::kText);
  EXPECT_EQ(policy.FindInput("tas"), nullptr);
  EXPECT_EQ(policy.FindOutput("gripper")->dtype, DType::kI64);
  EXPECT_EQ(policy.FindOutput("task"), nullptr);
  EXPECT_THAT(ValuesOf(*policy.FindInput("task")), ElementsAre("task.ids", "task.mask"));
  EXPECT_THAT(ValuesOf(*policy.FindInput("noise")), ElementsAre("noise"));
}

TEST(PolicyValidate, TakesAFullPolicy) {
  EXPECT_EQ(After([](Policy&) {}), "ok");
}

TEST(PolicyValidate, NamesAreUniqueAndThere) {
  EXPECT_EQ(After([](Policy& p) { p.family = ""; }), "p.json: family is empty");
  EXPECT_THAT(After([](Policy& p) { p.inputs[1].name = p.inputs[0].name; }),
              HasSubstr("inputs has \"observation.images.front\" twice"));
  EXPECT_THAT(After([](Policy& p) { p.inputs[0].name = ""; }), HasSubstr("inputs has an empty name"));
  EXPECT_THAT(After([](Policy& p) { p.outputs[1].name = "action"; }), HasSubstr("outputs has \"action\" twice"));
  EXPECT_THAT(After([](Policy& p) { In(p, "count").name = "task.ids"; }),
              HasSubstr("inputs.task makes the value \"task.ids\", which another input is"));
  EXPECT_THAT(After([](Policy& p) { p.outputs.clear(); }), HasSubstr("outputs are none"));
  EXPECT_THAT(After([](Policy& p) { p.compare = {"a", "a"}; }), HasSubstr("compare has \"a\" twice"));
  EXPECT_THAT(After([](Policy& p) { p.settings = "[]"; }), HasSubstr("settings are not a JSON object"));
  EXPECT_THAT(After([](Policy& p) { p.schedules.clear(); }), HasSubstr("schedules are none"));
  EXPECT_THAT(After([](Policy& p) { p.schedules[""] = p.schedules["streaming"]; }),
              HasSubstr("schedules has an empty name"));
  EXPECT_THAT(After([](Policy& p) { p.default_schedule = "steaming"; }),
              HasSubstr("default_schedule is \"steaming\", which is no schedule; did you mean \"streaming\"?"));
  EXPECT_THAT(After([](Policy& p) { p.default_schedule = "zzz"; }), HasSubstr("known are streaming, unheld"));
}

TEST(PolicyValidate, ExtentsArePossible) {
  EXPECT_THAT(After([](Policy& p) { In(p, "observation.state").shape = {0}; }),
              HasSubstr("inputs.observation.state.shape has the extent 0; extents are at least 1, or -1 for any"));
  EXPECT_THAT(After([](Policy& p) { In(p, "observation.state").shape = {-2, 4}; }), HasSubstr("has the extent -2"));
  EXPECT_THAT(After([](Policy& p) { In(p, "observation.state").shape = Shape(9, 1); }), HasSubstr("has 9 axes"));
  EXPECT_THAT(After([](Policy& p) {
                In(p, "observation.state").shape = {INT64_MAX, INT64_MAX, 4};
              }),
              HasSubstr("elements"));
  EXPECT_THAT(After([](Policy& p) { p.outputs[1].shape = {0}; }), HasSubstr("outputs.gripper.shape has the extent 0"));
  EXPECT_THAT(After([](Policy& p) { In(p, "noise").shape = {-1, 2}; }), HasSubstr("how much noise"));
  EXPECT_THAT(After([](Policy& p) { In(p, "noise").dtype = DType::kI64; }), HasSubstr("inputs.noise.dtype is int64"));
}

TEST(PolicyValidate, NamesAndUnitsAreOneAnElement) {
  EXPECT_THAT(After([](Policy& p) { In(p, "observation.state").names.pop_back(); }),
              HasSubstr("inputs.observation.state.names has 3 values, the last axis 4 elements"));
  EXPECT_THAT(After([](Policy& p) { p.outputs[0].units.emplace_back("m"); }),
              HasSubstr("outputs.action.units has 3 values, the last axis 2 elements"));
  EXPECT_THAT(After([](Policy& p) { p.outputs[0].names[1] = "linear_x"; }),
              HasSubstr("outputs.action.names has \"linear_x\" twice"));
  EXPECT_THAT(After([](Policy& p) { In(p, "count").names = {"n"}; }), HasSubstr("there is no axis"));
  EXPECT_EQ(After([](Policy& p) { In(p, "observation.state").shape = {-1}; }), "ok") << "an open axis may have them";
}

TEST(PolicyValidate, NormalizationFitsTheNumbers) {
  const auto state = [](Normalization by) {
    return After([&](Policy& p) { In(p, "observation.state").normalize = std::move(by); });
  };
  using Mode = NormalizationMode;
  EXPECT_EQ(state({Mode::kMeanStd, {1, 2, 3}, {1, 1, 1, 1}}),
            "p.json: inputs.observation.state.normalize.mean has 3 values, the last axis 4 elements");
  EXPECT_THAT(state({Mode::kMeanStd, {1}, {}}), HasSubstr("inputs.observation.state.normalize.std has no values"));
  EXPECT_THAT(state({Mode::kMeanStd, {1}, {1, 0, 1, 1}}), HasSubstr("normalize.std holds a value that is not above 0"));
  EXPECT_THAT(state({Mode::kMeanStd, {std::nan("")}, {1}}),
              HasSubstr("normalize.mean holds a value that is not finite"));
  EXPECT_THAT(state({Mode::kMinMax, {0}, {1, 1, 0, 1}}), HasSubstr("normalize: min 0 is not below max 0 (element 2)"));
  EXPECT_THAT(state({Mode::kMinMax, {1}, {kInfinity}}), HasSubstr("normalize.max holds a value that is not finite"));
  EXPECT_THAT(state({Mode::kScale, {1, 0, 1, 1}, {}}), HasSubstr("normalize.scale holds 0"));
  EXPECT_EQ(state({Mode::kScale, {-2}, {}}), "ok");
  EXPECT_EQ(state({Mode::kMinMax, {0, 0, 0, 0}, {1}}), "ok") << "one for all beside one an element";
  EXPECT_THAT(After([](Policy& p) {
                Input& open = In(p, "observation.state");
                open.shape = {-1};
                open.normalize = {Mode::kMinMax, {0, 0}, {1, 1, 1}};
              }),
              HasSubstr("normalize: min has 2 values, max 3"));
  EXPECT_THAT(After([](Policy& p) {
                p.outputs[1].unnormalize = {Mode::kScale, {2}, {}};
              }),
              HasSubstr("outputs.gripper.unnormalize is of int64 numbers"));
  EXPECT_THAT(After([](Policy& p) {
                In(p, "noise").normalize = {Mode::kScale, {2}, {}};
              }),
              HasSubstr("inputs.noise.normalize is of state inputs, not of noise"));
}

TEST(PolicyValidate, PicturesFitTheirShape) {
  const auto front = [](auto change) { return After([&](Policy& p) { change(p.inputs[0]); }); };
  EXPECT_THAT(front([](Input& i) { i.shape = {3, 32}; }), HasSubstr("shape is [3, 32], not [3, height, width]"));
  EXPECT_THAT(front([](Input& i) { i.shape = {1, 32, 48}; }), HasSubstr("has 1 channels, not 3"));
  EXPECT_THAT(front([](Input& i) {
                i.shape = {3, 48, 32};
              }),
              HasSubstr("preprocess makes pictures of 32 x 48 (height x width), the shape is [3, 48, 32]"));
  EXPECT_THAT(front([](Input& i) { i.preprocess.image_size = -1; }), HasSubstr("preprocess makes pictures of"));
  EXPECT_THAT(front([](Input& i) { i.preprocess.statistics->standard_deviation[1] = 0; }),
              HasSubstr("preprocess.std holds a value that is not above 0"));
  EXPECT_THAT(front([](Input& i) { i.preprocess.statistics->mean[1] = kInfinity; }),
              HasSubstr("preprocess.mean holds a value that is not finite"));
  EXPECT_THAT(After([](Policy& p) { p.inputs[1].dtype = DType::kF32; }),
              HasSubstr("inputs.observation.images.top.dtype is float32; the layout hwc takes uint8 as it is"));
  EXPECT_THAT(After([](Policy& p) { p.inputs[1].shape = {-1, -1, 4}; }), HasSubstr("has 4 channels, not 3"));
}

TEST(PolicyValidate, TextsMakeValues) {
  EXPECT_THAT(After([](Policy& p) { In(p, "task").makes.clear(); }), HasSubstr("inputs.task.makes is empty"));
  EXPECT_THAT(After([](Policy& p) {
                In(p, "task").makes = {"a", "a"};
              }),
              HasSubstr("inputs.task.makes has \"a\" twice"));
  EXPECT_THAT(After([](Policy& p) { In(p, "task").encoder = "3"; }),
              HasSubstr("inputs.task.encoder is not a JSON object"));
  EXPECT_THAT(After([](Policy& p) { In(p, "task").shape = {3}; }), HasSubstr("inputs.task.shape: a text has none"));
}

TEST(PolicyValidate, ControlIsPossible) {
  EXPECT_THAT(After([](Policy& p) { p.control.period_s = 0; }), HasSubstr("control.period_s is 0, not 0.0001 to 60"));
  EXPECT_THAT(After([](Policy& p) { p.control.period_s = std::nan(""); }), HasSubstr("control.period_s"));
  EXPECT_THAT(After([](Policy& p) { p.control.n_action_steps = 0; }), HasSubstr("n_action_steps is 0, not at least 1"));
  EXPECT_THAT(After([](Policy& p) {
                p.control = {0.1, 6, {}};
              }),
              HasSubstr("control.n_action_steps is 6, but a chunk of outputs.action has 5"));
  EXPECT_THAT(After([](Policy& p) {
                p.control = {0.1, 2, 0.01};
              }),
              HasSubstr("control.temporal_ensemble_coeff is given, but n_action_steps is 2"));
  EXPECT_THAT(After([](Policy& p) { p.control.temporal_ensemble_coeff = kInfinity; }), HasSubstr("is not finite"));
  EXPECT_EQ(After([](Policy& p) { p.control = {0.1, 5, {}}; }), "ok");
  EXPECT_THAT(After([](Policy& p) {
                std::swap(p.outputs[0], p.outputs[1]);
                p.control = {0.1, 2, {}};
              }),
              HasSubstr("control plays chunks, but outputs.gripper.shape is [-1], not [chunk, values]"));
}

TEST(PolicyValidate, GraphsAreBoundAndRun) {
  EXPECT_THAT(After([](Policy& p) { p.graphs.clear(); }), HasSubstr("graphs are none"));
  EXPECT_THAT(After([](Policy& p) { p.graphs["head"].file = ""; }), HasSubstr("graphs.head.file is empty"));
  EXPECT_THAT(After([](Policy& p) { p.graphs["head"].outputs.clear(); }), HasSubstr("graphs.head.outputs are none"));
  EXPECT_THAT(After([](Policy& p) { p.graphs["head"].inputs["x"] = ""; }),
              HasSubstr("graphs.head.inputs has an empty name"));
  EXPECT_THAT(After([](Policy& p) { p.graphs["head"].outputs["g"] = "action"; }),
              HasSubstr("graphs.head.outputs has \"action\" twice"));
  EXPECT_THAT(After([](Policy& p) { p.graphs["other"] = p.graphs["head"]; }),
              HasSubstr("graphs.other is run by no schedule"));
  EXPECT_THAT(After([](Policy& p) { p.schedules["streaming"][1].graph = "encodr"; }),
              HasSubstr("schedules.streaming[1] runs \"encodr\", which is no graph; did you mean \"encoder\"?"));
  EXPECT_THAT(After([](Policy& p) { p.graphs["encoder"].inputs.erase("s"); }),
              HasSubstr("inputs.observation.state is read by no schedule"));
}

TEST(PolicyValidate, ValuesAreMadeBeforeTheyAreRead) {
  EXPECT_THAT(
      After([](Policy& p) { p.graphs["encoder"].inputs["s"] = "observation.stat"; }),
      HasSubstr("schedules.streaming[1]: graph encoder reads \"observation.stat\", which no input is and no step "
                "makes; did you mean \"observation.state\"?"));
  EXPECT_THAT(After([](Policy& p) {
                auto& steps = p.schedules["streaming"];
                std::swap(steps[1], steps[2]);
              }),
              HasSubstr("schedules.streaming[1] reads \"feature\", which only schedules.streaming[2] makes; a value is "
                        "read after it is made"));
  EXPECT_THAT(
      After([](Policy& p) { p.schedules["streaming"][2].as = "feature"; }),
      HasSubstr("schedules.streaming[2] makes \"feature\", which is there already (schedules.streaming[1]); each "
                "value has a name of its own"));
  EXPECT_THAT(After([](Policy& p) { p.schedules["streaming"][2].as = "noise"; }),
              HasSubstr("makes \"noise\", which is there already (inputs.noise)"));
  EXPECT_THAT(After([](Policy& p) { p.schedules["streaming"][2].as = ""; }), HasSubstr("a value without a name"));
  EXPECT_THAT(After([](Policy& p) { p.schedules["streaming"].clear(); }),
              HasSubstr("schedules.streaming has no steps"));
  EXPECT_THAT(After([](Policy& p) { p.schedules["streaming"].push_back(RunStep("head")); }),
              HasSubstr("makes \"action\", which is there already"));
}

TEST(PolicyValidate, EveryScheduleMakesEveryOutput) {
  EXPECT_THAT(After([](Policy& p) { p.schedules["unheld"].pop_back(); }),
              HasSubstr("schedules.unheld does not make the output \"action\""));
  EXPECT_THAT(After([](Policy& p) { p.graphs["head"].outputs["g"] = "griper"; }),
              HasSubstr("does not make the output \"gripper\"; did you mean \"griper\"?"));
  EXPECT_THAT(After([](Policy& p) { p.outputs[1].name = "noise"; }),
              HasSubstr("does not make the output \"noise\", which is an input"));
  EXPECT_THAT(After([](Policy& p) { p.outputs[1].name = "velocity"; }),
              AllOf(HasSubstr("gives the output \"velocity\""), HasSubstr("inside a repeat, and which ends with it")));
}

TEST(PolicyValidate, HoldsAndRepeatsHaveScopes) {
  // What a hold makes stays; the policy is valid with `words` read after it. What a repeat makes ends with it.
  EXPECT_THAT(
      After([](Policy& p) { p.graphs["head"].inputs["x"] = "velocity"; }),
      HasSubstr("graph head reads \"velocity\", which schedules.streaming[6].steps[0] makes inside a repeat, and "
                "which ends with it; a repeat hands on what it carries"));
  EXPECT_THAT(After([](Policy& p) { p.graphs["head"].inputs["x"] = "t"; }), HasSubstr("ends with it"));
  EXPECT_THAT(After([](Policy& p) { p.graphs["encoder"].inputs["s"] = "x"; }),
              HasSubstr("reads \"x\", which only schedules.streaming[6] makes"));
  const auto streaming = [](size_t index, auto change) {
    return After([&](Policy& p) { change(p.schedules["streaming"][index]); });
  };
  EXPECT_THAT(streaming(0, [](Step& s) { s.when.clear(); }), HasSubstr("schedules.streaming[0].when names no value"));
  EXPECT_THAT(streaming(0, [](Step& s) { s.when = {"task"}; }), HasSubstr("[0].when reads \"task\""));
  EXPECT_THAT(streaming(0, [](Step& s) { s.steps.clear(); }), HasSubstr("schedules.streaming[0].hold has no steps"));
  EXPECT_THAT(
      streaming(0, [](Step& s) { s.steps.push_back(WindowStep("words", 2, "more")); }),
      HasSubstr("schedules.streaming[0].hold[1] is a window inside a hold: it would not see every control step"));
  EXPECT_THAT(streaming(6, [](Step& s) { s.steps.push_back(WindowStep("velocity", 2, "more")); }),
              HasSubstr("schedules.streaming[6].steps[1] is a window inside a repeat"));
  EXPECT_THAT(streaming(6, [](Step& s) { s.steps.clear(); }), HasSubstr("schedules.streaming[6].steps are none"));
  EXPECT_THAT(streaming(6, [](Step& s) { s.times = 0; }), HasSubstr("schedules.streaming[6].repeat is 0, not 1 to"));
  EXPECT_THAT(streaming(6, [](Step& s) { s.times = 4; }),
              HasSubstr("schedules.streaming[6].constants \"t\" has 3 values for 4 rounds"));
  EXPECT_THAT(streaming(6, [](Step& s) { s.constants[0].shape = {-1}; }), HasSubstr("is [-1], which cannot be filled"));
  EXPECT_THAT(streaming(6, [](Step& s) { s.constants[0].values[1] = kInfinity; }), HasSubstr("not finite"));
  EXPECT_THAT(
      streaming(6, [](Step& s) { s.carry[0].from = "nois"; }),
      HasSubstr("schedules.streaming[6].carry reads \"nois\", which no input is and no step makes; did you mean "
                "\"noise\"?"));
  EXPECT_THAT(streaming(6, [](Step& s) { s.carry[0].next = "feature"; }),
              HasSubstr("goes on with \"feature\", which no step inside makes"));
  EXPECT_THAT(streaming(6, [](Step& s) { s.carry[0].next = "velo"; }), HasSubstr("carry reads \"velo\""));
  EXPECT_THAT(streaming(6, [](Step& s) { s.carry[0].as = "noise"; }), HasSubstr("is there already"));
}

TEST(PolicyValidate, StepsHaveLengthsAxesAndShapes) {
  const auto streaming = [](size_t index, auto change) {
    return After([&](Policy& p) { change(p.schedules["streaming"][index]); });
  };
  EXPECT_THAT(streaming(2, [](Step& s) { s.length = 0; }),
              HasSubstr("schedules.streaming[2].length is 0, not 1 to 4096"));
  EXPECT_THAT(streaming(2, [](Step& s) { s.length = 4097; }), HasSubstr("is 4097"));
  EXPECT_THAT(streaming(3, [](Step& s) { s.axis = -1; }), HasSubstr("schedules.streaming[3].axis is -1, not 0 to 7"));
  EXPECT_THAT(streaming(4, [](Step& s) { s.axis = 8; }), HasSubstr("schedules.streaming[4].axis is 8"));
  EXPECT_THAT(streaming(4, [](Step& s) { s.values.pop_back(); }), HasSubstr("fewer than two values"));
  EXPECT_THAT(streaming(4, [](Step& s) { s.values[0] = "word"; }), HasSubstr("did you mean \"words\"?"));
  EXPECT_THAT(streaming(5,
                        [](Step& s) {
                          s.shape = {1, 0};
                        }),
              HasSubstr("schedules.streaming[5].shape is [1, 0], which cannot be filled"));
  EXPECT_THAT(streaming(5, [](Step& s) { s.shape = {INT64_MAX, 2}; }), HasSubstr("which cannot be filled"));
  EXPECT_THAT(streaming(5, [](Step& s) { s.value = "h1"; }),
              HasSubstr("schedules.streaming[5] carries \"h1\", which schedules.streaming[6].steps[0] makes inside a "
                        "repeat"));
  EXPECT_THAT(streaming(5, [](Step& s) { s.value = "kep"; }), HasSubstr("carries \"kep\", which no input is"));
}

}  // namespace
}  // namespace vlaq::policy

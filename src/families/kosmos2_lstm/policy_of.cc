#include "families/kosmos2_lstm/policy_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"

namespace vlaq::kosmos2_lstm {
namespace {

using policy::Graph;
using policy::Input;
using policy::InputType;
using policy::NormalizationMode;
using policy::Output;
using policy::Policy;
using policy::PolicyToJson;
using policy::Step;
using policy::StepKind;

constexpr std::string_view kCamera = "observation.images.front";
constexpr std::string_view kTask = "task";
constexpr std::string_view kAction = "action";
// What the values of a mobile base's action are.
struct BaseAxis {
  std::string_view name, unit;
};
constexpr std::array kBaseAxes{BaseAxis{"linear_x", "m/s"}, BaseAxis{"linear_y", "m/s"},
                               BaseAxis{"angular_z", "rad/s"}};

Input CameraOf(const PolicySpec& spec) {
  Input camera;
  camera.name = kCamera;
  camera.type = InputType::kImage;
  camera.shape = {3, spec.preprocess.height(), spec.preprocess.width()};
  camera.preprocess = spec.preprocess;
  return camera;
}

Input TaskOf(const PolicySpec& spec, const std::string& tokenizer) {
  Input task;
  task.name = kTask;
  task.type = InputType::kText;
  task.makes = {"input_ids", "attention_mask"};
  Json encoder{{"prompt_layout", Name(spec.prompt_layout)}};
  if (!tokenizer.empty()) encoder["tokenizer"] = tokenizer;
  task.encoder = JsonString(encoder);
  return task;
}

Output ActionOf(const PolicySpec& spec) {
  Output action;
  action.name = kAction;
  action.shape = {spec.chunk, spec.action_dim};
  if (spec.action_dim <= static_cast<int64_t>(kBaseAxes.size())) {  // else of a robot that nobody described
    for (size_t i = 0; i < static_cast<size_t>(spec.action_dim); ++i) {
      action.names.emplace_back(kBaseAxes[i].name);
      action.units.emplace_back(kBaseAxes[i].unit);
    }
  }
  action.unnormalize = {NormalizationMode::kScale, {spec.action_scale}, {}};
  return action;
}

Step RunOf(std::string_view graph) {
  Step step;
  step.kind = StepKind::kRun;
  step.graph = graph;
  return step;
}

Step WindowOf(std::string_view value, int64_t length, std::string_view as) {
  Step step;
  step.kind = StepKind::kWindow;
  step.value = value;
  step.length = length;
  step.as = as;
  return step;
}

// A member that the settings do not determine.
bool IsFree(std::string_view key) { return key == "names" || key == "units" || key == "encoder"; }

// The first place where two documents differ, as a sentence; empty: none.
std::string FirstDifference(const Json& have, const Json& expected,
                            const std::string& path) {  // NOLINT(misc-no-recursion)
  if (have.is_object() && expected.is_object()) {
    for (const auto& [key, value] : expected.items()) {
      if (IsFree(key)) continue;
      const std::string here = fmt::format("{}.{}", path, key);
      if (!have.contains(key)) return fmt::format("{} is missing, but by the settings {}", here, JsonString(value));
      if (std::string found = FirstDifference(have[key], value, here); !found.empty()) return found;
    }
    for (const auto& [key, value] : have.items()) {
      if (!IsFree(key) && !expected.contains(key))
        return fmt::format("{}.{} is there, but not by the settings", path, key);
    }
    return "";
  }
  if (have.is_array() && expected.is_array() && have.size() == expected.size()) {
    for (size_t i = 0; i < have.size(); ++i) {
      if (std::string found = FirstDifference(have[i], expected[i], fmt::format("{}[{}]", path, i)); !found.empty()) {
        return found;
      }
    }
    return "";
  }
  if (have == expected) return "";
  return fmt::format("{} is {}, but by the settings {}", path, JsonString(have), JsonString(expected));
}

}  // namespace

bool CanReadTask(const PolicySpec& spec) { return spec.feature_source != FeatureSource::kPooler; }

std::vector<std::string> EncoderStages(const PolicySpec& spec) {
  std::vector<std::string> stages{std::string(kVisionLastHidden)};
  if (!CanReadTask(spec)) return stages;
  stages.emplace_back(kImageEmbeds);
  stages.emplace_back(kTextLastHidden);
  return stages;
}

Policy PolicyOf(const PolicySpec& spec, bool reads_task, const PolicyFiles& files) {
  Policy policy;
  policy.family = kKosmos2Lstm;
  policy.inputs.push_back(CameraOf(spec));
  if (reads_task) policy.inputs.push_back(TaskOf(spec, files.tokenizer));
  policy.outputs.push_back(ActionOf(spec));
  policy.control.period_s = spec.control_period_s;
  const auto file = [&](const std::string& graph) {
    const auto it = files.graphs.find(graph);
    return it == files.graphs.end() ? std::string() : it->second;
  };
  const std::string camera(kCamera), action(kAction);
  Graph& encoder = policy.graphs["encoder"];
  encoder = {file("encoder"), {{"pixel_values", camera}}, {{"feature", "feature"}}};
  if (reads_task) {
    encoder.inputs.emplace("input_ids", "task.input_ids");
    encoder.inputs.emplace("attention_mask", "task.attention_mask");
  }
  policy.graphs["head"] = {file("head"), {{"features", "features"}}, {{"actions", action}}};
  policy.graphs["whole"] = {file("whole"), {{"pixel_values", "pixel_values"}}, {{"actions", action}}};
  policy.schedules["streaming"] = {RunOf("encoder"), WindowOf("feature", spec.window, "features"), RunOf("head")};
  policy.schedules["whole"] = {WindowOf(camera, spec.window, "pixel_values"), RunOf("whole")};
  policy.default_schedule = "streaming";
  for (const auto& [stage, value] : files.stages) policy.compare.push_back(stage);
  policy.settings = JsonString(PolicySpecToJson(spec));
  return policy;
}

std::string DisagreementWithSettings(const Policy& policy, const PolicySpec& spec) {
  const Json have = PolicyToJson(policy);
  const Json expected = PolicyToJson(PolicyOf(spec, policy::TextInput(policy) != nullptr));
  for (const char* part : {"inputs", "outputs", "schedules"}) {
    if (std::string found = FirstDifference(have[part], expected[part], part); !found.empty()) return found;
  }
  return FirstDifference(have["control"]["period_s"], expected["control"]["period_s"], "control.period_s");
}

Result<PolicySpec> SettingsOf(const Policy& policy, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(const Json settings, ParseJson(policy.settings, where + ": settings"));
  VLAQ_ASSIGN_OR_RETURN(PolicySpec spec, ParsePolicySpec(settings, where + ": settings", {}));
  if (Status valid = Validate(spec); !valid.ok()) return InputError(where, valid.error().what, valid.error().advice);
  return spec;
}

Result<Json> SettingsIn(const Json& json, const std::string& where) {
  const Json schema = json.is_object() ? json.value("schema", Json()) : Json();
  if (!schema.is_string() || !schema.get<std::string>().starts_with("vlaq.policy/")) return json;
  VLAQ_ASSIGN_OR_RETURN(const Policy policy, policy::ParsePolicy(json, where));
  if (policy.family != kKosmos2Lstm) {
    return InputError(
        where, fmt::format("is a policy of the family {}; its settings are no {}'s", policy.family, kKosmos2Lstm));
  }
  return ParseJson(policy.settings, where + ": settings");
}

}  // namespace vlaq::kosmos2_lstm

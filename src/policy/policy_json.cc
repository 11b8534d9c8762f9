// A policy as JSON and back. Every error names the file and the keys that lead to the place.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/json_field.h"
#include "base/text.h"
#include "policy/policy.h"

namespace vlaq::policy {
namespace {

using Keys = std::vector<std::string>;

constexpr int64_t kMaxPixels = 4096;  // of a side; what image::Preprocessor takes

// The numbers of a mode, as keys; the second of two-sided modes only.
struct ModeKeys {
  std::string_view a, b;
};
ModeKeys KeysOf(NormalizationMode mode) {
  switch (mode) {
    case NormalizationMode::kIdentity:
      return {};
    case NormalizationMode::kMeanStd:
      return {"mean", "std"};
    case NormalizationMode::kMinMax:
      return {"min", "max"};
    case NormalizationMode::kScale:
      return {"scale", ""};
  }
  return {};
}

void ReadNormalization(const JsonField& holder, std::string_view key, Normalization& to) {
  const auto part = holder.Find(key);
  if (!part) return;
  part->NeedName("mode", FindNormalizationMode, NormalizationModeNames(), to.mode);
  const ModeKeys keys = KeysOf(to.mode);
  Keys known{"mode"};
  if (!keys.a.empty()) known.emplace_back(keys.a);
  if (!keys.b.empty()) known.emplace_back(keys.b);
  part->Only(known, fmt::format("the mode {}", Name(to.mode)));
  if (!keys.a.empty()) part->Need(keys.a, to.a);
  if (!keys.b.empty()) part->Need(keys.b, to.b);
}

Json NormalizationToJson(const Normalization& normalization) {
  const ModeKeys keys = KeysOf(normalization.mode);
  Json json{{"mode", Name(normalization.mode)}};
  if (!keys.a.empty()) json[std::string(keys.a)] = normalization.a;
  if (!keys.b.empty()) json[std::string(keys.b)] = normalization.b;
  return json;
}

// [height, width] where the shape says them.
std::optional<std::pair<int64_t, int64_t>> SidesOf(const Input& input) {
  if (input.shape.size() != 3) return std::nullopt;
  const size_t first = input.layout == ImageLayout::kChw ? 1 : 0;
  const int64_t height = input.shape[first], width = input.shape[first + 1];
  if (height < 1 || width < 1) return std::nullopt;
  return std::pair(height, width);
}

void ReadSides(const JsonField& part, Input& input) {
  auto sides = SidesOf(input);
  if (const auto given = part.Find("size")) {
    const Shape size = given->Integers();
    if (size.size() != 2) return given->Fail("must be [height, width]");
    sides = std::pair(size[0], size[1]);
  }
  if (!sides) return part.FailAt("size", "is missing, and the shape leaves height or width open");
  for (const int64_t side : {sides->first, sides->second}) {
    if (side < 1 || side > kMaxPixels) {
      return part.FailAt("size", fmt::format("is {} x {} (height x width), not 1 to {} pixels", sides->first,
                                             sides->second, kMaxPixels));
    }
  }
  input.preprocess.image_size = static_cast<int>(sides->second);
  input.preprocess.image_height = sides->first == sides->second ? 0 : static_cast<int>(sides->first);
}

void ReadThree(const JsonField& field, std::array<double, 3>& to) {
  const std::vector<double> values = field.Numbers();
  if (values.size() != 3) return field.Fail(fmt::format("has {} values, not red, green and blue", values.size()));
  std::copy(values.begin(), values.end(), to.begin());
}

// Exactly one of "normalize" and the pair "mean", "std": pixels are never normalized by a guess.
void ReadStatistics(const JsonField& part, image::PreprocessSpec& to) {
  const bool own = part.Has("mean") || part.Has("std");
  if (own == part.Has("normalize")) {
    return part.FailAt("normalize", own ? "and mean, std are both given" : "is missing",
                       "give normalize (clip, imagenet, none), or mean and std");
  }
  if (!own) return part.ReadName("normalize", image::FindNormalization, image::NormalizationNames(), to.normalization);
  image::Statistics& statistics = to.statistics.emplace();
  ReadThree(part["mean"], statistics.mean);
  ReadThree(part["std"], statistics.standard_deviation);
}

// A picture that the graph takes as bytes has no settings of numbers.
void ReadPreprocessing(const JsonField& part, Input& input) {
  const bool bytes = input.layout == ImageLayout::kHwc;
  part.Only(bytes ? Keys{"resize", "channel_order", "pass_order", "size"}
                  : Keys{"resize", "normalize", "mean", "std", "channel_order", "pass_order", "size"},
            bytes ? "the preprocessing of bytes" : "preprocessing");
  image::PreprocessSpec& spec = input.preprocess;
  part.ReadName("resize", image::FindFilter, image::FilterNames(), spec.resize);
  part.ReadName("channel_order", image::FindChannelOrder, image::ChannelOrderNames(), spec.channel_order);
  part.ReadName("pass_order", image::FindPassOrder, image::PassOrderNames(), spec.pass_order);
  if (!bytes) ReadStatistics(part, spec);
  ReadSides(part, input);
}

Json PreprocessingToJson(const Input& input) {
  const image::PreprocessSpec& spec = input.preprocess;
  Json json{{"resize", image::FilterName(spec.resize)}};
  if (input.layout == ImageLayout::kChw && spec.statistics) {
    json["mean"] = spec.statistics->mean;
    json["std"] = spec.statistics->standard_deviation;
  } else if (input.layout == ImageLayout::kChw) {
    json["normalize"] = image::NormalizationName(spec.normalization);
  }
  json["channel_order"] = image::ChannelOrderName(spec.channel_order);
  json["pass_order"] = image::PassOrderName(spec.pass_order);
  if (SidesOf(input) != std::pair<int64_t, int64_t>(spec.height(), spec.width())) {
    json["size"] = {spec.height(), spec.width()};
  }
  return json;
}

std::string ArticleAnd(InputType type) {
  return fmt::format("{} {} input", type == InputType::kImage ? "an" : "a", Name(type));
}

Keys KeysOf(InputType type) {
  if (type == InputType::kText) return {"type", "makes", "encoder"};
  Keys keys{"type", "dtype", "shape", "batched", "names", "units"};
  switch (type) {
    case InputType::kImage:
      keys.insert(keys.end(), {"layout", "preprocess"});
      break;
    case InputType::kState:
      keys.emplace_back("normalize");
      break;
    case InputType::kNoise:
      keys.emplace_back("distribution");
      break;
    case InputType::kText:
      break;
  }
  return keys;
}

// The members that inputs and outputs have in common.
template <typename Feature>
void ReadNumbers(const JsonField& part, Feature& feature) {
  part.ReadName("dtype", FindDType, {}, feature.dtype);
  part.Need("shape", feature.shape);
  part.Read("batched", feature.batched);
  part.Read("names", feature.names);
  part.Read("units", feature.units);
}

Input ReadInput(const std::string& name, const JsonField& part) {
  Input input;
  input.name = name;
  part.NeedName("type", FindInputType, InputTypeNames(), input.type);
  part.Only(KeysOf(input.type), ArticleAnd(input.type));
  if (input.type == InputType::kText) {
    part.Need("makes", input.makes);
    if (const auto encoder = part.Find("encoder")) input.encoder = encoder->ObjectText();
    return input;
  }
  ReadNumbers(part, input);
  part.ReadName("layout", FindImageLayout, ImageLayoutNames(), input.layout);
  part.ReadName("distribution", FindNoiseKind, NoiseKindNames(), input.noise);
  ReadNormalization(part, "normalize", input.normalize);
  if (input.type == InputType::kImage) ReadPreprocessing(part["preprocess"], input);
  return input;
}

// JSON text of ours; what is no JSON is kept as a string, which no reader takes for an object.
Json OwnJson(const std::string& text) {
  auto json = ParseJson(text, "");
  return json.ok() ? std::move(*json) : Json(text);
}

template <typename Feature>
void AddNumbers(const Feature& feature, Json& json) {
  json["dtype"] = DTypeName(feature.dtype);
  json["shape"] = feature.shape;
  if (!feature.batched) json["batched"] = false;
  if (!feature.names.empty()) json["names"] = feature.names;
  if (!feature.units.empty()) json["units"] = feature.units;
}

Json InputToJson(const Input& input) {
  Json json{{"type", Name(input.type)}};
  if (input.type == InputType::kText) {
    json["makes"] = input.makes;
    json["encoder"] = OwnJson(input.encoder);
    return json;
  }
  AddNumbers(input, json);
  if (input.type == InputType::kNoise) json["distribution"] = Name(input.noise);
  if (input.type == InputType::kState && input.normalize.mode != NormalizationMode::kIdentity) {
    json["normalize"] = NormalizationToJson(input.normalize);
  }
  if (input.type == InputType::kImage) {
    if (input.layout != ImageLayout::kChw) json["layout"] = Name(input.layout);
    json["preprocess"] = PreprocessingToJson(input);
  }
  return json;
}

Output ReadOutput(const std::string& name, const JsonField& part) {
  Output output;
  output.name = name;
  part.Only({"dtype", "shape", "batched", "names", "units", "unnormalize"}, "an output");
  ReadNumbers(part, output);
  ReadNormalization(part, "unnormalize", output.unnormalize);
  return output;
}

Json OutputToJson(const Output& output) {
  Json json = Json::object();
  AddNumbers(output, json);
  if (output.unnormalize.mode != NormalizationMode::kIdentity) {
    json["unnormalize"] = NormalizationToJson(output.unnormalize);
  }
  return json;
}

Control ReadControl(const JsonField& part) {
  Control control;
  part.Only({"period_s", "n_action_steps", "temporal_ensemble_coeff"}, "control");
  part.Need("period_s", control.period_s);
  part.Read("n_action_steps", control.n_action_steps);
  part.Read("temporal_ensemble_coeff", control.temporal_ensemble_coeff);
  return control;
}

Json ControlToJson(const Control& control) {
  Json json{{"period_s", control.period_s}, {"n_action_steps", control.n_action_steps}};
  if (control.temporal_ensemble_coeff) json["temporal_ensemble_coeff"] = *control.temporal_ensemble_coeff;
  return json;
}

Graph ReadGraph(const JsonField& part) {
  Graph graph;
  // "bytes" and "sha256" are the bundle's, which keeps its record of the file here.
  part.Only({"file", "inputs", "outputs", "bytes", "sha256"}, "a graph");
  part.Need("file", graph.file);
  part.Need("inputs", graph.inputs);
  part.Need("outputs", graph.outputs);
  return graph;
}

Json GraphToJson(const Graph& graph) {
  return {{"file", graph.file}, {"inputs", Json(graph.inputs)}, {"outputs", Json(graph.outputs)}};
}

// An array of objects: `read` makes an item of each.
template <typename T, typename Read>
void ReadList(const JsonField& list, std::vector<T>& to, const Read& read) {
  for (const JsonField& item : list.Items()) to.push_back(read(item));
}

CarriedValue ReadCarriedValue(const JsonField& part) {
  CarriedValue value;
  part.Only({"as", "from", "next"}, "a carried value");
  part.Need("as", value.as);
  part.Need("from", value.from);
  part.Need("next", value.next);
  return value;
}

ConstantTable ReadConstantTable(const JsonField& part) {
  ConstantTable table;
  part.Only({"as", "dtype", "shape", "values"}, "a table of constants");
  part.Need("as", table.as);
  part.ReadName("dtype", FindDType, {}, table.dtype);
  part.Need("shape", table.shape);
  part.Need("values", table.values);
  return table;
}

// What a step is: the kind whose key it has. A repeat has carried values of its own under "carry".
StepKind ReadKind(const JsonField& part) {
  Keys found;
  for (const std::string& name : StepKindNames()) {
    if (!part.Has(name) || (name == "carry" && part.Has("repeat"))) continue;
    found.push_back(name);
  }
  if (found.size() == 1) return *FindStepKind(found[0]);
  if (found.size() > 1) {
    part.Fail(fmt::format("is {} at once", fmt::join(found, " and ")), "make a step of each");
    return {};
  }
  for (const auto& [key, value] : part.Members()) {
    const std::string nearest = NearestWord(key, StepKindNames());
    if (!nearest.empty()) value.Fail("is not a kind of step", fmt::format("did you mean \"{}\"?", nearest));
  }
  part.Fail("does not say what it is", fmt::format("a step has one of the keys {}", fmt::join(StepKindNames(), ", ")));
  return {};
}

Keys KeysOf(StepKind kind) {
  switch (kind) {
    case StepKind::kRun:
      return {"run"};
    case StepKind::kWindow:
      return {"window", "length", "as"};
    case StepKind::kHold:
      return {"hold", "when"};
    case StepKind::kCarry:
      return {"carry", "as", "dtype", "shape"};
    case StepKind::kRepeat:
      return {"repeat", "carry", "constants", "steps"};
    case StepKind::kSelect:
      return {"select", "axis", "index", "as"};
    case StepKind::kConcat:
      return {"concat", "axis", "as"};
  }
  return {};
}

Step ReadStep(const JsonField& part);

void ReadRepeat(const JsonField& part, Step& step) {
  part.Need("repeat", step.times);
  if (const auto carry = part.Find("carry")) ReadList(*carry, step.carry, ReadCarriedValue);
  if (const auto constants = part.Find("constants")) ReadList(*constants, step.constants, ReadConstantTable);
  ReadList(part["steps"], step.steps, ReadStep);
}

// As deep as the JSON, whose reader has a limit.
Step ReadStep(const JsonField& part) {  // NOLINT(misc-no-recursion)
  Step step;
  step.kind = ReadKind(part);
  if (!part.status().ok()) return step;
  part.Only(KeysOf(step.kind), fmt::format("a step that is {}", Name(step.kind)));
  switch (step.kind) {
    case StepKind::kRun:
      part.Need("run", step.graph);
      break;
    case StepKind::kWindow:
      part.Need("window", step.value);
      part.Need("length", step.length);
      part.Need("as", step.as);
      break;
    case StepKind::kHold:
      ReadList(part["hold"], step.steps, ReadStep);
      part.Need("when", step.when);
      break;
    case StepKind::kCarry:
      part.Need("carry", step.value);
      part.Need("as", step.as);
      part.ReadName("dtype", FindDType, {}, step.dtype);
      part.Need("shape", step.shape);
      break;
    case StepKind::kRepeat:
      ReadRepeat(part, step);
      break;
    case StepKind::kSelect:
      part.Need("select", step.value);
      part.Need("axis", step.axis);
      part.Need("index", step.index);
      part.Need("as", step.as);
      break;
    case StepKind::kConcat:
      part.Need("concat", step.values);
      part.Need("axis", step.axis);
      part.Need("as", step.as);
      break;
  }
  return step;
}

template <typename T, typename ToJson>
Json ListToJson(const std::vector<T>& items, const ToJson& to_json) {
  Json json = Json::array();
  for (const T& item : items) json.push_back(to_json(item));
  return json;
}

Json CarriedValueToJson(const CarriedValue& value) {
  return {{"as", value.as}, {"from", value.from}, {"next", value.next}};
}

Json ConstantTableToJson(const ConstantTable& table) {
  return {{"as", table.as}, {"dtype", DTypeName(table.dtype)}, {"shape", table.shape}, {"values", table.values}};
}

Json StepToJson(const Step& step) {  // NOLINT(misc-no-recursion)
  switch (step.kind) {
    case StepKind::kRun:
      return {{"run", step.graph}};
    case StepKind::kWindow:
      return {{"window", step.value}, {"length", step.length}, {"as", step.as}};
    case StepKind::kHold:
      return {{"hold", ListToJson(step.steps, StepToJson)}, {"when", step.when}};
    case StepKind::kCarry:
      return {{"carry", step.value}, {"as", step.as}, {"dtype", DTypeName(step.dtype)}, {"shape", step.shape}};
    case StepKind::kRepeat: {
      Json json{{"repeat", step.times}};
      if (!step.carry.empty()) json["carry"] = ListToJson(step.carry, CarriedValueToJson);
      if (!step.constants.empty()) json["constants"] = ListToJson(step.constants, ConstantTableToJson);
      json["steps"] = ListToJson(step.steps, StepToJson);
      return json;
    }
    case StepKind::kSelect:
      return {{"select", step.value}, {"axis", step.axis}, {"index", step.index}, {"as", step.as}};
    case StepKind::kConcat:
      return {{"concat", step.values}, {"axis", step.axis}, {"as", step.as}};
  }
  return {};
}

// The items of a list as members under their names.
template <typename T, typename ToJson>
Json MembersToJson(const std::vector<T>& items, const ToJson& to_json) {
  Json json = Json::object();
  for (const T& item : items) json[item.name] = to_json(item);
  return json;
}

}  // namespace

Result<Policy> ParsePolicy(const Json& json, const std::string& where) {
  const JsonField root(json, where);
  Policy policy;
  if (!root.HasSchema(kPolicySchema, "it was written by another version of vlaq")) return root.status().error();
  root.Need("family", policy.family);
  for (const auto& [name, input] : root["inputs"].Members()) policy.inputs.push_back(ReadInput(name, input));
  for (const auto& [name, output] : root["outputs"].Members()) policy.outputs.push_back(ReadOutput(name, output));
  policy.control = ReadControl(root["control"]);
  for (const auto& [name, graph] : root["graphs"].Members()) policy.graphs.emplace(name, ReadGraph(graph));
  for (const auto& [name, steps] : root["schedules"].Members()) {
    ReadList(steps, policy.schedules[name], ReadStep);
  }
  root.Need("default_schedule", policy.default_schedule);
  root.Read("compare", policy.compare);
  if (const auto settings = root.Find("settings")) policy.settings = settings->ObjectText();
  VLAQ_RETURN_IF_ERROR(root.status());
  return policy;
}

Json PolicyToJson(const Policy& policy) {
  Json json{{"schema", kPolicySchema},
            {"family", policy.family},
            {"inputs", MembersToJson(policy.inputs, InputToJson)},
            {"outputs", MembersToJson(policy.outputs, OutputToJson)},
            {"control", ControlToJson(policy.control)}};
  Json graphs = Json::object();
  for (const auto& [name, graph] : policy.graphs) graphs[name] = GraphToJson(graph);
  json["graphs"] = std::move(graphs);
  Json schedules = Json::object();
  for (const auto& [name, steps] : policy.schedules) schedules[name] = ListToJson(steps, StepToJson);
  json["schedules"] = std::move(schedules);
  json["default_schedule"] = policy.default_schedule;
  json["compare"] = policy.compare;
  json["settings"] = OwnJson(policy.settings);
  return json;
}

}  // namespace vlaq::policy

// A policy as JSON and back. Every error names the file and the keys that lead to the place.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "policy/policy.h"

namespace vlaq::policy {
namespace {

using Keys = std::vector<std::string>;

constexpr int64_t kMostPixels = 4096;  // of a side; what image::Preprocessor takes

template <typename T>
std::optional<T> As(const Json& json);
template <>
std::optional<int64_t> As(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return std::nullopt;
  }
  return json.get<int64_t>();
}
template <>
std::optional<double> As(const Json& json) {
  return json.is_number() ? std::optional(json.get<double>()) : std::nullopt;
}
template <>
std::optional<bool> As(const Json& json) {
  return json.is_boolean() ? std::optional(json.get<bool>()) : std::nullopt;
}
template <>
std::optional<std::string> As(const Json& json) {
  return json.is_string() ? std::optional(json.get<std::string>()) : std::nullopt;
}

template <typename T>
constexpr std::string_view kKindOf = "";
template <>
constexpr std::string_view kKindOf<int64_t> = "an integer";
template <>
constexpr std::string_view kKindOf<double> = "a number";
template <>
constexpr std::string_view kKindOf<bool> = "true or false";
template <>
constexpr std::string_view kKindOf<std::string> = "a string";
template <typename T>
constexpr std::string_view kKindOf<std::vector<T>> = "an array";
template <>
constexpr std::string_view kKindOf<std::vector<int64_t>> = "an array of integers";
template <>
constexpr std::string_view kKindOf<std::vector<double>> = "an array of numbers";
template <>
constexpr std::string_view kKindOf<std::vector<std::string>> = "an array of strings";

// One object of the document. null counts as absent, as elsewhere.
class Part {
 public:
  // Errors: kInput if it is no object.
  static Result<Part> Of(const Json& json, const std::string& file, std::string path) {
    if (json.is_object()) return Part(json, file, std::move(path));
    return path.empty() ? InputError(file, "is not a JSON object") : InputError(file, path + " must be an object");
  }

  const Json& json() const { return *json_; }
  const std::string& file() const { return *file_; }
  std::string Path(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }
  Error Wrong(std::string_view key, std::string_view problem, std::string advice = "") const {
    return InputError(*file_, fmt::format("{} {}", Path(key), problem), std::move(advice));
  }
  const Json* Find(std::string_view key) const {
    const auto it = json_->find(std::string(key));
    return it == json_->end() || it->is_null() ? nullptr : &*it;
  }

  // An absent member leaves `to` as it is. Errors: kInput for another type.
  template <typename T>
  Status Read(std::string_view key, T& to) const {
    const Json* json = Find(key);
    return json == nullptr ? Status() : Take(*json, key, to);
  }
  // The same where the member must be there.
  template <typename T>
  Status Need(std::string_view key, T& to) const {
    const Json* json = Find(key);
    return json == nullptr ? Status(Wrong(key, "is missing")) : Take(*json, key, to);
  }
  // A member that is one of `names`, which `find` knows.
  template <typename T>
  Status ReadName(std::string_view key, std::optional<T> (*find)(std::string_view), const Keys& names, T& to) const {
    if (Find(key) == nullptr) return {};
    std::string name;
    VLAQ_RETURN_IF_ERROR(Read(key, name));
    const auto found = find(name);
    if (!found) {
      const std::string nearest = NearestWord(name, names);
      return Wrong(key, fmt::format("is \"{}\", which is not known", name),
                   !nearest.empty() ? fmt::format("did you mean \"{}\"?", nearest)
                   : names.empty()  ? ""
                                    : fmt::format("known are {}", fmt::join(names, ", ")));
    }
    to = *found;
    return {};
  }
  Result<Part> Object(std::string_view key) const {
    const Json* json = Find(key);
    if (json == nullptr) return Wrong(key, "is missing");
    return Of(*json, *file_, Path(key));
  }
  // A family's own object, as JSON text.
  Status ReadText(std::string_view key, std::string& to) const {
    if (Find(key) == nullptr) return {};
    VLAQ_ASSIGN_OR_RETURN(const Part own, Object(key));
    to = own.json().dump();
    return {};
  }
  // Errors: kInput for a key that is not `known`, with the nearest that is. `what`: "an image input".
  Status Check(const Keys& known, std::string_view what) const {
    for (const auto& [key, value] : json_->items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string nearest = NearestWord(key, known);
      return Wrong(key, fmt::format("is not a key of {}", what),
                   nearest.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                                   : fmt::format("did you mean \"{}\"?", nearest));
    }
    return {};
  }

 private:
  Part(const Json& json, const std::string& file, std::string path)
      : json_(&json), file_(&file), path_(std::move(path)) {}

  template <typename T>
  Status Take(const Json& json, std::string_view key, T& to) const {
    auto value = As<T>(json);
    if (!value) return Wrong(key, fmt::format("must be {}", kKindOf<T>));
    to = std::move(*value);
    return {};
  }
  template <typename T>
  Status Take(const Json& json, std::string_view key, std::vector<T>& to) const {
    std::vector<T> items;
    if (!json.is_array()) return Wrong(key, fmt::format("must be {}", kKindOf<std::vector<T>>));
    for (const Json& item : json) {
      auto value = As<T>(item);
      if (!value) return Wrong(key, fmt::format("must be {}", kKindOf<std::vector<T>>));
      items.push_back(std::move(*value));
    }
    to = std::move(items);
    return {};
  }
  Status Take(const Json& json, std::string_view key, std::map<std::string, std::string>& to) const {
    VLAQ_ASSIGN_OR_RETURN(const Part part, Of(json, *file_, Path(key)));
    for (const auto& [name, value] : part.json().items()) {
      if (!value.is_string()) return part.Wrong(name, "must be a string");
      to.emplace(name, value.get<std::string>());
    }
    return {};
  }

  const Json* json_;
  const std::string* file_;
  std::string path_;
};

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

Status ReadNormalization(const Part& holder, std::string_view key, Normalization& to) {
  if (holder.Find(key) == nullptr) return {};
  VLAQ_ASSIGN_OR_RETURN(const Part part, holder.Object(key));
  if (part.Find("mode") == nullptr) return part.Wrong("mode", "is missing");
  VLAQ_RETURN_IF_ERROR(part.ReadName("mode", FindNormalizationMode, NormalizationModeNames(), to.mode));
  const ModeKeys keys = KeysOf(to.mode);
  Keys known{"mode"};
  if (!keys.a.empty()) known.emplace_back(keys.a);
  if (!keys.b.empty()) known.emplace_back(keys.b);
  VLAQ_RETURN_IF_ERROR(part.Check(known, fmt::format("the mode {}", Name(to.mode))));
  if (!keys.a.empty()) VLAQ_RETURN_IF_ERROR(part.Need(keys.a, to.a));
  if (!keys.b.empty()) VLAQ_RETURN_IF_ERROR(part.Need(keys.b, to.b));
  return {};
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

Status ReadSides(const Part& part, Input& input) {
  auto sides = SidesOf(input);
  if (part.Find("size") != nullptr) {
    Shape size;
    VLAQ_RETURN_IF_ERROR(part.Read("size", size));
    if (size.size() != 2) return part.Wrong("size", "must be [height, width]");
    sides = std::pair(size[0], size[1]);
  }
  if (!sides) return part.Wrong("size", "is missing, and the shape leaves height or width open");
  for (const int64_t side : {sides->first, sides->second}) {
    if (side < 1 || side > kMostPixels) {
      return part.Wrong("size", fmt::format("is {} x {} (height x width), not 1 to {} pixels", sides->first,
                                            sides->second, kMostPixels));
    }
  }
  input.preprocess.image_size = static_cast<int>(sides->second);
  input.preprocess.image_height = sides->first == sides->second ? 0 : static_cast<int>(sides->first);
  return {};
}

Status ReadThree(const Part& part, std::string_view key, std::array<double, 3>& to) {
  std::vector<double> values;
  VLAQ_RETURN_IF_ERROR(part.Need(key, values));
  if (values.size() != 3) return part.Wrong(key, fmt::format("has {} values, not red, green and blue", values.size()));
  std::copy(values.begin(), values.end(), to.begin());
  return {};
}

// Exactly one of "normalize" and the pair "mean", "std": pixels are never normalized by a guess.
Status ReadStatistics(const Part& part, image::PreprocessSpec& to) {
  const bool own = part.Find("mean") != nullptr || part.Find("std") != nullptr;
  if (own == (part.Find("normalize") != nullptr)) {
    return part.Wrong("normalize", own ? "and mean, std are both given" : "is missing",
                      "give normalize (clip, imagenet, none), or mean and std");
  }
  if (!own) return part.ReadName("normalize", image::FindNormalisation, {"clip", "imagenet", "none"}, to.normalisation);
  image::Statistics statistics{};
  VLAQ_RETURN_IF_ERROR(ReadThree(part, "mean", statistics.mean));
  VLAQ_RETURN_IF_ERROR(ReadThree(part, "std", statistics.standard_deviation));
  to.statistics = statistics;
  return {};
}

// Of a picture that the graph takes as bytes, nothing is said of numbers.
Status ReadPreprocessing(const Part& holder, Input& input) {
  VLAQ_ASSIGN_OR_RETURN(const Part part, holder.Object("preprocess"));
  const bool bytes = input.layout == ImageLayout::kHwc;
  VLAQ_RETURN_IF_ERROR(
      part.Check(bytes ? Keys{"resize", "channel_order", "pass_order", "size"}
                       : Keys{"resize", "normalize", "mean", "std", "channel_order", "pass_order", "size"},
                 bytes ? "the preprocessing of bytes" : "preprocessing"));
  image::PreprocessSpec& spec = input.preprocess;
  VLAQ_RETURN_IF_ERROR(part.ReadName("resize", image::FindFilter, {}, spec.resize));
  VLAQ_RETURN_IF_ERROR(part.ReadName("channel_order", image::FindChannelOrder, {"rgb", "bgr"}, spec.channel_order));
  VLAQ_RETURN_IF_ERROR(
      part.ReadName("pass_order", image::FindPassOrder, {"horizontal_first", "pillow13"}, spec.pass_order));
  if (!bytes) VLAQ_RETURN_IF_ERROR(ReadStatistics(part, spec));
  return ReadSides(part, input);
}

Json PreprocessingToJson(const Input& input) {
  const image::PreprocessSpec& spec = input.preprocess;
  Json json{{"resize", image::FilterName(spec.resize)}};
  if (input.layout == ImageLayout::kChw && spec.statistics) {
    json["mean"] = spec.statistics->mean;
    json["std"] = spec.statistics->standard_deviation;
  } else if (input.layout == ImageLayout::kChw) {
    json["normalize"] = image::NormalisationName(spec.normalisation);
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

Result<Input> ParseInput(const std::string& name, const Part& part) {
  Input input;
  input.name = name;
  if (part.Find("type") == nullptr) return part.Wrong("type", "is missing");
  VLAQ_RETURN_IF_ERROR(part.ReadName("type", FindInputType, InputTypeNames(), input.type));
  VLAQ_RETURN_IF_ERROR(part.Check(KeysOf(input.type), ArticleAnd(input.type)));
  if (input.type == InputType::kText) {
    VLAQ_RETURN_IF_ERROR(part.Need("makes", input.makes));
    VLAQ_RETURN_IF_ERROR(part.ReadText("encoder", input.encoder));
    return input;
  }
  VLAQ_RETURN_IF_ERROR(part.ReadName("dtype", FindDType, {}, input.dtype));
  VLAQ_RETURN_IF_ERROR(part.Need("shape", input.shape));
  VLAQ_RETURN_IF_ERROR(part.Read("batched", input.batched));
  VLAQ_RETURN_IF_ERROR(part.Read("names", input.names));
  VLAQ_RETURN_IF_ERROR(part.Read("units", input.units));
  VLAQ_RETURN_IF_ERROR(part.ReadName("layout", FindImageLayout, ImageLayoutNames(), input.layout));
  VLAQ_RETURN_IF_ERROR(part.ReadName("distribution", FindNoiseKind, NoiseKindNames(), input.noise));
  VLAQ_RETURN_IF_ERROR(ReadNormalization(part, "normalize", input.normalize));
  if (input.type == InputType::kImage) VLAQ_RETURN_IF_ERROR(ReadPreprocessing(part, input));
  return input;
}

// JSON text of ours; what is no JSON is kept as a string, which no reader takes for an object.
Json OwnJson(const std::string& text) {
  auto json = ParseJson(text, "");
  return json.ok() ? std::move(*json) : Json(text);
}

// The members that inputs and outputs have in common.
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

Result<Output> ParseOutput(const std::string& name, const Part& part) {
  Output output;
  output.name = name;
  VLAQ_RETURN_IF_ERROR(part.Check({"dtype", "shape", "batched", "names", "units", "unnormalize"}, "an output"));
  VLAQ_RETURN_IF_ERROR(part.ReadName("dtype", FindDType, {}, output.dtype));
  VLAQ_RETURN_IF_ERROR(part.Need("shape", output.shape));
  VLAQ_RETURN_IF_ERROR(part.Read("batched", output.batched));
  VLAQ_RETURN_IF_ERROR(part.Read("names", output.names));
  VLAQ_RETURN_IF_ERROR(part.Read("units", output.units));
  VLAQ_RETURN_IF_ERROR(ReadNormalization(part, "unnormalize", output.unnormalize));
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

Result<Control> ParseControl(const Part& part) {
  Control control;
  VLAQ_RETURN_IF_ERROR(part.Check({"period_s", "n_action_steps", "temporal_ensemble_coeff"}, "control"));
  VLAQ_RETURN_IF_ERROR(part.Need("period_s", control.period_s));
  VLAQ_RETURN_IF_ERROR(part.Read("n_action_steps", control.n_action_steps));
  if (part.Find("temporal_ensemble_coeff") != nullptr) {
    double coefficient = 0;
    VLAQ_RETURN_IF_ERROR(part.Read("temporal_ensemble_coeff", coefficient));
    control.temporal_ensemble_coeff = coefficient;
  }
  return control;
}

Json ControlToJson(const Control& control) {
  Json json{{"period_s", control.period_s}, {"n_action_steps", control.n_action_steps}};
  if (control.temporal_ensemble_coeff) json["temporal_ensemble_coeff"] = *control.temporal_ensemble_coeff;
  return json;
}

Result<Graph> ParseGraph(const std::string& /*name*/, const Part& part) {
  Graph graph;
  // "bytes" and "sha256" are the bundle's, which keeps its record of the file here.
  VLAQ_RETURN_IF_ERROR(part.Check({"file", "inputs", "outputs", "bytes", "sha256"}, "a graph"));
  VLAQ_RETURN_IF_ERROR(part.Need("file", graph.file));
  VLAQ_RETURN_IF_ERROR(part.Need("inputs", graph.inputs));
  VLAQ_RETURN_IF_ERROR(part.Need("outputs", graph.outputs));
  return graph;
}

Json GraphToJson(const Graph& graph) {
  return {{"file", graph.file}, {"inputs", Json(graph.inputs)}, {"outputs", Json(graph.outputs)}};
}

// An array of objects: `parse` makes an item of each.
template <typename T, typename Parse>
Status ReadList(const Part& holder, std::string_view key, std::vector<T>& to, const Parse& parse) {
  const Json* list = holder.Find(key);
  if (list == nullptr) return holder.Wrong(key, "is missing");
  if (!list->is_array()) return holder.Wrong(key, "must be an array");
  for (const Json& item : *list) {
    VLAQ_ASSIGN_OR_RETURN(const Part part,
                          Part::Of(item, holder.file(), fmt::format("{}[{}]", holder.Path(key), to.size())));
    VLAQ_ASSIGN_OR_RETURN(T made, parse(part));
    to.push_back(std::move(made));
  }
  return {};
}

Result<CarriedValue> ParseCarriedValue(const Part& part) {
  CarriedValue value;
  VLAQ_RETURN_IF_ERROR(part.Check({"as", "from", "next"}, "a carried value"));
  VLAQ_RETURN_IF_ERROR(part.Need("as", value.as));
  VLAQ_RETURN_IF_ERROR(part.Need("from", value.from));
  VLAQ_RETURN_IF_ERROR(part.Need("next", value.next));
  return value;
}

Result<ConstantTable> ParseConstantTable(const Part& part) {
  ConstantTable table;
  VLAQ_RETURN_IF_ERROR(part.Check({"as", "dtype", "shape", "values"}, "a table of constants"));
  VLAQ_RETURN_IF_ERROR(part.Need("as", table.as));
  VLAQ_RETURN_IF_ERROR(part.ReadName("dtype", FindDType, {}, table.dtype));
  VLAQ_RETURN_IF_ERROR(part.Need("shape", table.shape));
  VLAQ_RETURN_IF_ERROR(part.Need("values", table.values));
  return table;
}

// What a step is: the kind whose key it has. A repeat has carried values of its own under "carry".
Result<StepKind> KindOf(const Part& part) {
  Keys found;
  for (const std::string& name : StepKindNames()) {
    if (part.Find(name) == nullptr) continue;
    if (name == "carry" && part.Find("repeat") != nullptr) continue;
    found.push_back(name);
  }
  if (found.size() == 1) return *FindStepKind(found[0]);
  const std::string path = part.Path("");
  const std::string step = path.substr(0, path.size() - 1);  // without the dot
  if (found.size() > 1) {
    return InputError(part.file(), fmt::format("{} is {} at once", step, fmt::join(found, " and ")),
                      "make a step of each");
  }
  for (const auto& [key, value] : part.json().items()) {
    const std::string nearest = NearestWord(key, StepKindNames());
    if (!nearest.empty()) {
      return part.Wrong(key, "is not a kind of step", fmt::format("did you mean \"{}\"?", nearest));
    }
  }
  return InputError(part.file(), fmt::format("{} does not say what it is", step),
                    fmt::format("a step has one of the keys {}", fmt::join(StepKindNames(), ", ")));
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

Result<Step> ParseStep(const Part& part);

Status ReadRepeat(const Part& part, Step& step) {
  VLAQ_RETURN_IF_ERROR(part.Need("repeat", step.times));
  if (part.Find("carry") != nullptr) {
    VLAQ_RETURN_IF_ERROR(ReadList(part, "carry", step.carry, ParseCarriedValue));
  }
  if (part.Find("constants") != nullptr) {
    VLAQ_RETURN_IF_ERROR(ReadList(part, "constants", step.constants, ParseConstantTable));
  }
  return ReadList(part, "steps", step.steps, ParseStep);
}

// As deep as the JSON, whose reader has a limit.
Result<Step> ParseStep(const Part& part) {  // NOLINT(misc-no-recursion)
  Step step;
  VLAQ_ASSIGN_OR_RETURN(step.kind, KindOf(part));
  VLAQ_RETURN_IF_ERROR(part.Check(KeysOf(step.kind), fmt::format("a step that is {}", Name(step.kind))));
  switch (step.kind) {
    case StepKind::kRun:
      VLAQ_RETURN_IF_ERROR(part.Need("run", step.graph));
      break;
    case StepKind::kWindow:
      VLAQ_RETURN_IF_ERROR(part.Need("window", step.value));
      VLAQ_RETURN_IF_ERROR(part.Need("length", step.length));
      VLAQ_RETURN_IF_ERROR(part.Need("as", step.as));
      break;
    case StepKind::kHold:
      VLAQ_RETURN_IF_ERROR(ReadList(part, "hold", step.steps, ParseStep));
      VLAQ_RETURN_IF_ERROR(part.Need("when", step.when));
      break;
    case StepKind::kCarry:
      VLAQ_RETURN_IF_ERROR(part.Need("carry", step.value));
      VLAQ_RETURN_IF_ERROR(part.Need("as", step.as));
      VLAQ_RETURN_IF_ERROR(part.ReadName("dtype", FindDType, {}, step.dtype));
      VLAQ_RETURN_IF_ERROR(part.Need("shape", step.shape));
      break;
    case StepKind::kRepeat:
      VLAQ_RETURN_IF_ERROR(ReadRepeat(part, step));
      break;
    case StepKind::kSelect:
      VLAQ_RETURN_IF_ERROR(part.Need("select", step.value));
      VLAQ_RETURN_IF_ERROR(part.Need("axis", step.axis));
      VLAQ_RETURN_IF_ERROR(part.Need("index", step.index));
      VLAQ_RETURN_IF_ERROR(part.Need("as", step.as));
      break;
    case StepKind::kConcat:
      VLAQ_RETURN_IF_ERROR(part.Need("concat", step.values));
      VLAQ_RETURN_IF_ERROR(part.Need("axis", step.axis));
      VLAQ_RETURN_IF_ERROR(part.Need("as", step.as));
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

// The members of an object, in their order: `parse` makes an item of each, `keep` takes it.
template <typename Parse, typename Keep>
Status ReadMembers(const Part& root, std::string_view key, const Parse& parse, const Keep& keep) {
  VLAQ_ASSIGN_OR_RETURN(const Part members, root.Object(key));
  for (const auto& [name, json] : members.json().items()) {
    VLAQ_ASSIGN_OR_RETURN(const Part part, Part::Of(json, root.file(), members.Path(name)));
    VLAQ_ASSIGN_OR_RETURN(auto item, parse(name, part));
    keep(name, std::move(item));
  }
  return {};
}

Status ReadSchedules(const Part& root, Policy& policy) {
  VLAQ_ASSIGN_OR_RETURN(const Part schedules, root.Object("schedules"));
  for (const auto& [name, json] : schedules.json().items()) {
    std::vector<Step> steps;
    VLAQ_RETURN_IF_ERROR(ReadList(schedules, name, steps, ParseStep));
    policy.schedules.emplace(name, std::move(steps));
  }
  return root.Need("default_schedule", policy.default_schedule);
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
  VLAQ_ASSIGN_OR_RETURN(const Part root, Part::Of(json, where, ""));
  std::string schema;
  VLAQ_RETURN_IF_ERROR(root.Need("schema", schema));
  if (schema != kPolicySchema) {
    return root.Wrong("schema", fmt::format("is \"{}\", not \"{}\"", schema, kPolicySchema),
                      "it was written by another version of vlaq");
  }
  Policy policy;
  VLAQ_RETURN_IF_ERROR(root.Need("family", policy.family));
  VLAQ_RETURN_IF_ERROR(ReadMembers(root, "inputs", ParseInput, [&](const std::string& /*name*/, Input input) {
    policy.inputs.push_back(std::move(input));
  }));
  VLAQ_RETURN_IF_ERROR(ReadMembers(root, "outputs", ParseOutput, [&](const std::string& /*name*/, Output output) {
    policy.outputs.push_back(std::move(output));
  }));
  VLAQ_ASSIGN_OR_RETURN(const Part control, root.Object("control"));
  VLAQ_ASSIGN_OR_RETURN(policy.control, ParseControl(control));
  VLAQ_RETURN_IF_ERROR(ReadMembers(root, "graphs", ParseGraph, [&](const std::string& name, Graph graph) {
    policy.graphs.emplace(name, std::move(graph));
  }));
  VLAQ_RETURN_IF_ERROR(ReadSchedules(root, policy));
  VLAQ_RETURN_IF_ERROR(root.Read("compare", policy.compare));
  VLAQ_RETURN_IF_ERROR(root.ReadText("settings", policy.settings));
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

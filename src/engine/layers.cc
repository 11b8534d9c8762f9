#include "engine/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/json_field.h"
#include "base/names.h"

namespace vlaq::engine {
namespace {

constexpr std::array kPrecisions{Named{Precision::kInt8, "int8"}, Named{Precision::kHalf, "float16"},
                                 Named{Precision::kFloat32, "float32"}, Named{Precision::kOther, "other"},
                                 Named{Precision::kUnknown, "unknown"}};

Error Refused(const std::string& where, std::string what) {
  return Error{ErrorCode::kBackend, std::move(what), where,
               "the file is damaged, or this version of trtexec writes another one"};
}

// Words for a precision in "Format/Datatype", "Weights" and in names of kernels. The first that is found counts.
struct Word {
  std::string_view word;
  Precision precision;
};
constexpr std::array kFormatWords{
    Word{"Int8", Precision::kInt8},    Word{"INT8", Precision::kInt8},    Word{"BF16", Precision::kOther},
    Word{"BFloat", Precision::kOther}, Word{"FP8", Precision::kOther},    Word{"FP16", Precision::kHalf},
    Word{"Half", Precision::kHalf},    Word{"FP32", Precision::kFloat32}, Word{"Float", Precision::kFloat32},
    Word{"Int32", Precision::kOther},  Word{"Int64", Precision::kOther},  Word{"Bool", Precision::kOther},
};
// A kernel of matrix products names its operands, accumulator and result: "i8i8_i8i32_f32", "f16f16_f16f32".
constexpr std::array kTacticWords{
    Word{"i8i8", Precision::kInt8},     Word{"s8s8", Precision::kInt8},    Word{"imma", Precision::kInt8},
    Word{"int8", Precision::kInt8},     Word{"bf16", Precision::kOther},   Word{"f16f16", Precision::kHalf},
    Word{"h884", Precision::kHalf},     Word{"h16816", Precision::kHalf},  Word{"hgemm", Precision::kHalf},
    Word{"fp16", Precision::kHalf},     Word{"tf32", Precision::kFloat32}, Word{"f32f32", Precision::kFloat32},
    Word{"sgemm", Precision::kFloat32},
};

template <typename Words>
Precision FirstWord(std::string_view text, const Words& words) {
  const auto* found = std::find_if(words.begin(), words.end(),
                                   [&](const Word& w) { return text.find(w.word) != std::string_view::npos; });
  return found == words.end() ? Precision::kUnknown : found->precision;
}

std::string TextOf(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

// Precisions of the floating or 8-bit tensors of "Inputs" or "Outputs"; indices and masks say nothing.
Result<std::vector<Precision>> Formats(const Json& layer, const char* key, const std::string& where) {
  std::vector<Precision> formats;
  const auto list = layer.find(key);
  if (list == layer.end()) return formats;
  if (!list->is_array()) return Refused(where, fmt::format("\"{}\" is no array", key));
  for (const Json& tensor : *list) {
    if (!tensor.is_object()) return Refused(where, fmt::format("an item of \"{}\" is no object", key));
    const Precision found = FirstWord(TextOf(tensor, "Format/Datatype"), kFormatWords);
    if (found != Precision::kOther) formats.push_back(found);
  }
  return formats;
}

// What a layer computes in: its kernel's name says it best; then its weights; then what it reads. A fused region that
// says none of it (Myelin's ForeignNode of 8.6 has no kernel's name) is unknown, whatever its edges are.
Precision PrecisionOf(const Layer& layer, const Json& json, const std::vector<Precision>& inputs) {
  if (const Precision tactic = FirstWord(layer.tactic, kTacticWords); tactic != Precision::kUnknown) return tactic;
  if (layer.type == "Myelin" || layer.name.starts_with("{ForeignNode")) return Precision::kUnknown;
  if (const auto weights = json.find("Weights"); weights != json.end() && weights->is_object()) {
    const Precision found = FirstWord(TextOf(*weights, "Type"), kFormatWords);
    if (found != Precision::kUnknown) return found;
  }
  // An 8-bit product has no wider operand.
  return inputs.empty() ? Precision::kUnknown : *std::max_element(inputs.begin(), inputs.end());
}

// "[ONNX Layer: a/MatMul]\u001e[ONNX Layer: a/Add]"; where there is none, the name itself: "a/MatMul + a/Add".
std::vector<std::string> NodesOf(const Layer& layer, const std::string& metadata) {
  constexpr std::string_view kMark = "[ONNX Layer: ";
  std::vector<std::string> nodes;
  for (size_t at = metadata.find(kMark); at != std::string::npos; at = metadata.find(kMark, at)) {
    at += kMark.size();
    nodes.push_back(metadata.substr(at, metadata.find(']', at) - at));
  }
  if (!nodes.empty() || layer.name.starts_with("{ForeignNode")) return nodes;
  // "Reformatting CopyNode for Input Tensor 0 to a/MatMul": for the sake of that node.
  constexpr std::string_view kTo = " to ", kPlus = " + ";
  size_t at = layer.name.starts_with("Reformatting CopyNode") ? layer.name.find(kTo) : std::string::npos;
  at = at == std::string::npos ? 0 : at + kTo.size();
  for (;;) {
    const size_t next = layer.name.find(kPlus, at);
    nodes.push_back(layer.name.substr(at, next == std::string::npos ? next : next - at));
    if (next == std::string::npos) return nodes;
    at = next + kPlus.size();
  }
}

Result<Layer> ReadLayer(const Json& json, const std::string& where) {
  if (json.is_string()) {
    return Error{ErrorCode::kBackend, "holds names of layers alone, not what they compute in", where,
                 "the engine was built without --profilingVerbosity=detailed: build it again with --force"};
  }
  if (!json.is_object() || TextOf(json, "Name").empty()) return Refused(where, "a layer has no name");
  Layer layer{
      TextOf(json, "Name"), TextOf(json, "LayerType"), TextOf(json, "TacticName"), Precision::kUnknown, false, {},
      std::nullopt};
  const std::string place = fmt::format("{}: layer '{}'", where, layer.name);
  VLAQ_ASSIGN_OR_RETURN(const auto inputs, Formats(json, "Inputs", place));
  VLAQ_RETURN_IF_ERROR(Formats(json, "Outputs", place));
  layer.reformat = layer.type == "Reformat" || layer.type == "NoOp" || TextOf(json, "ParameterType") == "Reformat" ||
                   layer.name.starts_with("Reformatting CopyNode");
  layer.precision = PrecisionOf(layer, json, inputs);
  layer.nodes = NodesOf(layer, TextOf(json, "Metadata"));
  return layer;
}

Result<Json> ParseArray(std::string_view text, const std::string& where) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return Refused(where, "is no JSON: it is cut off or damaged");
  if (!json.is_array()) return Refused(where, "is no JSON array");
  return json;
}

}  // namespace

std::string_view PrecisionName(Precision precision) { return NameIn(kPrecisions, precision); }
std::optional<Precision> FindPrecision(std::string_view name) { return FindIn(kPrecisions, name); }

Result<std::vector<Layer>> ReadLayers(std::string_view text, const std::string& where) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return Refused(where, "is no JSON: it is cut off or damaged");
  const auto list = json.is_object() ? json.find("Layers") : json.end();
  if (list == json.end() || !list->is_array() || list->empty()) return Refused(where, "has no \"Layers\"");
  std::vector<Layer> layers;
  for (const Json& item : *list) {
    VLAQ_ASSIGN_OR_RETURN(Layer layer, ReadLayer(item, where));
    layers.push_back(std::move(layer));
  }
  return layers;
}

Status ReadProfile(std::string_view text, const std::string& where, std::vector<Layer>& layers) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseArray(text, where));
  std::map<std::string, double, std::less<>> times;
  for (const Json& item : json) {
    if (!item.is_object()) return Refused(where, "an item is no object");
    if (item.contains("count")) continue;
    const auto average = item.find("averageMs");
    if (TextOf(item, "name").empty() || average == item.end() || !average->is_number()) {
      return Refused(where, "a layer has no name or no averageMs");
    }
    times[TextOf(item, "name")] += average->get<double>();
  }
  if (times.empty()) return Refused(where, "holds no layer");
  for (Layer& layer : layers) {
    if (const auto found = times.find(layer.name); found != times.end()) layer.average_ms = found->second;
  }
  return {};
}

Result<RunTimes> ReadTimes(std::string_view text, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseArray(text, where));
  RunTimes times;
  for (const Json& item : json) {
    const auto number = [&item](const char* key) -> std::optional<double> {
      if (!item.is_object()) return std::nullopt;
      const auto at = item.find(key);
      if (at == item.end() || !at->is_number()) return std::nullopt;
      return at->get<double>();
    };
    const auto latency = number("latencyMs"), compute = number("computeMs");
    if (!latency || !compute || *latency < 0 || *compute < 0) {
      return Refused(where, fmt::format("run {} has no latencyMs and computeMs", times.latency.size()));
    }
    times.latency.push_back(*latency);
    times.compute.push_back(*compute);
  }
  if (times.latency.empty()) return Refused(where, "holds no run");
  return times;
}

Result<std::map<std::string, std::vector<double>>> ReadOutputs(std::string_view text, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseArray(text, where));
  std::map<std::string, std::vector<double>> outputs;
  for (const Json& item : json) {
    const auto values = item.is_object() ? item.find("values") : item.end();
    if (!item.is_object() || TextOf(item, "name").empty() || values == item.end() || !values->is_array()) {
      return Refused(where, "an output has no name or no values");
    }
    std::vector<double>& into = outputs[TextOf(item, "name")];
    for (const Json& value : *values) {
      if (!value.is_number()) return Refused(where, "a value is no number");
      into.push_back(value.get<double>());
    }
  }
  return outputs;
}

Json LayersToJson(const std::vector<Layer>& layers) {
  Json list = Json::array();
  for (const Layer& layer : layers) {
    Json json{{"name", layer.name}, {"type", layer.type}, {"precision", PrecisionName(layer.precision)}};
    if (layer.reformat) json["reformat"] = true;
    if (!layer.tactic.empty()) json["tactic"] = layer.tactic;
    json["nodes"] = layer.nodes;
    if (layer.average_ms) json["average_ms"] = *layer.average_ms;
    list.push_back(std::move(json));
  }
  return list;
}

Result<std::vector<Layer>> LayersFromJson(const Json& json, const std::string& where) {
  const JsonField list(json, where);
  std::vector<Layer> layers;
  for (const JsonField& field : list.Items()) {
    Layer& layer = layers.emplace_back();
    field.Need("name", layer.name);
    field.Read("type", layer.type);
    field.Read("tactic", layer.tactic);
    field.NeedName("precision", FindPrecision, NamesIn(kPrecisions), layer.precision);
    field.Read("reformat", layer.reformat);
    field.Read("nodes", layer.nodes);
    field.Read("average_ms", layer.average_ms);
  }
  VLAQ_RETURN_IF_ERROR(list.status());
  return layers;
}

}  // namespace vlaq::engine

#include "quantization/plan_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text.h"

namespace vlaq::quantization {
namespace {

constexpr std::string_view kPlanSchema = "vlaq.plan/1";

Json ToJson(const WeightChoice& weight) {
  Json json{{"name", weight.name}, {"number", NumberName(weight.number)}};
  if (weight.number == Number::kFloat32 || weight.number == Number::kFloat16) return json;
  json["granularity"] = GranularityName(weight.granularity);
  if (weight.granularity != Granularity::kTensor) json["axis"] = weight.axis;
  if (weight.granularity == Granularity::kBlock) json["block"] = weight.block;
  json["range"] = RangeMethodName(weight.range);
  return json;
}

Json ToJson(const ActivationChoice& activation) {
  Json json{{"value", activation.value}, {"number", NumberName(activation.number)}};
  if (activation.range) {
    json["range"] = {activation.range->low, activation.range->high};
    json["method"] = RangeMethodName(activation.method);
  }
  return json;
}

Json ToJson(const OperatorChoice& choice) {
  Json weights = Json::array();
  for (const WeightChoice& weight : choice.weights) weights.push_back(ToJson(weight));
  Json json{{"node", choice.node},
            {"op_type", choice.op_type},
            {"group", choice.group},
            {"form", FormName(choice.form)},
            {"weights", std::move(weights)}};
  if (choice.activation) json["activation"] = ToJson(*choice.activation);
  json["macs"] = choice.macs;
  json["rule"] = choice.rule;
  json["reason"] = choice.reason;
  return json;
}

Json ToJson(const FloatNode& node) { return {{"node", node.node}, {"rule", node.rule}, {"reason", node.reason}}; }
// As few digits as give the same float32 again.
Json ToJson(const std::vector<float>& values) {
  Json list = Json::array();
  for (const float value : values) list.push_back(std::strtod(fmt::format("{}", value).c_str(), nullptr));
  return list;
}
Json ToJson(const SmoothChoice& smooth) {
  Json json{{"value", smooth.value}, {"nodes", smooth.nodes}, {"alpha", smooth.alpha}};
  if (!smooth.factors.empty()) json["factors"] = ToJson(smooth.factors);
  return json;
}
Json ToJson(const ChannelMeans& means) { return {{"value", means.value}, {"means", ToJson(means.means)}}; }

Json ToJson(const UsedEpisode& used) { return {{"use", used.use}, {"name", used.name}, {"sha256", used.hash}}; }

template <typename Items>
std::string Lines(const Items& items) {
  if (items.empty()) return "[]";
  std::string text = "[";
  for (const auto& item : items) text += fmt::format("{}\n  {}", text.size() > 1 ? "," : "", JsonString(ToJson(item)));
  return text + "\n ]";
}

// One JSON object with the keys it may have; what is missing, wrong or unknown is named.
class Fields {
 public:
  Fields(const Json& json, std::string where, std::set<std::string_view> known)
      : reader_(json, std::move(where)), json_(json), known_(std::move(known)) {}

  Status Check() const {
    if (!json_.is_object()) return InputError(reader_.where(), "is not a JSON object");
    for (const auto& [key, value] : json_.items()) {
      if (known_.contains(key)) continue;
      const std::string near = NearestWord(key, {known_.begin(), known_.end()});
      return InputError(reader_.where(), fmt::format("there is no key \"{}\"", key),
                        near.empty() ? fmt::format("known keys: {}", fmt::join(known_, ", "))
                                     : fmt::format("did you mean \"{}\"?", near));
    }
    return {};
  }
  Result<std::string> Text(std::string_view key) const {
    VLAQ_ASSIGN_OR_RETURN(auto value, reader_.String(key));
    if (!value) return Missing(key);
    return std::move(*value);
  }
  Result<int64_t> Count(std::string_view key) const {
    VLAQ_ASSIGN_OR_RETURN(const auto value, reader_.Integer(key));
    if (!value) return Missing(key);
    if (*value < 0) return InputError(reader_.where(), fmt::format("\"{}\" is below 0", key));
    return *value;
  }
  Result<int64_t> CountOr(std::string_view key, int64_t otherwise) const {
    return reader_.Has(key) ? Count(key) : Result<int64_t>(otherwise);
  }
  template <typename Enum>
  Result<Enum> Name(std::string_view key, std::optional<Enum> (*find)(std::string_view)) const {
    VLAQ_ASSIGN_OR_RETURN(const std::string text, Text(key));
    const auto value = find(text);
    if (value) return *value;
    return InputError(reader_.where(), fmt::format("\"{}\" is '{}', which is not known", key, text));
  }
  Result<std::vector<const Json*>> Items(std::string_view key) const {
    const Json* list = reader_.Find(key);
    if (list == nullptr || !list->is_array()) return Missing(key);
    std::vector<const Json*> items;
    for (const Json& item : *list) items.push_back(&item);
    return items;
  }
  const JsonReader& reader() const { return reader_; }
  const std::string& where() const { return reader_.where(); }

 private:
  Error Missing(std::string_view key) const {
    return InputError(reader_.where(), fmt::format("\"{}\" is missing or of the wrong type", key));
  }
  JsonReader reader_;
  const Json& json_;
  std::set<std::string_view> known_;
};

Result<WeightChoice> ReadWeight(const Json& json, const std::string& where) {
  const Fields fields(json, where, {"name", "number", "granularity", "axis", "block", "range"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  WeightChoice weight;
  VLAQ_ASSIGN_OR_RETURN(weight.name, fields.Text("name"));
  VLAQ_ASSIGN_OR_RETURN(weight.number, fields.Name("number", FindNumber));
  if (weight.number == Number::kFloat32 || weight.number == Number::kFloat16) return weight;
  VLAQ_ASSIGN_OR_RETURN(weight.granularity, fields.Name("granularity", FindGranularity));
  VLAQ_ASSIGN_OR_RETURN(weight.axis, fields.CountOr("axis", 0));
  if (weight.granularity == Granularity::kBlock) {
    VLAQ_ASSIGN_OR_RETURN(weight.block, fields.Count("block"));
    if (weight.block == 0) return InputError(where, "\"block\" is 0");
  }
  VLAQ_ASSIGN_OR_RETURN(weight.range, fields.Name("range", FindRangeMethod));
  if (weight.range != RangeMethod::kMinMax && weight.range != RangeMethod::kMse) {
    return InputError(where,
                      fmt::format("\"range\" of a weight is min_max or mse, not {}", RangeMethodName(weight.range)));
  }
  return weight;
}

Result<ActivationChoice> ReadActivation(const Json& json, const std::string& where) {
  const Fields fields(json, where, {"value", "number", "range", "method"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  ActivationChoice activation;
  VLAQ_ASSIGN_OR_RETURN(activation.value, fields.Text("value"));
  VLAQ_ASSIGN_OR_RETURN(activation.number, fields.Name("number", FindNumber));
  VLAQ_ASSIGN_OR_RETURN(const auto range, fields.reader().Numbers("range"));
  if (!range) return activation;
  const bool sound = range->size() == 2 && std::isfinite((*range)[0]) && std::isfinite((*range)[1]) &&
                     (*range)[0] <= 0 && (*range)[1] >= 0;
  if (!sound) return InputError(where, "\"range\" must be two numbers with zero between them");
  activation.range = Range{(*range)[0], (*range)[1]};
  VLAQ_ASSIGN_OR_RETURN(activation.method, fields.Name("method", FindRangeMethod));
  return activation;
}

Result<OperatorChoice> ReadOperator(const Json& json, const std::string& plan, size_t number) {
  const std::string numbered = fmt::format("{}: operator {}", plan, number);
  const Fields fields(json, numbered,
                      {"node", "op_type", "group", "form", "weights", "activation", "macs", "rule", "reason"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  OperatorChoice choice;
  VLAQ_ASSIGN_OR_RETURN(choice.node, fields.Text("node"));
  const std::string where = fmt::format("{}: operator '{}'", plan, choice.node);
  const Fields named(json, where, {});
  VLAQ_ASSIGN_OR_RETURN(choice.op_type, named.Text("op_type"));
  VLAQ_ASSIGN_OR_RETURN(choice.group, named.Text("group"));
  VLAQ_ASSIGN_OR_RETURN(choice.form, named.Name("form", FindForm));
  VLAQ_ASSIGN_OR_RETURN(const auto weights, named.Items("weights"));
  for (const Json* weight : weights) {
    VLAQ_ASSIGN_OR_RETURN(choice.weights.emplace_back(), ReadWeight(*weight, where + ": weight"));
  }
  if (const Json* activation = named.reader().Find("activation")) {
    VLAQ_ASSIGN_OR_RETURN(choice.activation, ReadActivation(*activation, where + ": activation"));
  }
  VLAQ_ASSIGN_OR_RETURN(choice.macs, named.CountOr("macs", 0));
  VLAQ_ASSIGN_OR_RETURN(choice.rule, named.Text("rule"));
  VLAQ_ASSIGN_OR_RETURN(choice.reason, named.Text("reason"));
  return choice;
}

Result<FloatNode> ReadFloatNode(const Json& json, const std::string& where) {
  const Fields fields(json, where + ": keep_float", {"node", "rule", "reason"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  FloatNode node;
  VLAQ_ASSIGN_OR_RETURN(node.node, fields.Text("node"));
  VLAQ_ASSIGN_OR_RETURN(node.rule, fields.Text("rule"));
  VLAQ_ASSIGN_OR_RETURN(node.reason, fields.Text("reason"));
  return node;
}

// Float32 numbers, each at least `least`. Errors: kInput.
Result<std::vector<float>> ReadFloats(const Fields& fields, std::string_view key, double least) {
  VLAQ_ASSIGN_OR_RETURN(const auto numbers, fields.reader().Numbers(key));
  std::vector<float> floats;
  for (const double number : numbers.value_or(std::vector<double>{})) {
    floats.push_back(static_cast<float>(number));
    if (std::isfinite(floats.back()) && static_cast<double>(floats.back()) >= least) continue;
    return InputError(fields.where(),
                      fmt::format("\"{}\" must hold float32 numbers of {:g} and more, not {:g}", key, least, number));
  }
  return floats;
}

Result<ChannelMeans> ReadMeans(const Json& json, const std::string& where) {
  const Fields fields(json, where + ": means", {"value", "means"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  ChannelMeans means;
  VLAQ_ASSIGN_OR_RETURN(means.value, fields.Text("value"));
  VLAQ_ASSIGN_OR_RETURN(means.means, ReadFloats(fields, "means", std::numeric_limits<float>::lowest()));
  return means;
}

Result<SmoothChoice> ReadSmooth(const Json& json, const std::string& where) {
  const Fields fields(json, where + ": smooth", {"value", "nodes", "alpha", "factors"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  SmoothChoice smooth;
  VLAQ_ASSIGN_OR_RETURN(smooth.value, fields.Text("value"));
  VLAQ_ASSIGN_OR_RETURN(const auto nodes, fields.Items("nodes"));
  for (const Json* node : nodes) {
    if (!node->is_string()) return InputError(fields.where(), "\"nodes\" must hold names");
    smooth.nodes.push_back(node->get<std::string>());
  }
  VLAQ_ASSIGN_OR_RETURN(const auto alpha, fields.reader().Number("alpha"));
  if (!alpha || !(*alpha >= 0 && *alpha <= 1)) return InputError(fields.where(), "\"alpha\" must lie in 0 to 1");
  smooth.alpha = *alpha;
  VLAQ_ASSIGN_OR_RETURN(smooth.factors, ReadFloats(fields, "factors", std::numeric_limits<float>::min()));
  return smooth;
}

Result<PlanSource> ReadSource(const Json& json, const std::string& where) {
  const Fields fields(json, where + ": source", {"weights", "graphs"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  PlanSource source;
  VLAQ_ASSIGN_OR_RETURN(source.weights_sha256, fields.Text("weights"));
  const Json* graphs = fields.reader().Find("graphs");
  if (graphs == nullptr || !graphs->is_object()) return InputError(fields.where(), "\"graphs\" is missing");
  for (const auto& [role, hash] : graphs->items()) {
    if (!hash.is_string()) return InputError(fields.where(), fmt::format("\"graphs\": '{}' is not a hash", role));
    source.graphs.emplace(role, hash.get<std::string>());
  }
  return source;
}

Result<UsedEpisode> ReadUsedEpisode(const Json& json, const std::string& where) {
  const Fields fields(json, where + ": used", {"use", "name", "sha256"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  UsedEpisode used;
  VLAQ_ASSIGN_OR_RETURN(used.use, fields.Text("use"));
  VLAQ_ASSIGN_OR_RETURN(used.name, fields.Text("name"));
  VLAQ_ASSIGN_OR_RETURN(used.hash, fields.Text("sha256"));
  return used;
}

Status ReadOperators(const Fields& fields, Plan& plan) {
  std::set<std::string> seen;
  VLAQ_ASSIGN_OR_RETURN(const auto operators, fields.Items("operators"));
  for (const Json* item : operators) {
    VLAQ_ASSIGN_OR_RETURN(OperatorChoice choice, ReadOperator(*item, fields.where(), plan.operators.size()));
    if (!seen.insert(choice.node).second) {
      return InputError(fields.where(), fmt::format("operator '{}' stands there twice", choice.node));
    }
    plan.operators.push_back(std::move(choice));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto keep_float, fields.Items("keep_float"));
  for (const Json* item : keep_float) {
    VLAQ_ASSIGN_OR_RETURN(plan.keep_float.emplace_back(), ReadFloatNode(*item, fields.where()));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto smooth, fields.Items("smooth"));
  for (const Json* item : smooth) {
    VLAQ_ASSIGN_OR_RETURN(plan.smooth.emplace_back(), ReadSmooth(*item, fields.where()));
  }
  if (!fields.reader().Has("means")) return {};
  VLAQ_ASSIGN_OR_RETURN(const auto means, fields.Items("means"));
  for (const Json* item : means) {
    VLAQ_ASSIGN_OR_RETURN(plan.means.emplace_back(), ReadMeans(*item, fields.where()));
  }
  return {};
}

}  // namespace

std::string PlanText(const Plan& plan) {
  Json source{{"weights", plan.source.weights_sha256}, {"graphs", plan.source.graphs}};
  std::string text = fmt::format("{{\n \"schema\": \"{}\",\n \"target\": {},\n \"precision\": {},\n", kPlanSchema,
                                 JsonString(plan.target), JsonString(plan.precision));
  text += fmt::format(" \"source\": {},\n", JsonString(source));
  if (plan.statistics_sha256) text += fmt::format(" \"statistics\": \"{}\",\n", *plan.statistics_sha256);
  if (!plan.used.empty()) text += fmt::format(" \"used\": {},\n", Lines(plan.used));
  text += fmt::format(" \"opset\": {},\n \"rest\": \"{}\",\n \"bias_correction\": {},\n", plan.opset,
                      NumberName(plan.rest), plan.bias_correction);
  text += fmt::format(" \"operators\": {},\n \"keep_float\": {},\n \"smooth\": {}", Lines(plan.operators),
                      Lines(plan.keep_float), Lines(plan.smooth));
  if (!plan.means.empty()) text += fmt::format(",\n \"means\": {}", Lines(plan.means));
  return text + "\n}\n";
}

Result<Plan> ParsePlan(std::string_view text, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where));
  const Fields fields(json, where,
                      {"schema", "target", "precision", "source", "statistics", "used", "opset", "rest",
                       "bias_correction", "operators", "keep_float", "smooth", "means"});
  VLAQ_RETURN_IF_ERROR(fields.Check());
  const auto schema = fields.Text("schema");
  if (!schema.ok() || *schema != kPlanSchema) {
    return InputError(where, fmt::format("does not say \"schema\": \"{}\"", kPlanSchema),
                      "vlaq plan quantize writes plans");
  }
  Plan plan;
  VLAQ_ASSIGN_OR_RETURN(plan.target, fields.Text("target"));
  VLAQ_ASSIGN_OR_RETURN(plan.precision, fields.Text("precision"));
  const Json* source = fields.reader().Find("source");
  if (source == nullptr) return InputError(where, "\"source\" is missing");
  VLAQ_ASSIGN_OR_RETURN(plan.source, ReadSource(*source, where));
  VLAQ_ASSIGN_OR_RETURN(plan.statistics_sha256, fields.reader().String("statistics"));
  if (fields.reader().Has("used")) {
    VLAQ_ASSIGN_OR_RETURN(const auto used, fields.Items("used"));
    for (const Json* item : used) {
      VLAQ_ASSIGN_OR_RETURN(plan.used.emplace_back(), ReadUsedEpisode(*item, where));
    }
  }
  VLAQ_ASSIGN_OR_RETURN(plan.opset, fields.Count("opset"));
  VLAQ_ASSIGN_OR_RETURN(plan.rest, fields.Name("rest", FindNumber));
  if (plan.rest != Number::kFloat32 && plan.rest != Number::kFloat16) {
    return InputError(where, "\"rest\" is float32 or float16");
  }
  VLAQ_ASSIGN_OR_RETURN(const auto corrected, fields.reader().Boolean("bias_correction"));
  plan.bias_correction = corrected.value_or(false);
  VLAQ_RETURN_IF_ERROR(ReadOperators(fields, plan));
  return plan;
}

Result<Plan> ReadPlan(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParsePlan(AsText(file->bytes()), path.string());
}

}  // namespace vlaq::quantization

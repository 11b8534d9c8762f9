#include "quantize/numerics/plan_file.h"

#include <fmt/format.h>

#include <limits>
#include <set>

#include "base/json.h"
#include "base/json_field.h"
#include "base/mapped_file.h"

namespace vlaq::numerics {
namespace {

constexpr std::string_view kPlanSchema = "vlaq.plan/1";

Json ToJson(const WeightChoice& weight) {
  Json json{{"name", weight.name}, {"number", NumericTypeName(weight.number)}};
  if (weight.number == NumericType::kFloat32 || weight.number == NumericType::kFloat16) return json;
  json["granularity"] = GranularityName(weight.granularity);
  if (weight.granularity != Granularity::kTensor) json["axis"] = weight.axis;
  if (weight.granularity == Granularity::kBlock) json["block"] = weight.block;
  json["range"] = RangeMethodName(weight.range);
  return json;
}

Json ToJson(const ActivationChoice& activation) {
  Json json{{"value", activation.value}, {"number", NumericTypeName(activation.number)}};
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

WeightChoice ReadWeight(const JsonField& field) {
  WeightChoice weight;
  field.Only({"name", "number", "granularity", "axis", "block", "range"}, "a weight");
  field.Need("name", weight.name);
  field.NeedName("number", FindNumericType, NumericTypeNames(), weight.number);
  if (weight.number == NumericType::kFloat32 || weight.number == NumericType::kFloat16) return weight;
  field.NeedName("granularity", FindGranularity, GranularityNames(), weight.granularity);
  if (const auto axis = field.Find("axis")) weight.axis = axis->Integer(0);
  if (weight.granularity == Granularity::kBlock) weight.block = field["block"].Integer(1);
  field.NeedName("range", FindRangeMethod, RangeMethodNames(), weight.range);
  if (weight.range != RangeMethod::kMinMax && weight.range != RangeMethod::kMse) {
    field.FailAt("range", fmt::format("of a weight is min_max or mse, not {}", RangeMethodName(weight.range)));
  }
  return weight;
}

ActivationChoice ReadActivation(const JsonField& field) {
  ActivationChoice activation;
  field.Only({"value", "number", "range", "method"}, "an activation");
  field.Need("value", activation.value);
  field.NeedName("number", FindNumericType, NumericTypeNames(), activation.number);
  const auto range = field.Find("range");
  if (!range) return activation;
  const std::vector<double> ends = range->Numbers();
  if (ends.size() == 2 && ends[0] <= 0 && ends[1] >= 0) {
    activation.range = ClipRange{ends[0], ends[1]};
  } else {
    range->Fail("must be two numbers with zero between them");
  }
  field.NeedName("method", FindRangeMethod, RangeMethodNames(), activation.method);
  return activation;
}

OperatorChoice ReadOperator(const JsonField& numbered) {
  OperatorChoice choice;
  numbered.Only({"node", "op_type", "group", "form", "weights", "activation", "macs", "rule", "reason"}, "an operator");
  numbered.Need("node", choice.node);
  const JsonField field = numbered.Called(fmt::format("operator '{}'", choice.node));
  field.Need("op_type", choice.op_type);
  field.Need("group", choice.group);
  field.NeedName("form", FindForm, FormNames(), choice.form);
  for (const JsonField& weight : field["weights"].Items()) choice.weights.push_back(ReadWeight(weight));
  if (const auto activation = field.Find("activation")) choice.activation = ReadActivation(*activation);
  if (const auto macs = field.Find("macs")) choice.macs = macs->Integer(0);
  field.Need("rule", choice.rule);
  field.Need("reason", choice.reason);
  return choice;
}

FloatNode ReadFloatNode(const JsonField& field) {
  FloatNode node;
  field.Only({"node", "rule", "reason"}, "a node that stays float");
  field.Need("node", node.node);
  field.Need("rule", node.rule);
  field.Need("reason", node.reason);
  return node;
}

ChannelMeans ReadMeans(const JsonField& field) {
  ChannelMeans means;
  field.Only({"value", "means"}, "means of a value");
  field.Need("value", means.value);
  field.Need("means", means.means);
  return means;
}

SmoothChoice ReadSmooth(const JsonField& field) {
  SmoothChoice smooth;
  field.Only({"value", "nodes", "alpha", "factors"}, "a smoothed value");
  field.Need("value", smooth.value);
  field.Need("nodes", smooth.nodes);
  smooth.alpha = field["alpha"].Number(0, 1);
  field.Read("factors", smooth.factors);
  for (const float factor : smooth.factors) {
    if (factor < std::numeric_limits<float>::min()) field.FailAt("factors", "must hold numbers above 0");
  }
  return smooth;
}

PlanSource ReadSource(const JsonField& field) {
  PlanSource source;
  field.Only({"weights", "graphs"}, "a source");
  field.Need("weights", source.weights_sha256);
  field.Need("graphs", source.graphs);
  return source;
}

UsedEpisode ReadUsedEpisode(const JsonField& field) {
  UsedEpisode used;
  field.Only({"use", "name", "sha256"}, "a used episode");
  field.Need("use", used.use);
  field.Need("name", used.name);
  field.Need("sha256", used.hash);
  return used;
}

void ReadOperators(const JsonField& root, Plan& plan) {
  std::set<std::string> seen;
  for (const JsonField& item : root["operators"].Items()) {
    OperatorChoice choice = ReadOperator(item);
    if (!seen.insert(choice.node).second) root.Fail(fmt::format("operator '{}' stands there twice", choice.node));
    plan.operators.push_back(std::move(choice));
  }
  for (const JsonField& item : root["keep_float"].Items()) plan.keep_float.push_back(ReadFloatNode(item));
  for (const JsonField& item : root["smooth"].Items()) plan.smooth.push_back(ReadSmooth(item));
  if (const auto means = root.Find("means")) {
    for (const JsonField& item : means->Items()) plan.means.push_back(ReadMeans(item));
  }
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
                      NumericTypeName(plan.rest), plan.bias_correction);
  text += fmt::format(" \"operators\": {},\n \"keep_float\": {},\n \"smooth\": {}", Lines(plan.operators),
                      Lines(plan.keep_float), Lines(plan.smooth));
  if (!plan.means.empty()) text += fmt::format(",\n \"means\": {}", Lines(plan.means));
  return text + "\n}\n";
}

Result<Plan> ParsePlan(std::string_view text, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where));
  const JsonField root(json, where);
  Plan plan;
  root.HasSchema(kPlanSchema, "vlaq plan quantize writes plans");
  root.Only({"schema", "target", "precision", "source", "statistics", "used", "opset", "rest", "bias_correction",
             "operators", "keep_float", "smooth", "means"},
            "a plan");
  root.Need("target", plan.target);
  root.Need("precision", plan.precision);
  plan.source = ReadSource(root["source"]);
  root.Read("statistics", plan.statistics_sha256);
  if (const auto used = root.Find("used")) {
    for (const JsonField& episode : used->Items()) plan.used.push_back(ReadUsedEpisode(episode));
  }
  plan.opset = root["opset"].Integer(0);
  root.NeedName("rest", FindNumericType, NumericTypeNames(), plan.rest);
  if (plan.rest != NumericType::kFloat32 && plan.rest != NumericType::kFloat16)
    root.FailAt("rest", "is float32 or float16");
  root.Read("bias_correction", plan.bias_correction);
  ReadOperators(root, plan);
  VLAQ_RETURN_IF_ERROR(root.status());
  return plan;
}

Result<Plan> ReadPlan(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParsePlan(AsText(file->bytes()), path.string());
}

}  // namespace vlaq::numerics

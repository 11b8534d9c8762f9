#include "bundle/manifest.h"

#include <fmt/format.h>

#include "base/json.h"
#include "families/family.h"
#include "target/precision.h"

namespace vlaq::bundle {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSchema1 = "vlaq.bundle/1";  // what vlaq wrote before policies were data
constexpr std::string_view kWeightsSchema = "vlaq.weights/1";

Json ToJson(const FileRecord& file) { return {{"file", file.file}, {"bytes", file.bytes}, {"sha256", file.sha256}}; }

// Members that must be there.
class Members {
 public:
  Members(const Json& json, std::string where) : reader_(json, std::move(where)) {}

  Result<std::string> Text(std::string_view key) const {
    VLAQ_ASSIGN_OR_RETURN(auto value, reader_.String(key));
    if (!value) return Missing(key);
    return std::move(*value);
  }
  Result<uint64_t> Count(std::string_view key) const {
    VLAQ_ASSIGN_OR_RETURN(const auto value, reader_.Integer(key));
    if (!value) return Missing(key);
    if (*value < 0) return InputError(reader_.where(), fmt::format("\"{}\" is negative", key));
    return static_cast<uint64_t>(*value);
  }
  Result<const Json*> Object(std::string_view key) const {
    const Json* value = reader_.Find(key);
    if (value == nullptr || !value->is_object()) return Missing(key);
    return value;
  }
  Result<const Json*> Array(std::string_view key) const {
    const Json* value = reader_.Find(key);
    if (value == nullptr || !value->is_array()) return Missing(key);
    return value;
  }
  const JsonReader& reader() const { return reader_; }

 private:
  Error Missing(std::string_view key) const {
    return InputError(reader_.where(), fmt::format("\"{}\" is missing or of the wrong type", key));
  }
  JsonReader reader_;
};

// A file name that cannot leave the bundle.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

Result<FileRecord> ReadFileRecord(const Json& json, const std::string& where) {
  const Members members(json, where);
  FileRecord file;
  VLAQ_ASSIGN_OR_RETURN(file.file, members.Text("file"));
  VLAQ_ASSIGN_OR_RETURN(file.bytes, members.Count("bytes"));
  VLAQ_ASSIGN_OR_RETURN(file.sha256, members.Text("sha256"));
  if (!IsPlainName(file.file)) {
    return InputError(where, fmt::format("\"file\" is '{}', which is not a plain name inside the bundle", file.file));
  }
  return file;
}

Result<std::vector<std::string>> ReadTexts(const Json& json, const std::string& where, std::string_view key) {
  std::vector<std::string> texts;
  for (const Json& item : json) {
    if (!item.is_string()) return InputError(where, fmt::format("\"{}\" must hold strings", key));
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

Result<std::map<std::string, std::string>> ReadTextMap(const Members& members, std::string_view key) {
  VLAQ_ASSIGN_OR_RETURN(const Json* object, members.Object(key));
  std::map<std::string, std::string> texts;
  for (const auto& [name, text] : object->items()) {
    if (!text.is_string()) {
      return InputError(members.reader().where(), fmt::format("\"{}\": '{}' must be a string", key, name));
    }
    texts.emplace(name, text.get<std::string>());
  }
  return texts;
}

// Objects; bundles of older versions have the texts alone.
Result<std::vector<Assumption>> ReadAssumptions(const Json& json, const std::string& where) {
  std::vector<Assumption> assumptions;
  for (const Json& item : json) {
    if (item.is_string()) {
      assumptions.push_back({"", "", item.get<std::string>()});
      continue;
    }
    const Members members(item, where + ": assumptions");
    Assumption& assumption = assumptions.emplace_back();
    VLAQ_ASSIGN_OR_RETURN(assumption.setting, members.Text("setting"));
    VLAQ_ASSIGN_OR_RETURN(assumption.value, members.Text("value"));
    VLAQ_ASSIGN_OR_RETURN(assumption.text, members.Text("text"));
  }
  return assumptions;
}

Result<std::vector<FileRecord>> ReadFileRecords(const Json& json, const std::string& where) {
  std::vector<FileRecord> files;
  for (const Json& item : json) {
    VLAQ_ASSIGN_OR_RETURN(FileRecord file, ReadFileRecord(item, where));
    files.push_back(std::move(file));
  }
  return files;
}

Result<std::vector<UsedEpisode>> ReadUsedEpisodes(const Json& json, const std::string& where) {
  std::vector<UsedEpisode> used;
  for (const Json& item : json) {
    const Members members(item, where + ": used");
    UsedEpisode& episode = used.emplace_back();
    VLAQ_ASSIGN_OR_RETURN(episode.use, members.Text("use"));
    VLAQ_ASSIGN_OR_RETURN(episode.name, members.Text("name"));
    VLAQ_ASSIGN_OR_RETURN(episode.sha256, members.Text("sha256"));
  }
  return used;
}

Result<Provenance> ReadProvenance(const Json& json, const std::string& where) {
  const Members members(json, where);
  Provenance provenance;
  VLAQ_ASSIGN_OR_RETURN(provenance.vlaq_version, members.Text("vlaq_version"));
  VLAQ_ASSIGN_OR_RETURN(provenance.verb, members.Text("verb"));
  VLAQ_ASSIGN_OR_RETURN(const Json* sources, members.Array("sources"));
  VLAQ_ASSIGN_OR_RETURN(provenance.sources, ReadFileRecords(*sources, where + ": sources"));
  VLAQ_ASSIGN_OR_RETURN(const Json* assumptions, members.Array("assumptions"));
  VLAQ_ASSIGN_OR_RETURN(provenance.assumptions, ReadAssumptions(*assumptions, where));
  VLAQ_ASSIGN_OR_RETURN(const auto state_dict, members.reader().String("state_dict"));
  provenance.state_dict = state_dict.value_or("");
  if (members.reader().Has("found")) {
    VLAQ_ASSIGN_OR_RETURN(const Json* found, members.Array("found"));
    VLAQ_ASSIGN_OR_RETURN(provenance.found, ReadFileRecords(*found, where + ": found"));
  }
  if (members.reader().Has("used")) {
    VLAQ_ASSIGN_OR_RETURN(const Json* used, members.Array("used"));
    VLAQ_ASSIGN_OR_RETURN(provenance.used, ReadUsedEpisodes(*used, where));
  }
  return provenance;
}

Json ToJson(const Assumption& assumption) {
  return {{"setting", assumption.setting}, {"value", assumption.value}, {"text", assumption.text}};
}

Json ToJson(const UsedEpisode& used) { return {{"use", used.use}, {"name", used.name}, {"sha256", used.sha256}}; }

Json ToJson(const Provenance& provenance) {
  const auto list = [](const auto& items) {
    Json json = Json::array();
    for (const auto& item : items) json.push_back(ToJson(item));
    return json;
  };
  Json json{{"vlaq_version", provenance.vlaq_version},
            {"verb", provenance.verb},
            {"sources", list(provenance.sources)},
            {"assumptions", list(provenance.assumptions)}};
  if (!provenance.state_dict.empty()) json["state_dict"] = provenance.state_dict;
  if (!provenance.found.empty()) json["found"] = list(provenance.found);
  if (!provenance.used.empty()) json["used"] = list(provenance.used);
  return json;
}

// `of_checkpoint`: the graphs share the weights of a checkpoint.
Status ReadFiles(const Members& members, const std::string& where, bool of_checkpoint, Bundle& bundle) {
  VLAQ_ASSIGN_OR_RETURN(const Json* graphs, members.Object("graphs"));
  for (const auto& [role, json] : graphs->items()) {
    VLAQ_ASSIGN_OR_RETURN(FileRecord file, ReadFileRecord(json, fmt::format("{}: graph '{}'", where, role)));
    bundle.graphs.emplace(role, std::move(file));
  }
  if (of_checkpoint || members.reader().Has("weights")) {
    VLAQ_ASSIGN_OR_RETURN(const Json* weights, members.Object("weights"));
    VLAQ_ASSIGN_OR_RETURN(bundle.weights, ReadFileRecord(*weights, where + ": weights"));
  }
  if (const Json* tokenizer = members.reader().Find("tokenizer")) {
    VLAQ_ASSIGN_OR_RETURN(bundle.tokenizer, ReadFileRecord(*tokenizer, where + ": tokenizer"));
  }
  if (const Json* plan = members.reader().Find("plan")) {
    VLAQ_ASSIGN_OR_RETURN(bundle.plan, ReadFileRecord(*plan, where + ": plan"));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto target, members.reader().String("target"));
  bundle.target = target.value_or("");
  return {};
}

// The policy that a manifest from before policies were data means. Its files were read already.
Result<policy::Policy> FromOldManifest(const Json& json, const std::string& where, const Bundle& bundle) {
  const auto architecture = Members(json, where).Text("architecture");
  if (!architecture.ok()) return architecture.error();
  const auto family = families::Find(*architecture);
  if (!family.ok()) return Within(where, family.error());
  families::OldManifest manifest{json, {}, bundle.stages, bundle.tokenizer ? bundle.tokenizer->file : ""};
  for (const auto& [name, file] : bundle.graphs) manifest.graphs.emplace(name, file.file);
  return (*family)->FromOldManifest(manifest, where);
}

Result<WeightRecord> ReadWeightRecord(const Json& json, const std::string& where) {
  const Members members(json, where);
  WeightRecord record;
  VLAQ_ASSIGN_OR_RETURN(record.name, members.Text("name"));
  VLAQ_ASSIGN_OR_RETURN(const std::string dtype, members.Text("dtype"));
  const auto known = FindDType(dtype);
  if (!known) return InputError(where, fmt::format("unknown dtype '{}'", dtype));
  record.dtype = *known;
  VLAQ_ASSIGN_OR_RETURN(const auto shape, members.reader().Integers("shape"));
  record.shape = shape.value_or(Shape{});
  VLAQ_ASSIGN_OR_RETURN(record.offset, members.Count("offset"));
  VLAQ_ASSIGN_OR_RETURN(record.length, members.Count("length"));
  VLAQ_ASSIGN_OR_RETURN(record.transform, members.Text("transform"));
  VLAQ_ASSIGN_OR_RETURN(const Json* sources, members.Array("sources"));
  VLAQ_ASSIGN_OR_RETURN(record.sources, ReadTexts(*sources, where, "sources"));
  VLAQ_ASSIGN_OR_RETURN(record.xxh3, members.Text("xxh3"));
  return record;
}

}  // namespace

bool IsSettings(const fs::path& path) {
  const auto json = ReadJsonFile(path);
  return json.ok() && json->is_object() && !json->contains("schema");
}

bool LooksLikeManifest(const fs::path& path) {
  const auto json = ReadJsonFile(path);
  if (!json.ok() || !json->is_object()) return false;
  const auto found = json->find("schema");
  if (found == json->end() || !found->is_string()) return false;
  const auto schema = found->get<std::string>();
  return schema.starts_with("vlaq.bundle/") || schema.starts_with("vlaq.policy/");
}

Result<Bundle> ReadManifest(const fs::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  const std::string where = path.string();
  if (!json.is_object()) return InputError(where, "is not a JSON object");
  const Members members(json, where);
  const auto schema = members.Text("schema");
  const bool schema1 = schema.ok() && *schema == kSchema1;
  if (!schema1 && (!schema.ok() || *schema != policy::kPolicySchema)) {
    return InputError(where, fmt::format("does not say \"schema\": \"{}\"", policy::kPolicySchema),
                      schema.ok() ? "the bundle was written by another version of vlaq; export it again"
                                  : "this is not a bundle's policy.json");
  }
  Bundle bundle;
  const families::Family* family = nullptr;
  if (!schema1) {
    VLAQ_ASSIGN_OR_RETURN(bundle.policy, policy::ParsePolicy(json, where));
    VLAQ_RETURN_IF_ERROR(policy::Validate(bundle.policy, where));
    family = families::FindOrNull(bundle.policy.family);
    if (family != nullptr) VLAQ_RETURN_IF_ERROR(family->Check(bundle.policy, where));
  }
  const bool of_checkpoint = schema1 || family != nullptr;
  if (of_checkpoint || members.reader().Has("config")) {
    VLAQ_ASSIGN_OR_RETURN(const Json* config, members.Object("config"));
    bundle.config = config->dump();
  }
  VLAQ_ASSIGN_OR_RETURN(bundle.precision, members.Text("precision"));
  VLAQ_RETURN_IF_ERROR(target::CheckPrecision(bundle.precision, where));
  VLAQ_RETURN_IF_ERROR(ReadFiles(members, where, of_checkpoint, bundle));
  VLAQ_ASSIGN_OR_RETURN(bundle.stages, ReadTextMap(members, "stages"));
  VLAQ_ASSIGN_OR_RETURN(bundle.left_out, ReadTextMap(members, "left_out"));
  VLAQ_ASSIGN_OR_RETURN(const Json* provenance, members.Object("provenance"));
  VLAQ_ASSIGN_OR_RETURN(bundle.provenance, ReadProvenance(*provenance, where + ": provenance"));
  if (schema1) {
    VLAQ_ASSIGN_OR_RETURN(bundle.policy, FromOldManifest(json, where, bundle));
    VLAQ_RETURN_IF_ERROR(policy::Validate(bundle.policy, where));
  }
  return bundle;
}

Result<std::string> ManifestText(const Bundle& bundle) {
  const std::string where(kPolicyFile);
  policy::Policy policy = bundle.policy;
  if (const families::Family* family = families::FindOrNull(policy.family)) {
    VLAQ_RETURN_IF_ERROR(family->Check(policy, where));
  }
  for (auto& [name, graph] : policy.graphs) {
    const auto record = bundle.graphs.find(name);
    if (record == bundle.graphs.end())
      return InternalError(where, fmt::format("no file is given for the graph '{}'", name));
    graph.file = record->second.file;
  }
  VLAQ_RETURN_IF_ERROR(policy::Validate(policy, where));
  Json json = policy::PolicyToJson(policy);
  for (const auto& [role, file] : bundle.graphs) {
    if (!policy.graphs.contains(role)) return InternalError(where, fmt::format("'{}' is no graph of the policy", role));
    Json graph = ToJson(file);
    graph.update(json["graphs"][role]);
    json["graphs"][role] = std::move(graph);
  }
  json["precision"] = bundle.precision;
  if (!bundle.weights.file.empty()) json["weights"] = ToJson(bundle.weights);
  if (bundle.tokenizer) json["tokenizer"] = ToJson(*bundle.tokenizer);
  if (!bundle.target.empty()) json["target"] = bundle.target;
  if (bundle.plan) json["plan"] = ToJson(*bundle.plan);
  json["stages"] = bundle.stages;
  json["left_out"] = bundle.left_out;
  if (!bundle.config.empty()) {
    VLAQ_ASSIGN_OR_RETURN(json["config"], ParseJson(bundle.config, where + ": config"));
  }
  json["provenance"] = ToJson(bundle.provenance);
  return JsonString(json, 1) + "\n";
}

Result<std::vector<WeightRecord>> ReadWeightManifest(const fs::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  const std::string where = path.string();
  const Members members(json, where);
  VLAQ_ASSIGN_OR_RETURN(const std::string schema, members.Text("schema"));
  if (schema != kWeightsSchema)
    return InputError(where, fmt::format("does not say \"schema\": \"{}\"", kWeightsSchema));
  VLAQ_ASSIGN_OR_RETURN(const Json* weights, members.Array("weights"));
  std::vector<WeightRecord> records;
  for (const Json& item : *weights) {
    VLAQ_ASSIGN_OR_RETURN(WeightRecord record,
                          ReadWeightRecord(item, fmt::format("{}: weight {}", where, records.size())));
    records.push_back(std::move(record));
  }
  return records;
}

std::string WeightManifestText(const std::vector<WeightRecord>& weights) {
  // One record a line: diffable, and readable in an editor.
  std::string text = fmt::format("{{\"schema\":\"{}\",\"weights\":[", kWeightsSchema);
  for (size_t i = 0; i < weights.size(); ++i) {
    const WeightRecord& w = weights[i];
    const Json json{{"name", w.name},     {"dtype", DTypeName(w.dtype)}, {"shape", w.shape},     {"offset", w.offset},
                    {"length", w.length}, {"transform", w.transform},    {"sources", w.sources}, {"xxh3", w.xxh3}};
    text += (i == 0 ? "\n" : ",\n") + JsonString(json);
  }
  return text + "\n]}\n";
}

}  // namespace vlaq::bundle

#include "bundle/manifest.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_field.h"
#include "families/family.h"
#include "target/precision.h"

namespace vlaq::bundle {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSchema1 = "vlaq.bundle/1";  // what vlaq wrote before policies were data
constexpr std::string_view kWeightsSchema = "vlaq.weights/1";

Json ToJson(const FileRecord& file) { return {{"file", file.file}, {"bytes", file.bytes}, {"sha256", file.sha256}}; }

// A file name that cannot leave the bundle.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

FileRecord ReadFileRecord(const JsonField& field) {
  FileRecord file;
  field.Need("file", file.file);
  field.Need("bytes", file.bytes);
  field.Need("sha256", file.sha256);
  if (!IsPlainName(file.file)) {
    field.FailAt("file", fmt::format("is '{}', which is not a plain name inside the bundle", file.file));
  }
  return file;
}

std::optional<FileRecord> FindFileRecord(const JsonField& holder, std::string_view key) {
  const auto field = holder.Find(key);
  return field ? std::optional(ReadFileRecord(*field)) : std::nullopt;
}

// Bundles of older versions have texts alone.
Assumption ReadAssumption(const JsonField& field) {
  Assumption assumption;
  if (field.IsText()) {
    assumption.text = field.Text();
    return assumption;
  }
  field.Need("setting", assumption.setting);
  field.Need("value", assumption.value);
  field.Need("text", assumption.text);
  return assumption;
}

UsedEpisode ReadUsedEpisode(const JsonField& field) {
  UsedEpisode episode;
  field.Need("use", episode.use);
  field.Need("name", episode.name);
  field.Need("sha256", episode.sha256);
  return episode;
}

template <typename Read>
auto ReadList(const JsonField& list, const Read& read) {
  std::vector<decltype(read(list))> items;
  for (const JsonField& item : list.Items()) items.push_back(read(item));
  return items;
}

Provenance ReadProvenance(const JsonField& field) {
  Provenance provenance;
  field.Need("vlaq_version", provenance.vlaq_version);
  field.Need(field.Find("verb") ? "verb" : "command", provenance.command);  // "verb": as bundles of schema 1 say it
  provenance.sources = ReadList(field["sources"], ReadFileRecord);
  provenance.assumptions = ReadList(field["assumptions"], ReadAssumption);
  field.Read("state_dict", provenance.state_dict);
  if (const auto found = field.Find("found")) provenance.found = ReadList(*found, ReadFileRecord);
  if (const auto used = field.Find("used")) provenance.used = ReadList(*used, ReadUsedEpisode);
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
            {"command", provenance.command},
            {"sources", list(provenance.sources)},
            {"assumptions", list(provenance.assumptions)}};
  if (!provenance.state_dict.empty()) json["state_dict"] = provenance.state_dict;
  if (!provenance.found.empty()) json["found"] = list(provenance.found);
  if (!provenance.used.empty()) json["used"] = list(provenance.used);
  return json;
}

// `of_checkpoint`: the graphs share the weights of a checkpoint.
void ReadFiles(const JsonField& root, bool of_checkpoint, Bundle& bundle) {
  for (const auto& [name, graph] : root["graphs"].Members()) bundle.graphs.emplace(name, ReadFileRecord(graph));
  if (of_checkpoint || root.Has("weights")) bundle.weights = ReadFileRecord(root["weights"]);
  bundle.tokenizer = FindFileRecord(root, "tokenizer");
  bundle.plan = FindFileRecord(root, "plan");
  root.Read("target", bundle.target);
}

// The policy that a manifest from before policies were data means. Its files were read already.
Result<policy::Policy> FromOldManifest(const JsonField& root, const Bundle& bundle) {
  const std::string architecture = root["architecture"].Text();
  VLAQ_RETURN_IF_ERROR(root.status());
  const auto family = families::Find(architecture);
  if (!family.ok()) return Within(root.where(), family.error());
  families::OldManifest manifest{root.json(), {}, bundle.stages, bundle.tokenizer ? bundle.tokenizer->file : ""};
  for (const auto& [name, file] : bundle.graphs) manifest.graphs.emplace(name, file.file);
  return (*family)->FromOldManifest(manifest, root.where());
}

WeightRecord ReadWeightRecord(const JsonField& field) {
  WeightRecord record;
  field.Need("name", record.name);
  field.NeedName("dtype", FindDType, {}, record.dtype);
  field.Read("shape", record.shape);
  field.Need("offset", record.offset);
  field.Need("length", record.length);
  field.Need("transform", record.transform);
  field.Need("sources", record.sources);
  field.Need("xxh3", record.xxh3);
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
  const JsonField root(json, where);
  const bool schema1 = root.IsObject() && json.value("schema", Json()) == Json(kSchema1);
  Bundle bundle;
  const families::Family* family = nullptr;
  if (!schema1) {
    if (!root.Has("schema")) root.FailAt("schema", "is missing", "this is not a bundle's policy.json");
    VLAQ_RETURN_IF_ERROR(root.status());
    VLAQ_ASSIGN_OR_RETURN(bundle.policy, policy::ParsePolicy(json, where));
    VLAQ_RETURN_IF_ERROR(policy::Validate(bundle.policy, where));
    family = families::FindOrNull(bundle.policy.family);
    if (family != nullptr) VLAQ_RETURN_IF_ERROR(family->Check(bundle.policy, where));
  }
  const bool of_checkpoint = schema1 || family != nullptr;
  if (of_checkpoint || root.Has("config")) bundle.config = root["config"].ObjectText();
  root.Need("precision", bundle.precision);
  ReadFiles(root, of_checkpoint, bundle);
  root.Need("stages", bundle.stages);
  root.Need("left_out", bundle.left_out);
  bundle.provenance = ReadProvenance(root["provenance"]);
  VLAQ_RETURN_IF_ERROR(root.status());
  VLAQ_RETURN_IF_ERROR(target::CheckPrecision(bundle.precision, where));
  if (schema1) {
    VLAQ_ASSIGN_OR_RETURN(bundle.policy, FromOldManifest(root, bundle));
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
  const JsonField root(json, path.string());
  root.HasSchema(kWeightsSchema, "");
  std::vector<WeightRecord> records = ReadList(root["weights"], ReadWeightRecord);
  VLAQ_RETURN_IF_ERROR(root.status());
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

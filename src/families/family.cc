#include "families/family.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace vlaq::families {

const BuiltGraph* PolicyGraphs::Find(std::string_view name) const {
  const auto it = std::ranges::find_if(graphs, [&](const BuiltGraph& graph) { return graph.name == name; });
  return it == graphs.end() ? nullptr : &*it;
}

const Traits& Family::traits() const {
  static const Traits none;
  return none;
}

Result<std::vector<std::string>> Family::GoldenStages(const policy::Policy&) const {
  return std::vector<std::string>();
}

Status Family::Check(const policy::Policy&, const std::string&) const { return {}; }

Result<SettingsFile> Family::ReadSettings(const std::filesystem::path& file, const std::string& defaults) const {
  VLAQ_ASSIGN_OR_RETURN(const Json whole, ReadJsonFile(file));
  if (!whole.is_object()) return InputError(file.string(), "is not a JSON object");
  const auto settings = whole.find("settings");
  const Json& given = settings == whole.end() ? whole : *settings;
  VLAQ_ASSIGN_OR_RETURN(Json settled, ParseJson(defaults, "settings"));
  settled.merge_patch(given);
  return SettingsFile{JsonString(given), JsonString(settled)};
}

StatedSettings Family::ReadStated(const checkpoint::Checkpoint&) const { return {}; }

Result<std::unique_ptr<TextEncoder>> Family::OpenTextEncoder(const policy::Policy&, const policy::Input& input,
                                                             const std::filesystem::path&) const {
  return NoTextEncoder(input, name(), "");
}

Error NoTextEncoder(const policy::Input& input, std::string_view family, const std::string& where) {
  return InputError(where,
                    fmt::format("input '{}' is text, and the family {} has no encoder for it", input.name, family),
                    "describe its token ids as a state in policy.json");
}

Result<Json> FromCommandLine(const std::map<std::string, std::string>& set) {
  Json settings = Json::object();
  for (const auto& [key, value] : set) {
    const auto parsed = ParseJson(value, key);
    PutSetting(settings, key, parsed.ok() ? *parsed : Json(value));
  }
  return settings;
}

Result<policy::Policy> Family::FromOldManifest(const OldManifest&, const std::string& where) const {
  return InputError(where, fmt::format("is of a time when there was no family {}", name()), "export the policy again");
}

Result<std::vector<std::string>> Family::Synthesize(const std::filesystem::path& path, const SyntheticOptions&,
                                                    Log&) const {
  return UsageError(fmt::format("{}: the family {} makes no random checkpoints", path.string(), name()));
}

}  // namespace vlaq::families

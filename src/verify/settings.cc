#include "verify/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "families/family.h"

namespace vlaq::verify {
namespace {

using bundle::Bundle;

std::string_view ShownName(Shown shown) {
  switch (shown) {
    case Shown::kShapes:
      return "the checkpoint";
    case Shown::kGoldenPixels:
    case Shown::kGoldenActions:
    case Shown::kGoldenWindow:
    case Shown::kGoldenPrompt:
      return "golden data";
    case Shown::kEpisodes:
    case Shown::kNormalization:
    case Shown::kChannelOrder:
      return "recorded episodes";
  }
  return "";
}

// What shows `key` of this family; empty if nothing does.
std::string ShownBy(const families::Family& family, std::string_view key, const Report& report) {
  if (report.shown_by_user.contains(std::string(key))) return "the user's own file";
  if (report.shown_by_checkpoint.contains(std::string(key))) return "the checkpoint";
  const auto& known = family.settings();
  const auto row = std::ranges::find(known, key, &families::SettingInfo::key);
  if (row == known.end()) return "";
  for (const Shown shown : row->shown_by) {
    if (report.shown.contains(shown)) return std::string(ShownName(shown));
  }
  return "";
}

// The family's own settings of a bundle.
Json SettingsJson(const Bundle& bundle) {
  const auto json = ParseJson(bundle.policy.settings, "settings");
  return json.ok() ? *json : Json::object();
}

// The settings as key and value, members of objects as "preprocess.resize".
std::vector<std::pair<std::string, Json>> Flat(const Json& json, const std::string& prefix = "") {
  std::vector<std::pair<std::string, Json>> flat;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_object()) {
      flat.emplace_back(prefix + key, value);
      continue;
    }
    for (auto& item : Flat(value, prefix + key + ".")) flat.push_back(std::move(item));
  }
  return flat;
}

std::string ShortText(const Json& value) {
  constexpr size_t kLongest = 28;
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

// "action_scale is 60 instead of 0.6"
std::vector<std::string> Differences(const Json& actual, const Json& expected) {
  const auto flat = Flat(actual);
  std::vector<std::string> differences;
  for (const auto& [key, value] : Flat(expected)) {
    const auto found =
        std::find_if(flat.begin(), flat.end(), [&name = key](const auto& item) { return item.first == name; });
    if (found != flat.end() && found->second == value) continue;
    differences.push_back(fmt::format("{} is {} instead of {}", key,
                                      found == flat.end() ? "absent" : ShortText(found->second), ShortText(value)));
  }
  return differences;
}

Check SettingsCheck(std::string name, const std::vector<std::string>& differences, std::string good) {
  Check check{0, std::move(name), differences.empty(), std::move(good), {}};
  if (!differences.empty()) check.detail = fmt::format("{}", fmt::join(differences, "; "));
  return check;
}

// What was assumed of a policy of any graphs: which input is which, what its numbers are. Golden data go through
// inputs, outputs and schedule, and show these; when actions are played they do not.
std::vector<Setting> AssumedOf(const Bundle& bundle, const Report& report) {
  const bool shown = std::ranges::any_of(
      report.checks, [](const Check& c) { return c.passed && c.against == Against::kInputsAndOutputs; });
  std::vector<Setting> settings;
  for (const bundle::Assumption& assumption : bundle.provenance.assumptions) {
    const bool control = assumption.setting.starts_with("control.");
    settings.push_back({assumption.setting, ShortText(assumption.value), true, shown && !control ? "golden data" : ""});
  }
  return settings;
}

}  // namespace

std::vector<Setting> SettingsOf(const Bundle& bundle, const Report& report) {
  const families::Family* family = families::FindOrNull(bundle.policy.family);
  if (family == nullptr) return AssumedOf(bundle, report);
  std::vector<Setting> settings;
  for (const auto& [key, value] : Flat(SettingsJson(bundle))) {
    const auto is_it = [&name = key](const bundle::Assumption& a) {
      return name == a.setting || name.starts_with(a.setting + ".");
    };
    const auto& assumptions = bundle.provenance.assumptions;
    settings.push_back({key, ShortText(value), std::any_of(assumptions.begin(), assumptions.end(), is_it),
                        ShownBy(*family, key, report)});
  }
  if (bundle.tokenizer) {
    settings.push_back(
        {"tokenizer", bundle.tokenizer->sha256.substr(0, 12), false, ShownBy(*family, "tokenizer", report)});
  }
  return settings;
}

Status CheckAgainstPolicyFile(const Bundle& bundle, const std::filesystem::path& file, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const families::Family* family, families::Find(bundle.policy.family));
  // Read over the bundle's own settings: what the file does not say is the bundle's.
  VLAQ_ASSIGN_OR_RETURN(const families::SettingsFile read, family->ReadSettings(file, bundle.policy.settings));
  VLAQ_ASSIGN_OR_RETURN(const Json given, ParseJson(read.given, file.string()));
  VLAQ_ASSIGN_OR_RETURN(const Json expected, ParseJson(read.settled, file.string()));
  const auto differences = Differences(SettingsJson(bundle), expected);
  report.checks.push_back(SettingsCheck(fmt::format("settings, {}", file.filename().string()), differences,
                                        "the bundle's settings are those of the file, as far as it goes"));
  for (const auto& [key, value] : Flat(given)) report.shown_by_user.insert(key);
  return {};
}

Status CheckAgainstTokenizerFile(const Bundle& bundle, const std::filesystem::path& file, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord given, bundle::Describe(file));
  const bool same = bundle.tokenizer && bundle.tokenizer->sha256 == given.sha256;
  std::vector<std::string> differences;
  if (!same)
    differences.emplace_back(bundle.tokenizer ? "the bundle's tokenizer is another file" : "the bundle holds none");
  report.checks.push_back(
      SettingsCheck(fmt::format("tokenizer, {}", file.filename().string()), differences, "the bundle's is this file"));
  report.shown_by_user.insert("tokenizer");
  return {};
}

void CheckAgainstStated(const Bundle& bundle, const checkpoint::Checkpoint& checkpoint, Report& report) {
  const families::Family* family = families::FindOrNull(bundle.policy.family);
  if (family == nullptr) return;
  const Json own = SettingsJson(bundle);
  std::vector<std::string> differences;
  bool any = false;
  for (const families::Stated& row : family->ReadStated(checkpoint).known) {
    const Json* value = families::FindSetting(own, row.key);
    if (value == nullptr || report.shown_by_user.contains(row.key)) continue;
    any = true;
    const auto stated = ParseJson(row.value, row.place);
    if (stated.ok() && *value == *stated) {
      report.shown_by_checkpoint.insert(row.key);
    } else {
      differences.push_back(
          fmt::format("{} is {} instead of {} ({})", row.key, ShortText(*value), row.value, row.place));
    }
  }
  if (!any) return;
  report.checks.push_back(SettingsCheck("settings the checkpoint states", differences,
                                        fmt::format("{}", fmt::join(report.shown_by_checkpoint, ", "))));
}

std::vector<std::string> HowPoliciesDiffer(policy::Policy actual, policy::Policy expected) {
  for (policy::Policy* policy : {&actual, &expected}) {
    for (auto& [name, graph] : policy->graphs) graph.file.clear();
  }
  const Json own = policy::PolicyToJson(actual), other = policy::PolicyToJson(expected);
  std::vector<std::string> differences = Differences(own, other);
  const auto wanted = Flat(other);
  for (const auto& [key, value] : Flat(own)) {
    const bool known = std::ranges::any_of(wanted, [&name = key](const auto& item) { return item.first == name; });
    if (!known) differences.push_back(fmt::format("{} is {} instead of absent", key, ShortText(value)));
  }
  return differences;
}

void CheckAgainstSourcePolicy(const Bundle& bundle, const Bundle& source, Report& report) {
  report.checks.push_back(SettingsCheck("policy against the source", HowPoliciesDiffer(bundle.policy, source.policy),
                                        "inputs, outputs, bindings and schedules are the source's"));
}

void CheckAgainstSourceSettings(const Bundle& bundle, const Bundle& source, Report& report) {
  std::vector<std::string> differences = Differences(SettingsJson(bundle), SettingsJson(source));
  const auto note = [&](bool same, std::string text) {
    if (!same) differences.push_back(std::move(text));
  };
  note(bundle.config == source.config, "the model's configuration is another");
  const auto inputs = [](const Bundle& b) { return policy::PolicyToJson(b.policy)["inputs"].size(); };
  note(inputs(bundle) == inputs(source), "its graphs take other inputs: one is told its instruction, one is not");
  const auto tokenizer = [](const Bundle& b) { return b.tokenizer ? b.tokenizer->sha256 : std::string(); };
  note(tokenizer(bundle) == tokenizer(source), "the tokenizer is another file");
  report.checks.push_back(SettingsCheck("settings against the source", differences, "all settings are the source's"));
}

}  // namespace vlaq::verify

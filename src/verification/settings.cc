#include "verification/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "architecture/stated.h"
#include "base/json.h"
#include "policy/schema1.h"
#include "verification/family.h"

namespace vlaq::verification {
namespace {

using bundle::Bundle;

// By what a setting can be shown; what is not listed cannot be shown by any check.
struct SettingProof {
  std::string_view key;
  std::array<std::optional<Shown>, 2> by;
};
constexpr std::array kProofs{
    SettingProof{"architecture", {Shown::kShapes}},
    SettingProof{"head_name", {Shown::kShapes}},
    SettingProof{"lstm_input", {Shown::kShapes}},
    SettingProof{"lstm_hidden", {Shown::kShapes}},
    SettingProof{"lstm_layers", {Shown::kShapes}},
    SettingProof{"mlp_widths", {Shown::kShapes}},
    SettingProof{"vocabulary", {Shown::kShapes}},
    SettingProof{"image_tokens", {Shown::kShapes}},
    SettingProof{"image_size", {Shown::kShapes}},
    SettingProof{"feature_source", {Shown::kGoldenActions, Shown::kEpisodes}},
    SettingProof{"prompt_layout", {Shown::kGoldenPrompt, Shown::kEpisodes}},
    SettingProof{"image_start", {Shown::kGoldenPrompt, Shown::kEpisodes}},
    SettingProof{"chunk", {Shown::kGoldenActions, Shown::kEpisodes}},
    SettingProof{"action_dim", {Shown::kGoldenActions, Shown::kEpisodes}},
    SettingProof{"window", {Shown::kGoldenWindow, Shown::kEpisodes}},
    SettingProof{"action_scale", {Shown::kEpisodes}},
    SettingProof{"preprocess.resize", {Shown::kGoldenPixels, Shown::kEpisodes}},
    SettingProof{"preprocess.normalise", {Shown::kGoldenPixels, Shown::kNormalization}},
    SettingProof{"preprocess.channel_order", {Shown::kGoldenPixels, Shown::kChannelOrder}},
    SettingProof{"preprocess.pass_order", {Shown::kGoldenPixels}},
    SettingProof{"prompt_text", {Shown::kGoldenPrompt}},
    SettingProof{"prompt_ids", {Shown::kGoldenPrompt}},
    SettingProof{"attention_mask", {Shown::kGoldenPrompt}},
};

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

// What shows `key`; empty if nothing does.
std::string ShownBy(std::string_view key, const Report& report) {
  if (report.shown_by_user.contains(std::string(key))) return "the user's own file";
  if (report.shown_by_checkpoint.contains(std::string(key))) return "the checkpoint";
  const auto row = std::find_if(kProofs.begin(), kProofs.end(), [&](const SettingProof& r) { return r.key == key; });
  if (row == kProofs.end()) return "";
  for (const std::optional<Shown>& shown : row->by) {
    if (shown && report.shown.contains(*shown)) return std::string(ShownName(*shown));
  }
  return "";
}

// The spec as key and value, members of objects as "preprocess.resize".
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
  if (!HasSpec(bundle)) return AssumedOf(bundle, report);
  std::vector<Setting> settings;
  for (const auto& [key, value] : Flat(policy::PolicySpecToJson(bundle.spec))) {
    const auto is_it = [&name = key](const bundle::Assumption& a) {
      return name == a.setting || name.starts_with(a.setting + ".");
    };
    const auto& assumptions = bundle.provenance.assumptions;
    settings.push_back(
        {key, ShortText(value), std::any_of(assumptions.begin(), assumptions.end(), is_it), ShownBy(key, report)});
  }
  if (bundle.tokenizer) {
    settings.push_back({"tokenizer", bundle.tokenizer->sha256.substr(0, 12), false, ShownBy("tokenizer", report)});
  }
  return settings;
}

Status CheckAgainstPolicyFile(const Bundle& bundle, const std::filesystem::path& file, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const Json whole, ReadJsonFile(file));
  VLAQ_ASSIGN_OR_RETURN(const Json given, policy::SettingsIn(whole, file.string()));
  // Read over the bundle's own spec: what the file does not say is the bundle's.
  VLAQ_ASSIGN_OR_RETURN(const policy::PolicySpec spec, policy::ParsePolicySpec(given, file.string(), bundle.spec));
  const Json expected = policy::PolicySpecToJson(spec);
  const auto differences = Differences(policy::PolicySpecToJson(bundle.spec), expected);
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
  const Json own = policy::PolicySpecToJson(bundle.spec);
  std::vector<std::string> differences;
  bool any = false;
  for (const architecture::Stated& row : architecture::ReadStated(checkpoint).known) {
    const Json* value = architecture::FindSetting(own, row.key);
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
  std::vector<std::string> differences =
      Differences(policy::PolicySpecToJson(bundle.spec), policy::PolicySpecToJson(source.spec));
  const auto note = [&](bool same, std::string text) {
    if (!same) differences.push_back(std::move(text));
  };
  note(bundle.config == source.config, "the model's configuration is another");
  note(bundle.baked_prompt == source.baked_prompt, "baked_prompt is another");
  const auto tokenizer = [](const Bundle& b) { return b.tokenizer ? b.tokenizer->sha256 : std::string(); };
  note(tokenizer(bundle) == tokenizer(source), "the tokenizer is another file");
  report.checks.push_back(SettingsCheck("settings against the source", differences, "all settings are the source's"));
}

}  // namespace vlaq::verification

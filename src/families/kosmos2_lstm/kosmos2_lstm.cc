#include "families/kosmos2_lstm/kosmos2_lstm.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_field.h"
#include "families/kosmos2_lstm/policy_of.h"
#include "families/kosmos2_lstm/policy_spec.h"
#include "families/kosmos2_lstm/synthetic_checkpoint.h"

namespace vlaq::kosmos2_lstm {
namespace {

using families::SettingInfo;
using policy::Shown;

// A setting that shapes determine.
SettingInfo OfShapes(std::string_view key) { return {key, "", {}, "", false, {Shown::kShapes}}; }

}  // namespace

const std::vector<SettingInfo>& Kosmos2Lstm::settings() const {
  static const std::vector<SettingInfo> settings{
      {"feature_source",
       "what feeds the LSTM",
       FeatureSourceNames(),
       "--feature-source",
       true,
       {Shown::kGoldenActions, Shown::kEpisodes}},
      {"prompt_layout",
       "how the prompt stands around the image",
       PromptLayoutNames(),
       "--prompt-layout",
       false,
       {Shown::kGoldenPrompt, Shown::kEpisodes}},
      OfShapes("architecture"),
      OfShapes("head_name"),
      OfShapes("lstm_input"),
      OfShapes("lstm_hidden"),
      OfShapes("lstm_layers"),
      OfShapes("mlp_widths"),
      OfShapes("vocabulary"),
      OfShapes("image_tokens"),
      OfShapes("image_size"),
      {"image_start",
       "position of the first image row (hf_processor)",
       {},
       "",
       false,
       {Shown::kGoldenPrompt, Shown::kEpisodes}},
      {"chunk", "actions of a step", {}, "", false, {Shown::kGoldenActions, Shown::kEpisodes}},
      {"action_dim", "values of an action", {}, "", false, {Shown::kGoldenActions, Shown::kEpisodes}},
      {"window", "frames that the LSTM sees at most", {}, "", false, {Shown::kGoldenWindow, Shown::kEpisodes}},
      {"action_scale", "velocity of an action of 1, in m/s (angular: rad/s)", {}, "", true, {Shown::kEpisodes}},
      {"control_period_s", "seconds between two frames", {}, "", false, {}},
      {"preprocess.resize",
       "filter that makes a frame the model's size",
       image::FilterNames(),
       "",
       true,
       {Shown::kGoldenPixels, Shown::kEpisodes}},
      {"preprocess.normalise",
       "statistics of the pixels",
       image::NormalizationNames(),
       "",
       true,
       {Shown::kGoldenPixels, Shown::kNormalization}},
      {"preprocess.channel_order",
       "as the model was trained",
       image::ChannelOrderNames(),
       "",
       true,
       {Shown::kGoldenPixels, Shown::kChannelOrder}},
      {"preprocess.pass_order",
       "how portrait frames are rounded",
       image::PassOrderNames(),
       "",
       false,
       {Shown::kGoldenPixels}},
      {"prompt_text", "", {}, "", true, {Shown::kGoldenPrompt}},
      {"prompt_ids", "", {}, "", false, {Shown::kGoldenPrompt}},
      {"attention_mask", "", {}, "", false, {Shown::kGoldenPrompt}},
  };
  return settings;
}

Status Kosmos2Lstm::Check(const policy::Policy& policy, const std::string& where) const {
  VLAQ_ASSIGN_OR_RETURN(const PolicySpec spec, SettingsOf(policy, where));
  const std::string differs = DisagreementWithSettings(policy, spec);
  if (!differs.empty()) return InputError(where, differs, "the two must say the same; export the policy again");
  return {};
}

Result<std::vector<std::string>> Kosmos2Lstm::GoldenStages(const policy::Policy& policy) const {
  VLAQ_ASSIGN_OR_RETURN(const PolicySpec spec, SettingsOf(policy, "settings"));
  std::vector<std::string> stages = EncoderStages(spec);
  stages.insert(stages.end(), {"features", "actions"});
  return stages;
}

Result<families::SettingsFile> Kosmos2Lstm::ReadSettings(const std::filesystem::path& file,
                                                         const std::string& defaults) const {
  const std::string where = file.string();
  VLAQ_ASSIGN_OR_RETURN(const Json whole, ReadJsonFile(file));
  VLAQ_ASSIGN_OR_RETURN(const Json given, SettingsIn(whole, where));
  VLAQ_ASSIGN_OR_RETURN(const Json below, ParseJson(defaults, "settings"));
  VLAQ_ASSIGN_OR_RETURN(PolicySpec spec, ParsePolicySpec(below, "settings", {}));
  VLAQ_ASSIGN_OR_RETURN(spec, ParsePolicySpec(given, where, std::move(spec)));
  return families::SettingsFile{JsonString(given), JsonString(PolicySpecToJson(spec))};
}

Result<policy::Policy> Kosmos2Lstm::FromOldManifest(const families::OldManifest& manifest,
                                                    const std::string& where) const {
  for (const std::string_view role : {kWhole, kEncoder, kHead}) {
    if (manifest.graphs.contains(std::string(role))) continue;
    return InputError(where, fmt::format("names no graph '{}'", role));
  }
  VLAQ_ASSIGN_OR_RETURN(const PolicySpec spec, ParsePolicySpec(manifest.json, where, {}));
  if (Status valid = Validate(spec); !valid.ok()) return InputError(where, valid.error().what, valid.error().advice);
  const JsonField root(manifest.json, where);
  bool baked_prompt = false;
  root.Read("baked_prompt", baked_prompt);
  VLAQ_RETURN_IF_ERROR(root.status());
  const bool reads_task = !baked_prompt && CanReadTask(spec);
  return PolicyOf(spec, reads_task, {manifest.graphs, manifest.stages, manifest.tokenizer});
}

Result<std::vector<std::string>> Kosmos2Lstm::Synthesize(const std::filesystem::path& path,
                                                         const families::SyntheticOptions& options, Log& log) const {
  CheckpointOptions wanted;
  wanted.size = options.size == "full" ? Size::kFull : Size::kMicro;
  wanted.seed = options.seed;
  wanted.plain = options.plain;
  wanted.existing = options.existing;
  VLAQ_RETURN_IF_ERROR(WriteCheckpoint(path, wanted, log));
  if (wanted.size == Size::kFull) return std::vector<std::string>{};
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  VLAQ_RETURN_IF_ERROR(WriteSideFiles(folder, wanted.size, Existing::kReplace));
  return std::vector<std::string>{"config.json", "policy.json"};
}

}  // namespace vlaq::kosmos2_lstm

namespace vlaq::families {

const Family& kosmos2_lstm_family() {
  static const kosmos2_lstm::Kosmos2Lstm family;
  return family;
}

}  // namespace vlaq::families

// Settles the policy spec: what the shapes say, what config.json and policy.json say, and stated assumptions for the
// rest.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "architecture/kosmos2_lstm/config.h"
#include "architecture/kosmos2_lstm/kosmos2_lstm.h"
#include "architecture/kosmos2_lstm/structure.h"
#include "base/json.h"
#include "policy/schema1.h"

namespace vlaq::kosmos2_lstm {
namespace {

using architecture::Proposal;
using architecture::Settings;
using policy::FeatureSource;
using policy::PolicySpec;
using policy::PromptLayout;

std::string JsonText(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// What each variant was trained with, as far as it is known (spec/model.md 8). The original class of the simple LSTM is
// not public, so its row is an assumption and is printed as one.
struct VariantDefaults {
  FeatureSource feature_source;
  PromptLayout prompt_layout;
  double action_scale;
};

VariantDefaults DefaultsOf(const Structure& structure) {
  if (structure.has_action_token || structure.variant == "RoboVLMs") {
    return {FeatureSource::kActionToken, PromptLayout::kRobovlms, 1.0};
  }
  return {FeatureSource::kMeanHidden, PromptLayout::kHfProcessor, 2.0};
}

// Settings that shapes give.
bool IsFact(std::string_view key) {
  constexpr std::array<std::string_view, 4> kFacts{"image_size", "image_tokens", "lstm_hidden", "lstm_layers"};
  return std::find(kFacts.begin(), kFacts.end(), key) != kFacts.end();
}

class Proposer {
 public:
  Proposer(const Settings& settings, Structure structure, const checkpoint::Checkpoint& checkpoint)
      : settings_(settings),
        s_(std::move(structure)),
        where_(checkpoint.path().string()),
        stated_(architecture::ReadStated(checkpoint)) {}

  Result<Proposal> Propose();

 private:
  void Assume(std::string setting, std::string value, std::string text) {
    proposal_.assumptions.push_back({std::move(setting), std::move(value), std::move(text)});
  }
  // Notes an assumption unless policy.json or the checkpoint gives `key`.
  void AssumeUnlessGiven(std::string_view key, std::string value, std::string_view meaning = "") {
    if (architecture::FindSetting(given_, key) != nullptr) return;
    std::string text = fmt::format("{} is {}{}", key, value, meaning);
    Assume(std::string(key), std::move(value), std::move(text));
  }
  bool IsOverridden(std::string_view key) const {
    return std::find(settings_.overrides.begin(), settings_.overrides.end(), key) != settings_.overrides.end();
  }
  // "--feature-source", "policy.json" or what else the value of `key` comes from, for messages.
  std::string SourceOf(std::string_view key, const Json& value) const;

  Status SettleConfig();
  Status HeedTheCheckpoint();
  Status ReadPolicy();
  void SettleFeature();
  Status SettleOutputs();
  void SettleLength(const Config& config);
  Status CheckAgainstStated();
  Status CheckFeatureWidth() const;
  void Warn();

  const Settings& settings_;
  Structure s_;
  std::string where_;  // the checkpoint
  architecture::StatedSettings stated_;
  Json policy_ = Json::object();  // of the file
  Json given_ = Json::object();   // of the file and, below it, of the checkpoint
  Proposal proposal_;
};

Status Proposer::SettleConfig() {
  Result<Config> config = settings_.config.empty() ? PublishedConfig(s_) : ReadConfig(settings_.config, s_);
  if (!config.ok()) {
    if (!settings_.config.empty()) return config.error();
    proposal_.missing.push_back(config.error());
    return {};
  }
  if (settings_.config.empty()) {
    Assume("config", "kosmos-2-patch14-224",
           fmt::format("config.json is that of kosmos-2-patch14-224: {} text and {} vision heads of 64, epsilon 1e-5",
                       config->text_heads, config->vision_heads));
  }
  proposal_.config = JsonString(ConfigToJson(*config, s_));
  SettleLength(*config);
  return {};
}

// What the checkpoint says wins over defaults; shapes are facts, and only compared.
Status Proposer::HeedTheCheckpoint() {
  for (const std::string& key : settings_.overrides) {
    const auto is_key = [&](const auto& row) { return row.key == key; };
    if (std::any_of(stated_.known.begin(), stated_.known.end(), is_key)) continue;
    std::string known;
    for (const auto& row : stated_.known) known += (known.empty() ? "" : ", ") + row.key;
    return UsageError(fmt::format("--override {}: the checkpoint says nothing of it", key),
                      known.empty() ? "leave the option out" : fmt::format("it says something of {}", known));
  }
  for (const architecture::Stated& row : stated_.known) {
    if (IsOverridden(row.key)) continue;
    proposal_.stated.push_back(row);
    if (IsFact(row.key) || row.key == "prompt_template") continue;
    architecture::PutSetting(given_, row.key, Json::parse(row.value));
  }
  for (const std::string& text : stated_.not_understood) {
    proposal_.warnings.push_back(
        fmt::format("the checkpoint's {}, which vlaq does not understand and leaves aside", text));
  }
  return {};
}

Status Proposer::ReadPolicy() {
  PolicySpec& spec = proposal_.spec;
  const VariantDefaults defaults = DefaultsOf(s_);
  spec.feature_source = defaults.feature_source;
  spec.prompt_layout = defaults.prompt_layout;
  spec.action_scale = defaults.action_scale;
  spec.lstm_input = s_.lstm.input;
  spec.lstm_hidden = s_.lstm.hidden;
  spec.lstm_layers = s_.lstm.layers;
  spec.mlp_widths = s_.mlp.widths;
  spec.head_name = s_.mlp.name;
  spec.preprocess.image_size = static_cast<int>(s_.vision.image_size);
  spec.image_tokens = s_.latents;
  spec.vocabulary = s_.text.vocabulary;
  VLAQ_ASSIGN_OR_RETURN(spec, policy::ParsePolicySpec(given_, "the checkpoint's own settings", std::move(spec)));
  if (settings_.policy.empty()) return {};
  const std::string where = settings_.policy.string();
  VLAQ_ASSIGN_OR_RETURN(const Json file, ReadJsonFile(settings_.policy));
  VLAQ_ASSIGN_OR_RETURN(policy_, policy::SettingsIn(file, where));
  VLAQ_RETURN_IF_ERROR(policy::CheckPolicyKeys(policy_, where));
  VLAQ_ASSIGN_OR_RETURN(spec, policy::ParsePolicySpec(policy_, where, std::move(spec)));
  given_.merge_patch(policy_);
  return {};
}

void Proposer::SettleFeature() {
  PolicySpec& spec = proposal_.spec;
  if (settings_.feature_source) {
    spec.feature_source = *settings_.feature_source;
  } else {
    AssumeUnlessGiven("feature_source", std::string(policy::Name(spec.feature_source)),
                      ": the checkpoint does not say what feeds the LSTM (choose with --feature-source)");
  }
  if (settings_.prompt_layout) {
    spec.prompt_layout = *settings_.prompt_layout;
  } else if (spec.feature_source != FeatureSource::kPooler) {
    AssumeUnlessGiven("prompt_layout", std::string(policy::Name(spec.prompt_layout)), " (choose with --prompt-layout)");
  }
  AssumeUnlessGiven("window", fmt::format("{}", spec.window), " frames");
  AssumeUnlessGiven("action_scale", fmt::format("{}", spec.action_scale),
                    fmt::format(": velocity = {} x action", spec.action_scale));
  AssumeUnlessGiven("control_period_s", fmt::format("{}", spec.control_period_s), " seconds between two frames");
  const image::PreprocessSpec& pixels = spec.preprocess;
  AssumeUnlessGiven("preprocess.resize", std::string(image::FilterName(pixels.resize)));
  AssumeUnlessGiven("preprocess.normalise", std::string(image::NormalisationName(pixels.normalisation)), " statistics");
  AssumeUnlessGiven("preprocess.channel_order", std::string(image::ChannelOrderName(pixels.channel_order)));
  AssumeUnlessGiven("preprocess.pass_order", std::string(image::PassOrderName(pixels.pass_order)),
                    ": portrait frames are rounded as the Pillow of today does");
}

// One of chunk and action_dim follows from the other; neither known, actions have the usual two values.
Status Proposer::SettleOutputs() {
  PolicySpec& spec = proposal_.spec;
  const bool has_chunk = architecture::FindSetting(given_, "chunk") != nullptr;
  const bool has_action_dim = architecture::FindSetting(given_, "action_dim") != nullptr;
  if (has_chunk && !has_action_dim && spec.chunk > 0) spec.action_dim = s_.mlp.outputs / spec.chunk;
  if (!has_chunk) {
    if (spec.action_dim < 1 || s_.mlp.outputs % spec.action_dim != 0) {
      Error error = UsageError(
          fmt::format("{} outputs cannot be split into actions of {} values: chunk and action_dim are not known",
                      s_.mlp.outputs, spec.action_dim),
          "give both in --policy policy.json");
      if (has_action_dim) return error;
      proposal_.missing.push_back(std::move(error));
      return {};
    }
    spec.chunk = s_.mlp.outputs / spec.action_dim;
    if (!has_action_dim) {
      Assume("action_dim", fmt::format("{}", spec.action_dim),
             fmt::format("chunk x action_dim is {} x {}", spec.chunk, spec.action_dim));
    }
  }
  if (spec.chunk < 1 || spec.action_dim < 1 || s_.mlp.outputs % spec.chunk != 0 ||
      s_.mlp.outputs / spec.chunk != spec.action_dim) {
    return InputError(SourceOf("chunk", spec.chunk),
                      fmt::format("\"chunk\" x \"action_dim\" is {} x {}, but the last layer has {} outputs",
                                  spec.chunk, spec.action_dim, s_.mlp.outputs));
  }
  return {};
}

// The longest prompt: the layouts with an action token put more into the sequence than the prompt's ids.
void Proposer::SettleLength(const Config& config) {
  PolicySpec& spec = proposal_.spec;
  int64_t others = 0;
  if (spec.prompt_layout == PromptLayout::kRobovlms) others = s_.latents + 1;
  if (spec.prompt_layout == PromptLayout::kForkFallback) others = 1;
  spec.max_tokens =
      std::max(std::max(config.max_positions, kLeastPositions) - others, static_cast<int64_t>(spec.prompt_ids.size()));
}

std::string Proposer::SourceOf(std::string_view key, const Json& value) const {
  if (key == "feature_source" && settings_.feature_source) return "--feature-source";
  if (key == "prompt_layout" && settings_.prompt_layout) return "--prompt-layout";
  if (architecture::FindSetting(policy_, key) != nullptr) return settings_.policy.string();
  for (const architecture::Stated& row : stated_.known) {
    if (row.key == key && Json::parse(row.value) == value) return "its " + row.place;
  }
  return "its shapes";
}

// Both values must be one, or the user must say which holds.
Status Proposer::CheckAgainstStated() {
  const Json settled = policy::PolicySpecToJson(proposal_.spec);
  for (const architecture::Stated& row : stated_.known) {
    const Json* value = architecture::FindSetting(settled, row.key);
    if (value == nullptr) {  // prompt_template: export knows what the layout says
      if (IsOverridden(row.key)) {
        Assume(row.key, "",
               fmt::format("{} follows from prompt_layout, although the checkpoint's {} says {} (--override)", row.key,
                           row.place, row.value));
      }
      continue;
    }
    if (*value == Json::parse(row.value)) continue;
    if (IsOverridden(row.key)) {
      Assume(row.key, JsonText(*value),
             fmt::format("{} is {}, although the checkpoint's {} says {} (--override)", row.key, JsonText(*value),
                         row.place, row.value));
      continue;
    }
    return InputError(where_,
                      fmt::format("the checkpoint's {} says that {} is {}, but by {} it is {}", row.place, row.key,
                                  row.value, SourceOf(row.key, *value), JsonText(*value)),
                      fmt::format("make them agree, or keep the second deliberately with --override {}", row.key));
  }
  return {};
}

Status Proposer::CheckFeatureWidth() const {
  const FeatureSource source = proposal_.spec.feature_source;
  const bool pooler = source == FeatureSource::kPooler;
  const int64_t width = pooler ? s_.vision.width : s_.text.width;
  if (width != s_.lstm.input) {
    return UsageError(fmt::format("feature_source {} is {} wide, but the LSTM reads {} values", policy::Name(source),
                                  width, s_.lstm.input),
                      s_.lstm.input == s_.vision.width ? "only --feature-source pooler fits"
                                                       : "this head was trained on a feature that vlaq does not know");
  }
  if (source == FeatureSource::kActionToken && !s_.has_action_token &&
      proposal_.spec.prompt_layout != PromptLayout::kHfProcessor) {
    return UsageError("feature_source action_token needs a tensor 'action_token', which the checkpoint does not hold");
  }
  if (proposal_.spec.prompt_layout != PromptLayout::kHfProcessor && !pooler && !s_.has_action_token) {
    return UsageError(fmt::format("prompt_layout {} needs a tensor 'action_token', which the checkpoint does not hold",
                                  policy::Name(proposal_.spec.prompt_layout)),
                      "choose --prompt-layout hf_processor");
  }
  return {};
}

void Proposer::Warn() {
  const PolicySpec& spec = proposal_.spec;
  const auto warn = [&](std::string text) { proposal_.warnings.push_back(std::move(text)); };
  if (spec.feature_source == FeatureSource::kFirstToken && spec.prompt_layout != PromptLayout::kForkFallback) {
    warn(
        "feature_source first_token: under the causal mask the first position sees only itself, so the feature is the "
        "same "
        "for every image and every instruction; the policy cannot see");
  }
  if (spec.feature_source == FeatureSource::kFirstToken && spec.prompt_layout == PromptLayout::kForkFallback) {
    warn(
        "feature_source first_token: under the causal mask the first position sees only the first image row and no "
        "word, so "
        "the policy cannot follow instructions");
  }
  if (spec.feature_source == FeatureSource::kPooler) {
    warn(
        "feature_source pooler: the feature comes from the vision tower alone, so the language tower is left out of "
        "the "
        "graphs and the policy cannot follow instructions");
  }
  if (spec.feature_source == FeatureSource::kActionToken && spec.prompt_layout == PromptLayout::kHfProcessor) {
    warn(
        "feature_source action_token with prompt_layout hf_processor: that layout holds no action token, so the "
        "feature is "
        "the last position but one and the learned token is not used");
  }
}

Result<Proposal> Proposer::Propose() {
  VLAQ_RETURN_IF_ERROR(HeedTheCheckpoint());
  VLAQ_RETURN_IF_ERROR(ReadPolicy());
  SettleFeature();
  VLAQ_RETURN_IF_ERROR(SettleConfig());
  VLAQ_RETURN_IF_ERROR(SettleOutputs());
  VLAQ_RETURN_IF_ERROR(CheckSpec(proposal_.spec, s_, settings_.policy.string()));
  VLAQ_RETURN_IF_ERROR(CheckAgainstStated());
  VLAQ_RETURN_IF_ERROR(CheckFeatureWidth());
  Warn();
  return std::move(proposal_);
}

}  // namespace

Result<Proposal> Kosmos2Lstm::Propose(const checkpoint::Checkpoint& checkpoint, const Settings& settings) const {
  VLAQ_ASSIGN_OR_RETURN(Structure structure, RequireStructure(checkpoint));
  return Proposer(settings, std::move(structure), checkpoint).Propose();
}

}  // namespace vlaq::kosmos2_lstm

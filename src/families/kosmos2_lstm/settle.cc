// Settles the policy spec: what the shapes say, what config.json and policy.json say, and stated assumptions for the
// rest; then the prompt (settle_prompt.h).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "families/kosmos2_lstm/config.h"
#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/policy_of.h"
#include "families/kosmos2_lstm/settle_prompt.h"
#include "families/kosmos2_lstm/structure.h"

namespace vlaq::kosmos2_lstm {
namespace {

using families::Proposal;
using families::Settings;

std::string JsonText(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// What each variant was trained with, as far as it is known (docs/kosmos2_lstm.md 8). The original class of the simple
// LSTM is not public, so its row is an assumption and is printed as one.
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
        stated_(Kosmos2Lstm().ReadStated(checkpoint)) {}

  // All but the prompt; `spec` is where the settings are collected.
  Result<Proposal> Propose();
  const PolicySpec& spec() const { return spec_; }

 private:
  void Assume(std::string setting, std::string value, std::string text) {
    proposal_.assumptions.push_back({std::move(setting), std::move(value), std::move(text)});
  }
  // Notes an assumption unless policy.json or the checkpoint gives `key`.
  void AssumeUnlessGiven(std::string_view key, std::string value, std::string_view meaning = "") {
    if (families::FindSetting(given_, key) != nullptr) return;
    std::string text = fmt::format("{} is {}{}", key, value, meaning);
    Assume(std::string(key), std::move(value), std::move(text));
  }
  bool IsOverridden(std::string_view key) const {
    return std::find(settings_.overrides.begin(), settings_.overrides.end(), key) != settings_.overrides.end();
  }
  // "--set window", "policy.json" or what else the value of `key` comes from, for messages.
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
  families::StatedSettings stated_;
  Json policy_ = Json::object();  // of the file
  Json set_ = Json::object();     // --set
  Json given_ = Json::object();   // of --set, below it the file, below it the checkpoint
  PolicySpec spec_;
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
  for (const families::Stated& row : stated_.known) {
    if (IsOverridden(row.key)) continue;
    proposal_.stated.push_back(row);
    if (IsFact(row.key) || row.key == "prompt_template") continue;
    families::PutSetting(given_, row.key, Json::parse(row.value));
  }
  for (const std::string& text : stated_.not_understood) {
    proposal_.warnings.push_back(
        fmt::format("the checkpoint's {}, which vlaq does not understand and leaves aside", text));
  }
  return {};
}

Status Proposer::ReadPolicy() {
  PolicySpec& spec = spec_;
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
  VLAQ_ASSIGN_OR_RETURN(spec, ParsePolicySpec(given_, "the checkpoint's own settings", std::move(spec)));
  if (!settings_.policy.empty()) {
    const std::string where = settings_.policy.string();
    VLAQ_ASSIGN_OR_RETURN(const Json file, ReadJsonFile(settings_.policy));
    VLAQ_ASSIGN_OR_RETURN(policy_, SettingsIn(file, where));
    VLAQ_RETURN_IF_ERROR(CheckPolicyKeys(policy_, where));
    VLAQ_ASSIGN_OR_RETURN(spec, ParsePolicySpec(policy_, where, std::move(spec)));
    given_.merge_patch(policy_);
  }
  VLAQ_ASSIGN_OR_RETURN(set_, families::FromCommandLine(settings_.set));
  VLAQ_RETURN_IF_ERROR(CheckPolicyKeys(set_, "--set"));
  VLAQ_ASSIGN_OR_RETURN(spec, ParsePolicySpec(set_, "--set", std::move(spec)));
  given_.merge_patch(set_);
  return {};
}

void Proposer::SettleFeature() {
  PolicySpec& spec = spec_;
  AssumeUnlessGiven("feature_source", std::string(Name(spec.feature_source)),
                    ": the checkpoint does not say what feeds the LSTM (choose with --set feature_source=...)");
  if (CanReadTask(spec)) {
    AssumeUnlessGiven("prompt_layout", std::string(Name(spec.prompt_layout)), " (choose with --set prompt_layout=...)");
  }
  AssumeUnlessGiven("window", fmt::format("{}", spec.window), " frames");
  AssumeUnlessGiven("action_scale", fmt::format("{}", spec.action_scale),
                    fmt::format(": velocity = {} x action", spec.action_scale));
  AssumeUnlessGiven("control_period_s", fmt::format("{}", spec.control_period_s), " seconds between two frames");
  const image::PreprocessSpec& pixels = spec.preprocess;
  AssumeUnlessGiven("preprocess.resize", std::string(image::FilterName(pixels.resize)));
  AssumeUnlessGiven("preprocess.normalise", std::string(image::NormalizationName(pixels.normalization)), " statistics");
  AssumeUnlessGiven("preprocess.channel_order", std::string(image::ChannelOrderName(pixels.channel_order)));
  AssumeUnlessGiven("preprocess.pass_order", std::string(image::PassOrderName(pixels.pass_order)),
                    ": portrait frames are rounded as the Pillow of today does");
}

// One of chunk and action_dim follows from the other; neither known, actions have the usual two values.
Status Proposer::SettleOutputs() {
  PolicySpec& spec = spec_;
  const bool has_chunk = families::FindSetting(given_, "chunk") != nullptr;
  const bool has_action_dim = families::FindSetting(given_, "action_dim") != nullptr;
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
  PolicySpec& spec = spec_;
  int64_t others = 0;
  if (spec.prompt_layout == PromptLayout::kRobovlms) others = s_.latents + 1;
  if (spec.prompt_layout == PromptLayout::kForkFallback) others = 1;
  spec.max_tokens =
      std::max(std::max(config.max_positions, kMinPositions) - others, static_cast<int64_t>(spec.prompt_ids.size()));
}

std::string Proposer::SourceOf(std::string_view key, const Json& value) const {
  if (families::FindSetting(set_, key) != nullptr) return fmt::format("--set {}", key);
  if (families::FindSetting(policy_, key) != nullptr) return settings_.policy.string();
  for (const families::Stated& row : stated_.known) {
    if (row.key == key && Json::parse(row.value) == value) return "its " + row.place;
  }
  return "its shapes";
}

// Both values must be one, or the user must say which holds.
Status Proposer::CheckAgainstStated() {
  const Json settled = PolicySpecToJson(spec_);
  for (const families::Stated& row : stated_.known) {
    const Json* value = families::FindSetting(settled, row.key);
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
  const FeatureSource source = spec_.feature_source;
  const bool pooler = source == FeatureSource::kPooler;
  const int64_t width = pooler ? s_.vision.width : s_.text.width;
  if (width != s_.lstm.input) {
    return UsageError(
        fmt::format("feature_source {} is {} wide, but the LSTM reads {} values", Name(source), width, s_.lstm.input),
        s_.lstm.input == s_.vision.width ? "only --set feature_source=pooler fits"
                                         : "this head was trained on a feature that vlaq does not know");
  }
  if (source == FeatureSource::kActionToken && !s_.has_action_token &&
      spec_.prompt_layout != PromptLayout::kHfProcessor) {
    return UsageError("feature_source action_token needs a tensor 'action_token', which the checkpoint does not hold");
  }
  if (spec_.prompt_layout != PromptLayout::kHfProcessor && !pooler && !s_.has_action_token) {
    return UsageError(fmt::format("prompt_layout {} needs a tensor 'action_token', which the checkpoint does not hold",
                                  Name(spec_.prompt_layout)),
                      "choose --set prompt_layout=hf_processor");
  }
  return {};
}

void Proposer::Warn() {
  const PolicySpec& spec = spec_;
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
  VLAQ_RETURN_IF_ERROR(CheckSpec(spec_, s_, settings_.policy.string()));
  VLAQ_RETURN_IF_ERROR(CheckAgainstStated());
  VLAQ_RETURN_IF_ERROR(CheckFeatureWidth());
  Warn();
  return std::move(proposal_);
}

}  // namespace

Result<Proposal> Kosmos2Lstm::Settle(const checkpoint::Checkpoint& checkpoint, const Settings& settings,
                                     Log& log) const {
  VLAQ_ASSIGN_OR_RETURN(Structure structure, RequireStructure(checkpoint));
  Proposer proposer(settings, std::move(structure), checkpoint);
  VLAQ_ASSIGN_OR_RETURN(Proposal proposal, proposer.Propose());
  PolicySpec spec = proposer.spec();
  VLAQ_RETURN_IF_ERROR(CheckTemplate(spec, proposal.stated, checkpoint.path().string()));
  VLAQ_RETURN_IF_ERROR(SettlePrompt(settings, log, spec, proposal));
  proposal.settings = JsonString(PolicySpecToJson(spec));
  if (!proposal.missing.empty()) return proposal;
  VLAQ_RETURN_IF_ERROR(Validate(spec));
  proposal.policy = PolicyOf(spec, CanReadTask(spec));
  return proposal;
}

}  // namespace vlaq::kosmos2_lstm

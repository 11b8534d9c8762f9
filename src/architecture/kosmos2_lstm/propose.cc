// Settles the policy spec: what the shapes say, what config.json and policy.json say, and stated assumptions for the
// rest.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "architecture/kosmos2_lstm/config.h"
#include "architecture/kosmos2_lstm/kosmos2_lstm.h"
#include "architecture/kosmos2_lstm/structure.h"
#include "base/json.h"

namespace vlaq::kosmos2_lstm {
namespace {

using architecture::Proposal;
using architecture::Settings;
using policy::FeatureSource;
using policy::PolicySpec;
using policy::PromptLayout;

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

class Proposer {
 public:
  Proposer(const Settings& settings, Structure structure) : settings_(settings), s_(std::move(structure)) {}

  Result<Proposal> Propose();

 private:
  void Assume(std::string text) { proposal_.assumptions.push_back(std::move(text)); }
  // Notes an assumption unless policy.json gives `key`.
  void AssumeUnlessGiven(std::string_view key, std::string text) {
    if (!policy_.contains(std::string(key))) Assume(fmt::format("{} {}", key, text));
  }

  Status SettleConfig();
  Status ReadPolicy();
  void SettleFeature();
  Status SettleOutputs();
  Status CheckAgainstShapes() const;
  Status CheckFeatureWidth() const;
  void Warn();

  const Settings& settings_;
  Structure s_;
  Json policy_ = Json::object();
  Proposal proposal_;
};

Status Proposer::SettleConfig() {
  Config config;
  if (!settings_.config.empty()) {
    VLAQ_ASSIGN_OR_RETURN(config, ReadConfig(settings_.config, s_));
  } else {
    VLAQ_ASSIGN_OR_RETURN(config, PublishedConfig(s_));
    Assume(fmt::format("config.json is that of kosmos-2-patch14-224: {} text and {} vision heads of 64, epsilon 1e-5",
                       config.text_heads, config.vision_heads));
  }
  proposal_.config = JsonString(ConfigToJson(config, s_));
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
  spec.chunk = 0;  // settled below
  if (settings_.policy.empty()) return {};
  VLAQ_ASSIGN_OR_RETURN(policy_, ReadJsonFile(settings_.policy));
  VLAQ_ASSIGN_OR_RETURN(spec, policy::ParsePolicySpec(policy_, settings_.policy.string(), std::move(spec)));
  return {};
}

void Proposer::SettleFeature() {
  PolicySpec& spec = proposal_.spec;
  if (settings_.feature_source) {
    spec.feature_source = *settings_.feature_source;
  } else {
    AssumeUnlessGiven(
        "feature_source",
        fmt::format("is {}: the checkpoint does not say what feeds the LSTM (choose with --feature-source)",
                    policy::Name(spec.feature_source)));
  }
  if (settings_.prompt_layout) {
    spec.prompt_layout = *settings_.prompt_layout;
  } else if (spec.feature_source != FeatureSource::kPooler) {
    AssumeUnlessGiven("prompt_layout",
                      fmt::format("is {} (choose with --prompt-layout)", policy::Name(spec.prompt_layout)));
  }
  AssumeUnlessGiven("window", fmt::format("is {} frames", spec.window));
  AssumeUnlessGiven("action_scale", fmt::format("is {}: velocity = {} x action", spec.action_scale, spec.action_scale));
  AssumeUnlessGiven("preprocess",
                    fmt::format("is {} resize, {} statistics, {} frames", image::FilterName(spec.preprocess.resize),
                                image::NormalisationName(spec.preprocess.normalisation),
                                image::ChannelOrderName(spec.preprocess.channel_order)));
}

Status Proposer::SettleOutputs() {
  PolicySpec& spec = proposal_.spec;
  if (spec.chunk == 0) {
    if (spec.action_dim < 1 || s_.mlp.outputs % spec.action_dim != 0) {
      return UsageError(
          fmt::format("{} outputs cannot be split into actions of {} values: chunk and action_dim are not known",
                      s_.mlp.outputs, spec.action_dim),
          "give both in --policy policy.json");
    }
    spec.chunk = s_.mlp.outputs / spec.action_dim;
    Assume(fmt::format("chunk x action_dim is {} x {}", spec.chunk, spec.action_dim));
  }
  if (spec.chunk < 1 || spec.action_dim < 1 || s_.mlp.outputs % spec.chunk != 0 ||
      s_.mlp.outputs / spec.chunk != spec.action_dim) {
    return InputError(settings_.policy.string(),
                      fmt::format("\"chunk\" x \"action_dim\" is {} x {}, but the last layer has {} outputs",
                                  spec.chunk, spec.action_dim, s_.mlp.outputs));
  }
  return {};
}

Status Proposer::CheckAgainstShapes() const {
  const PolicySpec& spec = proposal_.spec;
  struct Fact {
    std::string_view key;
    int64_t given, from_shapes;
  };
  const std::string where = settings_.policy.string();
  for (const Fact& fact :
       {Fact{"lstm_input", spec.lstm_input, s_.lstm.input}, Fact{"lstm_hidden", spec.lstm_hidden, s_.lstm.hidden},
        Fact{"lstm_layers", spec.lstm_layers, s_.lstm.layers},
        Fact{"image_size", spec.preprocess.image_size, s_.vision.image_size},
        Fact{"vocabulary", spec.vocabulary, s_.text.vocabulary}, Fact{"image_tokens", spec.image_tokens, s_.latents}}) {
    if (fact.given != fact.from_shapes) {
      return InputError(
          where,
          fmt::format("\"{}\" is {}, but the checkpoint's shapes say {}", fact.key, fact.given, fact.from_shapes),
          "the file belongs to another checkpoint");
    }
  }
  if (spec.mlp_widths != s_.mlp.widths) {
    return InputError(
        where, fmt::format("\"mlp_widths\" is {}, but the checkpoint's shapes say {}", spec.mlp_widths, s_.mlp.widths));
  }
  if (spec.head_name != s_.mlp.name) {
    return InputError(where, fmt::format("\"head_name\" is \"{}\", but the checkpoint's head is \"{}\"", spec.head_name,
                                         s_.mlp.name));
  }
  if (spec.architecture != "kosmos2_lstm") {
    return InputError(where,
                      fmt::format("\"architecture\" is \"{}\", but the checkpoint is kosmos2_lstm", spec.architecture));
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
  VLAQ_RETURN_IF_ERROR(SettleConfig());
  VLAQ_RETURN_IF_ERROR(ReadPolicy());
  SettleFeature();
  VLAQ_RETURN_IF_ERROR(SettleOutputs());
  VLAQ_RETURN_IF_ERROR(CheckAgainstShapes());
  VLAQ_RETURN_IF_ERROR(CheckFeatureWidth());
  Warn();
  return std::move(proposal_);
}

}  // namespace

Result<Proposal> Kosmos2Lstm::Propose(const checkpoint::Checkpoint& checkpoint, const Settings& settings) const {
  VLAQ_ASSIGN_OR_RETURN(Structure structure, RequireStructure(checkpoint));
  return Proposer(settings, std::move(structure)).Propose();
}

}  // namespace vlaq::kosmos2_lstm

#include "families/kosmos2_lstm/policy_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.h"
#include "base/json_field.h"
#include "base/names.h"

namespace vlaq::kosmos2_lstm {
namespace {

constexpr int64_t kMany = 1'000'000;     // far above any real setting; keeps sums and products in range
constexpr int64_t kMaxSteps = 4096;      // of a window or a chunk; bench has the same limit
constexpr double kMinScale = 1e-6;       // m/s or rad/s for a full action: below, nothing moves
constexpr double kMaxScale = 1e3;        // above, no machine is meant
constexpr double kMinPeriod = 1e-4;      // seconds between two frames: no camera is faster
constexpr double kMaxPeriod = 60;        // nor any control loop slower
constexpr int64_t kLargestImage = 4096;  // pixels; what image::Preprocessor takes

constexpr std::array kFeatureSources{
    Named<FeatureSource>{FeatureSource::kMeanHidden, "mean_hidden"},
    Named<FeatureSource>{FeatureSource::kLastToken, "last_token"},
    Named<FeatureSource>{FeatureSource::kFirstToken, "first_token"},
    Named<FeatureSource>{FeatureSource::kActionToken, "action_token"},
    Named<FeatureSource>{FeatureSource::kPooler, "pooler"},
};
constexpr std::array kPromptLayouts{
    Named<PromptLayout>{PromptLayout::kHfProcessor, "hf_processor"},
    Named<PromptLayout>{PromptLayout::kRobovlms, "robovlms"},
    Named<PromptLayout>{PromptLayout::kForkFallback, "fork_fallback"},
};

// The plain members and their keys.
template <typename T>
struct Field {
  std::string_view key;
  T PolicySpec::*member;
};
constexpr std::array kTexts{
    Field<std::string>{"architecture", &PolicySpec::architecture},
    Field<std::string>{"head_name", &PolicySpec::head_name},
    Field<std::string>{"prompt_text", &PolicySpec::prompt_text},
};
constexpr std::array kIntegers{
    Field<int64_t>{"lstm_input", &PolicySpec::lstm_input},   Field<int64_t>{"lstm_hidden", &PolicySpec::lstm_hidden},
    Field<int64_t>{"lstm_layers", &PolicySpec::lstm_layers}, Field<int64_t>{"chunk", &PolicySpec::chunk},
    Field<int64_t>{"action_dim", &PolicySpec::action_dim},   Field<int64_t>{"window", &PolicySpec::window},
    Field<int64_t>{"vocabulary", &PolicySpec::vocabulary},   Field<int64_t>{"image_tokens", &PolicySpec::image_tokens},
    Field<int64_t>{"image_start", &PolicySpec::image_start}, Field<int64_t>{"max_tokens", &PolicySpec::max_tokens},
};
constexpr std::array kNumbers{
    Field<double>{"action_scale", &PolicySpec::action_scale},
    Field<double>{"control_period_s", &PolicySpec::control_period_s},
};
constexpr std::array kIntegerLists{
    Field<std::vector<int64_t>>{"mlp_widths", &PolicySpec::mlp_widths},
    Field<std::vector<int64_t>>{"prompt_ids", &PolicySpec::prompt_ids},
    Field<std::vector<int64_t>>{"attention_mask", &PolicySpec::attention_mask},
};

// Keys that are no plain members.
constexpr std::array<std::string_view, 5> kOtherKeys{"feature_source", "prompt_layout", "image_size",
                                                     "image_position_mask", "preprocess"};
constexpr std::array<std::string_view, 4> kPreprocessKeys{"resize", "normalise", "channel_order", "pass_order"};
// What a bundle's policy.json holds beside them (bundle/manifest.cc); not looked into here.
constexpr std::array<std::string_view, 12> kBundleKeys{"schema",  "precision", "baked_prompt", "graphs",
                                                       "weights", "tokenizer", "target",       "plan",
                                                       "stages",  "left_out",  "config",       "provenance"};

std::vector<std::string> KnownKeys() {
  std::vector<std::string> known(kOtherKeys.begin(), kOtherKeys.end());
  const auto add = [&](const auto& fields) {
    for (const auto& field : fields) known.emplace_back(field.key);
  };
  add(kTexts);
  add(kIntegers);
  add(kNumbers);
  add(kIntegerLists);
  known.insert(known.end(), kBundleKeys.begin(), kBundleKeys.end());
  return known;
}

void CheckKeys(const JsonField& settings, const std::vector<std::string>& known) {
  for (const std::string_view key : {"text_config", "vision_config"}) {
    if (settings.Has(key)) {
      settings.FailAt(key, "belongs to transformers' config.json", "give that file with --config");
    }
  }
  settings.Only(known, "the settings");
}

// Every member of a table of fields that is there.
template <typename Fields>
void ReadAll(const JsonField& settings, const Fields& fields, PolicySpec& spec) {
  for (const auto& field : fields) settings.Read(field.key, spec.*field.member);
}

// policy.json of the golden cases marks the image rows one by one; they must be one run of ones.
void ReadImageMask(const JsonField& settings, PolicySpec& spec) {
  std::vector<int64_t> mask;
  settings.Read("image_position_mask", mask);
  const auto first = std::find(mask.begin(), mask.end(), 1);
  if (first == mask.end()) return;
  const auto last = std::find_if(first, mask.end(), [](int64_t m) { return m != 1; });
  const bool rest_is_zero = std::all_of(last, mask.end(), [](int64_t m) { return m == 0; }) &&
                            std::all_of(mask.begin(), first, [](int64_t m) { return m == 0; });
  if (!rest_is_zero) settings.FailAt("image_position_mask", "is not a single run of ones among zeros");
  spec.image_start = first - mask.begin();
  spec.image_tokens = last - first;
}

void ReadPreprocess(const JsonField& pixels, image::PreprocessSpec& spec) {
  pixels.ReadName("resize", image::FindFilter, image::FilterNames(), spec.resize);
  pixels.ReadName("normalise", image::FindNormalization, image::NormalizationNames(), spec.normalization);
  pixels.ReadName("channel_order", image::FindChannelOrder, image::ChannelOrderNames(), spec.channel_order);
  pixels.ReadName("pass_order", image::FindPassOrder, image::PassOrderNames(), spec.pass_order);
}

Status Require(bool condition, std::string_view setting, std::string_view problem) {
  if (condition) return {};
  return UsageError(fmt::format("{} {}", setting, problem));
}

Status ValidatePrompt(const PolicySpec& spec) {
  const auto count = static_cast<int64_t>(spec.prompt_ids.size());
  if (spec.feature_source == FeatureSource::kPooler) return {};  // no prompt is read
  const auto outside = std::find_if(spec.prompt_ids.begin(), spec.prompt_ids.end(), [&](int64_t id) {
    return id < 0 || (spec.vocabulary > 0 && id >= spec.vocabulary);
  });
  if (outside != spec.prompt_ids.end()) {
    return UsageError(fmt::format("prompt id {} is outside the vocabulary of {} tokens", *outside, spec.vocabulary),
                      "give ids of this checkpoint's own tokenizer");
  }
  if (spec.max_tokens > 0 && count > spec.max_tokens) {
    return UsageError(
        fmt::format("the prompt has {} tokens, but the model has positions for {}", count, spec.max_tokens),
        "shorten the instruction");
  }
  const auto is_binary = [](int64_t m) { return m == 0 || m == 1; };
  VLAQ_RETURN_IF_ERROR(Require(std::all_of(spec.attention_mask.begin(), spec.attention_mask.end(), is_binary),
                               "attention_mask", "must hold only 0 and 1"));
  if (!spec.attention_mask.empty()) {
    VLAQ_RETURN_IF_ERROR(Require(spec.attention_mask.size() == spec.prompt_ids.size(), "attention_mask",
                                 "must be as long as prompt_ids"));
  }
  switch (spec.prompt_layout) {
    case PromptLayout::kHfProcessor:
      VLAQ_RETURN_IF_ERROR(Require(spec.image_start >= 1, "image_start", "must be at least 1: a token stands before"));
      return Require(count >= spec.image_start + spec.image_tokens, "prompt_ids",
                     fmt::format("must hold {} places for the image from position {} on, but has only {} tokens",
                                 spec.image_tokens, spec.image_start, count));
    case PromptLayout::kRobovlms:
      return Require(count >= 2, "prompt_ids", "must hold at least <s> and </s>");
    case PromptLayout::kForkFallback:
      return Require(count >= spec.image_tokens, "prompt_ids",
                     fmt::format("must be padded with 0 to at least {} tokens", spec.image_tokens));
  }
  return {};
}

}  // namespace

std::string_view Name(FeatureSource source) { return NameIn(kFeatureSources, source); }
std::string_view Name(PromptLayout layout) { return NameIn(kPromptLayouts, layout); }
std::optional<FeatureSource> FindFeatureSource(std::string_view name) { return FindIn(kFeatureSources, name); }
std::optional<PromptLayout> FindPromptLayout(std::string_view name) { return FindIn(kPromptLayouts, name); }
std::vector<std::string> FeatureSourceNames() { return NamesIn(kFeatureSources); }
std::vector<std::string> PromptLayoutNames() { return NamesIn(kPromptLayouts); }

std::vector<int64_t> PolicySpec::PromptMask() const {
  return attention_mask.empty() ? std::vector<int64_t>(prompt_ids.size(), 1) : attention_mask;
}

Result<PolicySpec> ParsePolicySpec(const Json& json, const std::string& where, PolicySpec spec) {
  const JsonField settings(json, where);
  ReadAll(settings, kTexts, spec);
  ReadAll(settings, kIntegers, spec);
  ReadAll(settings, kNumbers, spec);
  ReadAll(settings, kIntegerLists, spec);
  settings.ReadName("feature_source", FindFeatureSource, FeatureSourceNames(), spec.feature_source);
  settings.ReadName("prompt_layout", FindPromptLayout, PromptLayoutNames(), spec.prompt_layout);
  if (const auto size = settings.Find("image_size")) {
    spec.preprocess.image_size = static_cast<int>(size->Integer(1, kLargestImage));
  }
  ReadImageMask(settings, spec);
  if (const auto pixels = settings.Find("preprocess")) ReadPreprocess(*pixels, spec.preprocess);
  VLAQ_RETURN_IF_ERROR(settings.status());
  return spec;
}

Json PolicySpecToJson(const PolicySpec& spec) {
  Json json{{"feature_source", Name(spec.feature_source)}, {"prompt_layout", Name(spec.prompt_layout)}};
  const auto add = [&](const auto& fields) {
    for (const auto& field : fields) json[std::string(field.key)] = spec.*field.member;
  };
  add(kTexts);
  add(kIntegers);
  add(kNumbers);
  const image::PreprocessSpec& pixels = spec.preprocess;
  json["image_size"] = pixels.image_size;
  json["preprocess"] = {{"resize", image::FilterName(pixels.resize)},
                        {"normalise", image::NormalizationName(pixels.normalization)},
                        {"channel_order", image::ChannelOrderName(pixels.channel_order)},
                        {"pass_order", image::PassOrderName(pixels.pass_order)}};
  add(kIntegerLists);
  json["attention_mask"] = spec.PromptMask();
  return json;
}

Status CheckPolicyKeys(const Json& json, const std::string& where) {
  const JsonField settings(json, where);
  CheckKeys(settings, KnownKeys());
  if (const auto pixels = settings.Find("preprocess")) {
    CheckKeys(*pixels, {kPreprocessKeys.begin(), kPreprocessKeys.end()});
  }
  return settings.status();
}

Status Validate(const PolicySpec& spec) {
  const auto count = [](std::string_view setting, int64_t n, int64_t most) {
    return Require(n >= 1 && n <= most, setting, fmt::format("must be 1 to {}, not {}", most, n));
  };
  VLAQ_RETURN_IF_ERROR(count("chunk", spec.chunk, kMaxSteps));
  VLAQ_RETURN_IF_ERROR(count("action_dim", spec.action_dim, kMaxSteps));
  VLAQ_RETURN_IF_ERROR(count("window", spec.window, kMaxSteps));
  VLAQ_RETURN_IF_ERROR(
      Require(spec.image_tokens >= 0 && spec.image_tokens <= kMany, "image_tokens", "is out of range"));
  VLAQ_RETURN_IF_ERROR(Require(spec.image_start >= 0 && spec.image_start <= kMany, "image_start", "is out of range"));
  VLAQ_RETURN_IF_ERROR(Require(spec.max_tokens >= 0 && spec.max_tokens <= kMany, "max_tokens", "is out of range"));
  const double scale = std::abs(spec.action_scale);
  VLAQ_RETURN_IF_ERROR(Require(
      scale >= kMinScale && scale <= kMaxScale, "action_scale",
      fmt::format("must be {} to {} (velocity = scale x action), not {}", kMinScale, kMaxScale, spec.action_scale)));
  VLAQ_RETURN_IF_ERROR(
      Require(spec.control_period_s >= kMinPeriod && spec.control_period_s <= kMaxPeriod, "control_period_s",
              fmt::format("must be {} to {} seconds, not {}", kMinPeriod, kMaxPeriod, spec.control_period_s)));
  return ValidatePrompt(spec);
}

}  // namespace vlaq::kosmos2_lstm

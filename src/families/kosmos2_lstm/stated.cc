// What the trainers of this family call its settings.
#include "families/stated.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.h"
#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/policy_spec.h"
#include "image/preprocess.h"

namespace vlaq::kosmos2_lstm {
namespace {

Json Whole(const Json& value) { return value.is_number_integer() && value.get<int64_t>() >= 1 ? value : Json(nullptr); }
Json Real(const Json& value) { return value.is_number() ? value : Json(nullptr); }
Json Inverse(const Json& value) {
  return value.is_number() && value.get<double>() > 0 ? Json(1 / value.get<double>()) : Json(nullptr);
}

template <typename Find>
Json Name(const Json& value, Find find) {
  if (!value.is_string()) return nullptr;
  std::string name = value.get<std::string>();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return find(name) ? Json(name) : Json(nullptr);
}
Json Feature(const Json& value) { return Name(value, FindFeatureSource); }
Json LayoutName(const Json& value) { return Name(value, FindPromptLayout); }
Json Resize(const Json& value) { return Name(value, image::FindFilter); }
Json Order(const Json& value) { return Name(value, image::FindChannelOrder); }
Json Normalize(const Json& value) {
  if (value == Json("openai"))
    return image::NormalizationName(image::Normalization::kClip);  // CLIP's own, after its maker
  return Name(value, image::FindNormalization);
}

// Statistics in numbers, as transformers' and RoboVLMs' settings have them.
Json Mean(const Json& value) {
  if (!value.is_array() || value.size() != 3) return nullptr;
  for (const auto normalization : {image::Normalization::kClip, image::Normalization::kImagenet}) {
    const auto& mean = image::StatisticsOf(normalization).mean;
    bool near = true;
    for (size_t i = 0; i < 3; ++i)
      near = near && value[i].is_number() && std::abs(value[i].get<double>() - mean[i]) < 2e-3;
    if (near) return image::NormalizationName(normalization);
  }
  return nullptr;
}

Json Template(const Json& value) {
  return value.is_string() && value.get<std::string>().find('{') != std::string::npos ? value : Json(nullptr);
}

using families::Meaning;
constexpr std::array kMeanings{
    Meaning{"window", "window", Whole},
    Meaning{"window_size", "window", Whole},
    Meaning{"window_length", "window", Whole},
    Meaning{"action_scale", "action_scale", Real},
    Meaning{"control_period", "control_period_s", Real},
    Meaning{"control_period_s", "control_period_s", Real},
    Meaning{"control_hz", "control_period_s", Inverse},
    Meaning{"control_freq", "control_period_s", Inverse},
    Meaning{"control_frequency", "control_period_s", Inverse},
    Meaning{"feature_source", "feature_source", Feature},
    Meaning{"prompt_layout", "prompt_layout", LayoutName},
    Meaning{"chunk", "chunk", Whole},
    Meaning{"chunk_size", "chunk", Whole},
    Meaning{"action_chunk_size", "chunk", Whole},
    Meaning{"fwd_pred_next_n", "chunk", Whole},
    Meaning{"action_dim", "action_dim", Whole},
    Meaning{"act_dim", "action_dim", Whole},
    Meaning{"image_size", "image_size", Whole},
    Meaning{"img_size", "image_size", Whole},
    Meaning{"image_tokens", "image_tokens", Whole},
    Meaning{"lstm_hidden", "lstm_hidden", Whole},
    Meaning{"lstm_layers", "lstm_layers", Whole},
    Meaning{"normalise", "preprocess.normalise", Normalize},
    Meaning{"normalize", "preprocess.normalise", Normalize},
    Meaning{"normalisation", "preprocess.normalise", Normalize},
    Meaning{"normalization", "preprocess.normalise", Normalize},
    Meaning{"image_mean", "preprocess.normalise", Mean},
    Meaning{"resize", "preprocess.resize", Resize},
    Meaning{"interpolation", "preprocess.resize", Resize},
    Meaning{"channel_order", "preprocess.channel_order", Order},
    Meaning{"color_order", "preprocess.channel_order", Order},
    Meaning{"instruction_template", "prompt_template", Template},
    Meaning{"prompt_template", "prompt_template", Template},
};

}  // namespace

families::StatedSettings Kosmos2Lstm::ReadStated(const checkpoint::Checkpoint& checkpoint) const {
  return families::FindStated(checkpoint, kMeanings);
}

}  // namespace vlaq::kosmos2_lstm

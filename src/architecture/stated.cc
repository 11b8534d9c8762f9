#include "architecture/stated.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/json.h"
#include "image/preprocess.h"
#include "policy/policy_spec.h"

namespace vlaq::architecture {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kMaxStated = 1000;

// How a value becomes one of policy.json; null: not understood.
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
Json Feature(const Json& value) { return Name(value, policy::FindFeatureSource); }
Json Layout(const Json& value) { return Name(value, policy::FindPromptLayout); }
Json Resize(const Json& value) { return Name(value, image::FindFilter); }
Json Order(const Json& value) { return Name(value, image::FindChannelOrder); }
Json Normalise(const Json& value) {
  if (value == Json("openai"))
    return image::NormalisationName(image::Normalisation::kClip);  // CLIP's own, after its maker
  return Name(value, image::FindNormalisation);
}

// Statistics in numbers, as transformers' and RoboVLMs' settings have them.
Json Mean(const Json& value) {
  if (!value.is_array() || value.size() != 3) return nullptr;
  for (const auto normalisation : {image::Normalisation::kClip, image::Normalisation::kImagenet}) {
    const auto& mean = image::StatisticsOf(normalisation).mean;
    bool near = true;
    for (size_t i = 0; i < 3; ++i)
      near = near && value[i].is_number() && std::abs(value[i].get<double>() - mean[i]) < 2e-3;
    if (near) return image::NormalisationName(normalisation);
  }
  return nullptr;
}

Json Template(const Json& value) {
  return value.is_string() && value.get<std::string>().find('{') != std::string::npos ? value : Json(nullptr);
}

struct Meaning {
  std::string_view name;  // as trainers write it, in lower case
  std::string_view key;   // of policy.json
  Json (*read)(const Json&);
};
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
    Meaning{"prompt_layout", "prompt_layout", Layout},
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
    Meaning{"normalise", "preprocess.normalise", Normalise},
    Meaning{"normalize", "preprocess.normalise", Normalise},
    Meaning{"normalisation", "preprocess.normalise", Normalise},
    Meaning{"normalization", "preprocess.normalise", Normalise},
    Meaning{"image_mean", "preprocess.normalise", Mean},
    Meaning{"resize", "preprocess.resize", Resize},
    Meaning{"interpolation", "preprocess.resize", Resize},
    Meaning{"channel_order", "preprocess.channel_order", Order},
    Meaning{"color_order", "preprocess.channel_order", Order},
    Meaning{"instruction_template", "prompt_template", Template},
    Meaning{"prompt_template", "prompt_template", Template},
};

// What a trainer keeps beside its settings.
constexpr std::array<std::string_view, 8> kNoSettings{"optimizer", "optim",   "scheduler", "lr_scheduler",
                                                      "callbacks", "history", "metrics",   "loops"};

class Collector {
 public:
  void Collect(const Json& object, const std::string& place, int depth) {
    if (depth > kMaxDepth) return;
    for (const auto& [name, value] : object.items()) {
      if (stated_.known.size() + stated_.not_understood.size() >= kMaxStated) return;
      const std::string here = place.empty() ? name : place + "." + name;
      if (!value.is_object()) {
        Take(name, value, here);
      } else if (depth > 0 || !IsNoSetting(name)) {
        Collect(value, here, depth + 1);
      }
    }
  }
  StatedSettings Finish() { return std::move(stated_); }

 private:
  static bool IsNoSetting(const std::string& name) {
    return std::any_of(kNoSettings.begin(), kNoSettings.end(),
                       [&](std::string_view start) { return name.starts_with(start); });
  }

  void Take(std::string name, const Json& value, const std::string& place) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const auto* row =
        std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& m) { return m.name == name; });
    if (row == kMeanings.end() || value.is_null()) return;
    const Json meant = row->read(value);
    if (meant.is_null()) {
      stated_.not_understood.push_back(
          fmt::format("{} is {}", place, value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80)));
    } else {
      stated_.known.push_back(
          {std::string(row->key), meant.dump(-1, ' ', false, Json::error_handler_t::replace), place});
    }
  }

  StatedSettings stated_;
};

}  // namespace

StatedSettings ReadStated(const checkpoint::Checkpoint& checkpoint) {
  Collector collector;
  const auto settings = ParseJson(checkpoint.settings(), "settings");
  if (settings.ok() && settings->is_object()) collector.Collect(*settings, "", 0);
  return collector.Finish();
}

const Json* FindSetting(const Json& object, std::string_view key) {
  const size_t dot = key.find('.');
  const auto member = object.find(std::string(key.substr(0, dot)));
  if (member == object.end() || member->is_null()) return nullptr;
  if (dot == key.npos) return &*member;
  return member->is_object() ? FindSetting(*member, key.substr(dot + 1)) : nullptr;
}

void PutSetting(Json& object, std::string_view key, const Json& value) {
  const size_t dot = key.find('.');
  Json& member = object[std::string(key.substr(0, dot))];
  if (dot == key.npos) {
    member = value;
    return;
  }
  if (!member.is_object()) member = Json::object();
  PutSetting(member, key.substr(dot + 1), value);
}

}  // namespace vlaq::architecture

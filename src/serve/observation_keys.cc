#include "serve/observation_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace vlaq::serve {
namespace {

constexpr std::array<std::string_view, 3> kTaskKeys{"prompt", "instruction", "task"};

// What is left of a name without what says only that it is an observation: "observation/images/front" -> "front".
std::string CoreOf(std::string_view key) {
  std::string core(key);
  std::replace(core.begin(), core.end(), '/', '.');
  for (const std::string_view prefix : {"observation.", "images.", "image."}) {
    if (core.starts_with(prefix)) core.erase(0, prefix.size());
  }
  return core;
}

bool IsObserved(const Feature& input) { return input.type == FeatureType::kImage || input.type == FeatureType::kState; }

// Bytes [3, H, W] as [H, W, 3].
Tensor ChannelsLast(const Tensor& planes) {
  const auto height = planes.shape()[1];
  const auto width = planes.shape()[2];
  const auto pixels = static_cast<size_t>(height * width);
  Tensor picture = Tensor::Make(DType::kU8, {height, width, 3});
  const auto from = planes.data<uint8_t>();
  const auto to = picture.mutable_data<uint8_t>();
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t c = 0; c < 3; ++c) to[3 * i + c] = from[c * pixels + i];
  }
  return picture;
}

// Pictures of bytes as a policy takes them; all else as it is.
Tensor AsPicture(Tensor tensor) {
  if (tensor.dtype() != DType::kU8) return tensor;
  if (tensor.rank() == 4 && tensor.shape()[0] == 1) tensor = tensor.Row(0);
  const bool planes = tensor.rank() == 3 && tensor.shape()[0] == 3 && tensor.shape()[2] != 3;
  return planes ? ChannelsLast(tensor) : tensor;
}

}  // namespace

Result<ObservationKeys> ObservationKeys::Make(std::vector<Feature> inputs, KeySettings settings) {
  ObservationKeys keys;
  keys.inputs_ = std::move(inputs);
  keys.settings_ = std::move(settings);
  for (const auto& [key, name] : keys.settings_.aliases) {
    const auto has_name = [&name = name](const Feature& input) { return input.name == name; };
    if (std::none_of(keys.inputs_.begin(), keys.inputs_.end(), has_name)) {
      return UsageError(fmt::format("the alias '{}' is for the input '{}', which the policy does not have", key, name),
                        fmt::format("it has {}", fmt::join(keys.Wanted(), ", ")));
    }
  }
  return keys;
}

const Feature* ObservationKeys::Find(std::string_view key) const {
  const auto alias = settings_.aliases.find(std::string(key));
  const std::string_view wanted = alias == settings_.aliases.end() ? key : std::string_view(alias->second);
  const auto first = [this](const auto& fits) -> const Feature* {
    const auto found = std::find_if(inputs_.begin(), inputs_.end(), fits);
    return found == inputs_.end() ? nullptr : &*found;
  };
  if (const Feature* exact = first([&](const Feature& input) { return input.name == wanted; })) return exact;
  const std::string core = CoreOf(key);
  if (const Feature* same =
          first([&](const Feature& input) { return IsObserved(input) && CoreOf(input.name) == core; })) {
    return same;
  }
  for (const auto& [usual, type] : {std::pair{"image", FeatureType::kImage}, std::pair{"state", FeatureType::kState}}) {
    const auto of_type = [type = type](const Feature& input) { return input.type == type; };
    if (core == usual && std::count_if(inputs_.begin(), inputs_.end(), of_type) == 1) return first(of_type);
  }
  return nullptr;
}

bool ObservationKeys::IsTask(std::string_view key) const {
  if (std::find(kTaskKeys.begin(), kTaskKeys.end(), key) != kTaskKeys.end()) return true;
  const Feature* input = Find(key);
  return input != nullptr && input->type == FeatureType::kText;
}

bool ObservationKeys::IsPicture(std::string_view key) const {
  const Feature* input = Find(key);
  return input != nullptr && input->type == FeatureType::kImage;
}

std::vector<std::string> ObservationKeys::Wanted() const {
  std::vector<std::string> names;
  for (const Feature& input : inputs_) {
    if (IsObserved(input) || input.type == FeatureType::kText) names.push_back(input.name);
  }
  return names;
}

Error ObservationKeys::Unknown(const std::string& key) const {
  return InputError(
      "", fmt::format("the policy has no input that '{}' could be", key),
      fmt::format("it takes {}; the server can be told an alias, or to ignore the key", fmt::join(Wanted(), ", ")));
}

Status ObservationKeys::CheckComplete(const Observation& observation) const {
  std::vector<std::string> missing;
  for (const Feature& input : inputs_) {
    if (IsObserved(input) && !observation.contains(input.name)) missing.push_back(input.Describe());
  }
  if (missing.empty()) return {};
  return InputError("", fmt::format("the request lacks {}", fmt::join(missing, "; ")));
}

Result<ObservationKeys::Translated> ObservationKeys::Translate(Request request) const {
  Translated translated;
  for (auto& [key, value] : request.values) {
    const Feature* input = IsIgnored(key) ? nullptr : Find(key);
    if (IsIgnored(key)) continue;
    if (input == nullptr || input->type == FeatureType::kText) return Unknown(key);
    Tensor taken = input->type == FeatureType::kImage ? AsPicture(std::move(value)) : std::move(value);
    if (!translated.observation.emplace(input->name, std::move(taken)).second) {
      return InputError("", fmt::format("two keys are the input '{}', one of them '{}'", input->name, key));
    }
  }
  for (auto& [key, text] : request.texts) {
    if (IsIgnored(key) || text.empty()) continue;
    if (!IsTask(key)) return Unknown(key);
    if (translated.task && *translated.task != text) return InputError("", "the request has two instructions");
    translated.task = std::move(text);
  }
  VLAQ_RETURN_IF_ERROR(CheckComplete(translated.observation));
  return translated;
}

}  // namespace vlaq::serve

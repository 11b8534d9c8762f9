// Any bytes as a request for actions, after the first one, which says as what: JSON, a message of openpi's, or a file
// that is the picture of a request. What is read becomes a whole observation of the policy's inputs or an error, and no
// picture is larger than allowed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/base64.h"
#include "serve/observation_keys.h"
#include "serve/openpi.h"
#include "serve/policy_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace vlaq::serve {
namespace {

constexpr PictureLimits kLimits{64};

ObservationKeys MakeKeys() {
  const auto input = [](const char* name, FeatureType type, Shape shape) {
    Feature feature;
    feature.name = name;
    feature.type = type;
    feature.shape = std::move(shape);
    return feature;
  };
  KeySettings settings;
  settings.aliases["joints"] = "observation.state";
  settings.ignored = {"time"};
  auto keys = ObservationKeys::Make(
      {input("observation.images.front", FeatureType::kImage, {3, 12, 16}),
       input("observation.state", FeatureType::kState, {2}), input("task", FeatureType::kText, {})},
      settings);
  if (!keys.ok()) std::abort();
  return std::move(*keys);
}

Result<Request> FromJson(const ObservationKeys& keys, std::string_view text) {
  return RequestFromJson(
      text, [&keys](std::string_view key) { return keys.IsPicture(key); }, kLimits);
}

void CheckPictures(const Request& request) {
  for (const auto& [key, value] : request.values) {
    if (value.dtype() != DType::kU8) continue;
    const auto fits = [](int64_t extent) { return extent >= 1 && extent <= kLimits.max_side; };
    if (value.rank() != 3 || !std::ranges::all_of(value.shape(), fits)) std::abort();
  }
}

}  // namespace
}  // namespace vlaq::serve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vlaq::serve;  // NOLINT(google-build-using-namespace)
  static const ObservationKeys keys = MakeKeys();
  if (size == 0) return 0;
  const vlaq::Bytes bytes = std::as_bytes(std::span(data, size)).subspan(1);
  constexpr int kKinds = 3;
  const int kind = data[0] % kKinds;
  auto request = kind == 0   ? FromJson(keys, vlaq::AsText(bytes))
                 : kind == 1 ? OpenpiRequest(bytes)
                             : FromJson(keys, R"({"state": [1, 2], "image": ")" + vlaq::Base64(bytes) + "\"}");
  if (!request.ok()) return 0;
  if (kind != 1) CheckPictures(*request);
  const auto translated = keys.Translate(std::move(*request));
  if (kind == 2 && !translated.ok()) std::abort();
  if (translated.ok() && translated->observation.size() != 2) std::abort();
  return 0;
}

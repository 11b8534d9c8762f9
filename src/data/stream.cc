#include "data/stream.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::data {

std::string StreamsText(std::span<const Stream> streams) {
  std::string text;
  for (const Stream& stream : streams) {
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", stream.name, DTypeName(stream.dtype),
                        ShapeText(stream.shape));
  }
  return text;
}

std::vector<Stream> StreamsOf(const Observation& observation) {
  std::vector<Stream> streams;
  for (const auto& [name, value] : observation) {
    streams.push_back({.name = name, .dtype = value.dtype(), .shape = value.shape()});
  }
  return streams;
}

Result<std::map<std::string, std::string>> MatchFeatures(const std::vector<WantedFeature>& wanted,
                                                         std::span<const Stream> streams) {
  const auto pictures = std::count_if(streams.begin(), streams.end(), [](const Stream& s) { return s.is_image(); });
  const auto cameras = std::count_if(wanted.begin(), wanted.end(), [](const WantedFeature& w) { return w.is_image; });
  std::map<std::string, std::string> match;
  for (const WantedFeature& feature : wanted) {
    auto found = streams.end();
    for (const std::string_view prefix : {"", "observation.", "observation.images."}) {
      if (found != streams.end() || (prefix.ends_with("images.") && !feature.is_image)) continue;
      found = std::find_if(streams.begin(), streams.end(),
                           [&](const Stream& s) { return s.name == fmt::format("{}{}", prefix, feature.name); });
    }
    if (found == streams.end() && feature.is_image && pictures == 1 && cameras == 1) {
      found = std::find_if(streams.begin(), streams.end(), [](const Stream& s) { return s.is_image(); });
    }
    if (found == streams.end()) {
      return InputError("", fmt::format("the policy observes '{}', which is not there", feature.name),
                        "there are " + StreamsText(streams));
    }
    match.emplace(feature.name, found->name);
  }
  return match;
}

}  // namespace vlaq::data

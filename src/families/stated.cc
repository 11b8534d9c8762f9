#include "families/stated.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"

namespace vlaq::families {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kMaxStated = 1000;

// What a trainer keeps beside its settings.
constexpr std::array<std::string_view, 8> kNoSettings{"optimizer", "optim",   "scheduler", "lr_scheduler",
                                                      "callbacks", "history", "metrics",   "loops"};

class Collector {
 public:
  explicit Collector(std::span<const Meaning> meanings) : meanings_(meanings) {}

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
    const auto row = std::ranges::find_if(meanings_, [&](const Meaning& m) { return m.name == name; });
    if (row == meanings_.end() || value.is_null()) return;
    const Json meant = row->read(value);
    if (meant.is_null()) {
      stated_.not_understood.push_back(
          fmt::format("{} is {}", place, value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80)));
    } else {
      stated_.known.push_back(
          {std::string(row->key), meant.dump(-1, ' ', false, Json::error_handler_t::replace), place});
    }
  }

  std::span<const Meaning> meanings_;
  StatedSettings stated_;
};

}  // namespace

StatedSettings FindStated(const checkpoint::Checkpoint& checkpoint, std::span<const Meaning> meanings) {
  Collector collector(meanings);
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

}  // namespace vlaq::families

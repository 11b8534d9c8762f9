#include "preflight/version.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace vlaq::preflight {
namespace {

constexpr std::array kVersions = {
    Version{"8.6", 806, "JetPack 6.0", 7, 17},
    Version{"10.0", 1000, "desktop", 9, 20},
    Version{"10.1", 1001, "desktop", 9, 20},
    Version{"10.3", 1003, "JetPack 6.1 and 6.2", 9, 20},
};

bool IsPatchOf(std::string_view name, std::string_view version) {
  if (!name.starts_with(version)) return false;
  const std::string_view rest = name.substr(version.size());
  return rest.empty() ||
         (rest.front() == '.' && rest.size() > 1 && std::all_of(rest.begin() + 1, rest.end(), [](char c) {
            return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.';
          }));
}

}  // namespace

std::span<const Version> Versions() { return kVersions; }

std::string VersionNames(std::string_view between) {
  std::string names;
  for (const Version& version : kVersions) names += fmt::format("{}{}", names.empty() ? "" : between, version.name);
  return names;
}

Result<const Version*> FindVersion(std::string_view name) {
  const auto* found =
      std::find_if(kVersions.begin(), kVersions.end(), [&](const Version& v) { return IsPatchOf(name, v.name); });
  if (found != kVersions.end()) return found;
  // "10", as targets are called: the newest of it.
  const std::string major = fmt::format("{}.", name);
  const auto newest =
      std::find_if(kVersions.rbegin(), kVersions.rend(), [&](const Version& v) { return v.name.starts_with(major); });
  if (newest != kVersions.rend()) return &*newest;
  return UsageError(fmt::format("the rules of TensorRT {} are not known", name), "known are " + VersionNames());
}

}  // namespace vlaq::preflight

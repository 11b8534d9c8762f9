#include "data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "base/hash.h"
#include "base/json.h"
#include "base/json_field.h"
#include "base/text.h"

namespace vlaq::data {
namespace fs = std::filesystem;
namespace {

constexpr double kSumTolerance = 1e-6;
constexpr size_t kNamedInErrors = 3;

bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool IsHash(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<Fraction> ParseFraction(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const std::string_view number = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  double share = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), share);
  const bool is_number = error == std::errc() && end == number.data() + number.size();
  if (!IsName(name) || !is_number || !(share > 0) || share > 1) {
    return UsageError(fmt::format("'{}' is not a part and its share, as in train=0.8", text));
  }
  return Fraction{std::string(name), share};
}

// A number in [0, 1) that only the seed and the content decide.
double Place(uint64_t seed, const std::string& hash) {
  const std::string digest = Sha256Hex(AsBytes(fmt::format("vlaq.split/1 {} {}", seed, hash)));
  constexpr size_t kDigits = 13;  // 52 bits
  uint64_t bits = 0;
  std::from_chars(digest.data(), digest.data() + kDigits, bits, 16);
  return static_cast<double>(bits) * 0x1p-52;
}

// "a.h5, b.h5, c.h5 and 4 more"
std::string Listed(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kNamedInErrors);
  const std::vector<std::string> first(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown));
  const std::string rest = names.size() > shown ? fmt::format(" and {} more", names.size() - shown) : "";
  return fmt::format("{}{}", fmt::join(first, ", "), rest);
}

SplitPart ReadPart(const std::string& name, const JsonField& field) {
  SplitPart part{name, 0, {}};
  field.Need("fraction", part.fraction);
  for (const JsonField& episode : field["episodes"].Items()) {
    SplitMember& member = part.episodes.emplace_back();
    episode.Need("hash", member.hash);
    episode.Read("name", member.name);
    if (!IsHash(member.hash)) episode.FailAt("hash", "is not a SHA-256 of 64 hexadecimal digits");
  }
  return part;
}

}  // namespace

Result<const SplitPart*> Split::Find(std::string_view name) const {
  std::vector<std::string> names;
  for (const SplitPart& part : parts) {
    if (part.name == name) return &part;
    names.push_back(part.name);
  }
  return UsageError(fmt::format("there is no part '{}'", name), fmt::format("there are {}", fmt::join(names, ", ")));
}

Result<std::vector<Fraction>> ParseFractions(std::string_view text) {
  std::vector<Fraction> fractions;
  std::set<std::string> names;
  double sum = 0;
  while (true) {
    const size_t comma = text.find(',');
    VLAQ_ASSIGN_OR_RETURN(Fraction fraction, ParseFraction(text.substr(0, comma)));
    if (!names.insert(fraction.part).second)
      return UsageError(fmt::format("the part '{}' is named twice", fraction.part));
    sum += fraction.share;
    fractions.push_back(std::move(fraction));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (std::abs(sum - 1) > kSumTolerance) return UsageError(fmt::format("the shares add up to {}, not 1", sum));
  return fractions;
}

Result<Split> MakeSplit(std::span<const SplitMember> members, const std::vector<Fraction>& fractions, uint64_t seed) {
  Split split{seed, {}};
  for (const Fraction& fraction : fractions) split.parts.push_back({fraction.part, fraction.share, {}});
  std::set<std::string> seen;
  for (const SplitMember& member : members) {
    if (!seen.insert(member.hash).second) continue;
    double rest = Place(seed, member.hash);
    size_t part = 0;
    while (part + 1 < fractions.size() && rest >= fractions[part].share) rest -= fractions[part++].share;
    split.parts[part].episodes.push_back(member);
  }
  for (const SplitPart& part : split.parts) {
    if (!part.episodes.empty()) continue;
    return InputError(fmt::format("part '{}'", part.name),
                      fmt::format("stays empty with seed {} and {} different episodes", seed, seen.size()),
                      "take another seed, a larger share, or more episodes");
  }
  return split;
}

Json ToJson(const Split& split) {
  Json parts = Json::object();
  for (const SplitPart& part : split.parts) {
    Json episodes = Json::array();
    for (const SplitMember& member : part.episodes) episodes.push_back({{"hash", member.hash}, {"name", member.name}});
    parts[part.name] = {{"fraction", part.fraction}, {"episodes", std::move(episodes)}};
  }
  return {{"schema", kSplitSchema}, {"seed", split.seed}, {"parts", std::move(parts)}};
}

Result<Split> SplitFromJson(const Json& document, const std::string& where) {
  const JsonField root(document, where);
  Split split;
  root.HasSchema(kSplitSchema, "vlaq data split writes such files");
  root.Need("seed", split.seed);
  for (const auto& [name, part] : root["parts"].Members()) split.parts.push_back(ReadPart(name, part));
  if (split.parts.empty()) root.FailAt("parts", "is empty");
  VLAQ_RETURN_IF_ERROR(root.status());
  for (size_t i = 0; i < split.parts.size(); ++i) {
    for (size_t j = i + 1; j < split.parts.size(); ++j) {
      const auto list = [&](const SplitPart& part) { return EpisodeList{where + ":" + part.name, part.episodes}; };
      VLAQ_RETURN_IF_ERROR(CheckDisjoint(list(split.parts[i]), list(split.parts[j])));
    }
  }
  return split;
}

Result<Split> ReadSplit(const fs::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json document, ReadJsonFile(path));
  return SplitFromJson(document, path.string());
}

Result<EpisodeList> ReadEpisodeList(const std::string& place) {
  const size_t colon = place.rfind(':');
  std::error_code ignored;
  if (colon == std::string::npos || fs::exists(place, ignored)) {
    VLAQ_ASSIGN_OR_RETURN(Split split, ReadSplit(place));
    EpisodeList all{place, {}};
    for (SplitPart& part : split.parts)
      std::move(part.episodes.begin(), part.episodes.end(), std::back_inserter(all.episodes));
    return all;
  }
  const std::string file = place.substr(0, colon);
  VLAQ_ASSIGN_OR_RETURN(const Split split, ReadSplit(file));
  const auto part = split.Find(place.substr(colon + 1));
  if (!part.ok()) return Within(file, part.error());
  return EpisodeList{place, (*part)->episodes};
}

Status CheckDisjoint(const EpisodeList& a, const EpisodeList& b) {
  std::set<std::string_view> in_a;
  for (const SplitMember& member : a.episodes) in_a.insert(member.hash);
  std::vector<std::string> shared;
  for (const SplitMember& member : b.episodes) {
    if (in_a.contains(member.hash)) shared.push_back(fmt::format("{} ({}...)", member.name, member.hash.substr(0, 12)));
  }
  if (shared.empty()) return {};
  return InputError(
      "", fmt::format("{} and {} share {}: {}", a.name, b.name, Counted(shared.size(), "episode"), Listed(shared)),
      "figures on episodes that were seen before prove nothing; split by `vlaq data split`");
}

}  // namespace vlaq::data

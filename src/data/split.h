// Which episodes train, validate, calibrate and test: decided once, seeded, by content, and written down.
//
// Where an episode goes depends on the seed and its own content hash alone, so adding or removing others, renaming and
// compressing again move none; the sizes of the parts are therefore only near their fractions. Plain data. Not aware
// of: reading episodes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"

namespace vlaq::data {

inline constexpr std::string_view kSplitSchema = "vlaq.split/1";

struct SplitMember {
  std::string hash;  // ContentHash()
  std::string name;  // for people
};

struct SplitPart {
  std::string name;       // "train", "calibration", ...
  double fraction = 0.0;  // that was asked for, above 0
  std::vector<SplitMember> episodes;
};

struct Split {
  uint64_t seed = 0;
  std::vector<SplitPart> parts;

  // Errors: kUsage naming the parts that there are.
  Result<const SplitPart*> Find(std::string_view name) const;
};

struct Fraction {
  std::string part;
  double share = 0.0;
};

// "train=0.8,validation=0.1,test=0.1". Errors: kUsage unless names differ, shares are above 0 and add up to 1.
Result<std::vector<Fraction>> ParseFractions(std::string_view text);

// Members keep their order; of several with one hash only the first stays. Errors: kInput if a part stays empty.
Result<Split> MakeSplit(std::span<const SplitMember> members, const std::vector<Fraction>& fractions, uint64_t seed);

Json ToJson(const Split& split);
// Errors: kInput naming the key; also if one episode is in two parts.
Result<Split> SplitFromJson(const Json& document, const std::string& where);
Result<Split> ReadSplit(const std::filesystem::path& path);

// Some episodes, and what to call them in messages.
struct EpisodeList {
  std::string name;  // "split.json:test"
  std::vector<SplitMember> episodes;
};
// "split.json:test" (a part) or "split.json" (all parts).
Result<EpisodeList> ReadEpisodeList(const std::string& place);

// Errors: kInput naming the episodes that are in both.
Status CheckDisjoint(const EpisodeList& a, const EpisodeList& b);

}  // namespace vlaq::data

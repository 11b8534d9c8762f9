#include "tokenizer/vocabulary.h"

#include <algorithm>

namespace vlaq::tokenizer {
namespace {

// "<patch_index_0044>" -> 44: always four digits.
std::optional<int64_t> PatchIndex(std::string_view token) {
  constexpr std::string_view kFront = "<patch_index_";
  if (token.size() != kFront.size() + 5 || !token.starts_with(kFront) || token.back() != '>') return std::nullopt;
  int64_t index = 0;
  for (const char c : token.substr(kFront.size(), 4)) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + (c - '0');
  }
  return index < kPatchTokens ? std::optional(index) : std::nullopt;
}

}  // namespace

std::optional<int64_t> Vocabulary::FindSpecial(std::string_view token) const {
  constexpr std::array<std::string_view, 4> kFirst = {"<s>", "<pad>", "</s>", "<unk>"};
  if (const auto at = std::find(kFirst.begin(), kFirst.end(), token); at != kFirst.end()) return at - kFirst.begin();
  if (const auto at = std::find(kTags.begin(), kTags.end(), token); at != kTags.end()) {
    return FirstTag() + (at - kTags.begin());
  }
  if (token == "<mask>") return mask();
  if (const std::optional<int64_t> index = PatchIndex(token)) return patch(*index);
  return std::nullopt;
}

}  // namespace vlaq::tokenizer

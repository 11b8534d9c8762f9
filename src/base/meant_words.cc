#include <algorithm>
#include <numeric>

#include "base/text.h"

namespace vlaq {
namespace {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row[b.size()];
}

std::string InLowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

// In their order of size.
std::string DigitsOf(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](char c) { return c >= '0' && c <= '9'; });
  std::sort(digits.begin(), digits.end());
  return digits;
}

// A number is not mistyped for another: who says fp8 does not mean fp32. Digits are left out, or change places.
bool MayBeMistyped(std::string_view word, std::string_view candidate) {
  const std::string given = DigitsOf(word), other = DigitsOf(candidate);
  return given.empty() || other.empty() || given == other;
}

}  // namespace

std::vector<std::string> MeantWords(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kLongestWord = 100;  // no name of ours is longer, and distances are quadratic
  if (word.empty() || word.size() > kLongestWord) return {};
  const std::string lower = InLowerCase(word);
  std::vector<std::string> begun;
  for (const std::string& candidate : candidates) {
    const std::string other = InLowerCase(candidate);
    if (other == lower) return {candidate};
    if (other.starts_with(lower)) begun.push_back(candidate);
  }
  if (!begun.empty() && lower.find_first_not_of('-') != std::string::npos) return begun;
  std::vector<std::string> nearest;
  size_t least = std::max<size_t>(2, word.size() / 3);
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(lower, InLowerCase(candidate));
    if (distance > least || !MayBeMistyped(word, candidate)) continue;
    if (distance < least) nearest.clear();
    least = distance;
    nearest.push_back(candidate);
  }
  return nearest;
}

std::string NearestWord(std::string_view word, const std::vector<std::string>& candidates) {
  const std::vector<std::string> meant = MeantWords(word, candidates);
  return meant.size() == 1 ? meant[0] : "";
}

}  // namespace vlaq

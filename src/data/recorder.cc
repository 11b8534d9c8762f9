#include "data/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace vlaq::data {
namespace {

bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

bool HasWord(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !IsLetter(text[at - 1])) && (end == text.size() || !IsLetter(text[end]))) return true;
  }
  return false;
}

}  // namespace

std::string InstructionFromName(std::string_view file_name) {
  std::string lower(file_name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view said;
  for (const std::string_view side : kRecorder.sides) {
    if (!HasWord(lower, side)) continue;
    if (!said.empty()) return "";
    said = side;
  }
  if (said.empty()) return "";
  return fmt::format("{}{}{}", kRecorder.sentence_begin, said, kRecorder.sentence_end);
}

}  // namespace vlaq::data

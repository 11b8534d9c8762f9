#include "episode/instruction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace vlaq::episode {
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
  const bool left = HasWord(lower, "left");
  if (left == HasWord(lower, "right")) return "";
  return fmt::format("pass the box on the {} and go to the bottle", left ? "left" : "right");
}

}  // namespace vlaq::episode

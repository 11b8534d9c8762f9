#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace vlaq {
namespace {

struct Character {
  size_t bytes = 0;  // 0: not UTF-8
  uint32_t code = 0;
};

constexpr size_t kLongestCharacter = 4;

// The sequences of one length: their first byte, the payload in it, and the smallest code point that needs so many.
struct Utf8Length {
  uint32_t mask, lead, least;
};
constexpr std::array<Utf8Length, kLongestCharacter> kUtf8Lengths{
    {{0x80, 0, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}}};

Character FirstCharacter(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(text[at])); };
  size_t more = 0;  // bytes after the first
  while (more < kUtf8Lengths.size() && (byte(0) & kUtf8Lengths[more].mask) != kUtf8Lengths[more].lead) ++more;
  if (more == kUtf8Lengths.size() || text.size() <= more) return {};
  uint32_t code = byte(0) & ~kUtf8Lengths[more].mask;
  for (size_t i = 1; i <= more; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = code << 6U | (byte(i) & 0x3FU);
  }
  if (code < kUtf8Lengths[more].least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {};
  return {more + 1, code};
}

// True for bytes that only lack an end to be a character.
bool MayBegin(std::string_view text) {
  if (text.size() >= kLongestCharacter) return false;
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t bytes = first >= 0xF0U ? 4 : first >= 0xE0U ? 3 : first >= 0xC2U ? 2 : 1;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  return text.size() < bytes && first < 0xF5U && std::all_of(text.begin() + 1, text.end(), continues);
}

// C0, DEL and C1; line and paragraph separators; what turns the direction of writing; the mark that has no width.
bool Steers(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

// Appends the first character of `text`, or what stands for it; returns its bytes.
size_t AppendFirst(std::string_view text, std::string& out) {
  const Character c = FirstCharacter(text);
  const auto first = static_cast<unsigned char>(text[0]);
  if (c.bytes == 0 || c.code < 0x20) {
    out += fmt::format("\\x{:02x}", first);
    return 1;
  }
  if (Steers(c.code)) {
    out += fmt::format("\\u{:04x}", c.code);  // as JSON spells it, which may pass through here
  } else {
    out += text.substr(0, c.bytes);
  }
  return c.bytes;
}

bool IsPlain(char c) { return c >= 0x20 && c < 0x7F; }

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = FirstCharacter(text).bytes;
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string Printable(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= max_bytes) return out + "...";
    text.remove_prefix(AppendFirst(text, out));
  }
  return out;
}

size_t AppendPrintablePage(std::string_view text, std::string& page) {
  size_t at = 0;
  while (at < text.size()) {
    size_t end = at;
    while (end < text.size() && (IsPlain(text[end]) || text[end] == '\n' || text[end] == '\t')) ++end;
    page += text.substr(at, end - at);
    at = end;
    if (at == text.size() || MayBegin(text.substr(at))) break;
    at += AppendFirst(text.substr(at), page);
  }
  return at;
}

}  // namespace vlaq

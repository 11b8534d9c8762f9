#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace vlaq {
namespace {

// Columns on the terminal: UTF-8 continuation bytes take none.
size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool LooksNumeric(std::string_view text) {
  return !text.empty() && (text.front() == '-' || text.front() == '+' || (text.front() >= '0' && text.front() <= '9'));
}

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

}  // namespace

std::string Grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string HumanBytes(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 10 ? 2 : value < 100 ? 1 : 0, kUnits[unit]);
}

std::string ThreeDigits(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size >= 999.5 && size < 1e9) return Grouped(std::llround(value));
  return fmt::format("{:.3g}", value);
}

bool IsUtf8(std::string_view text) {
  // Of each length: the first bytes of its sequences, the payload in them, and the least code point that needs it.
  struct Length {
    uint32_t mask, lead, least;
  };
  constexpr std::array<Length, 4> kLengths{
      {{0x80, 0, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}}};
  const auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(text[at])); };
  for (size_t at = 0; at < text.size();) {
    size_t more = 0;  // bytes after the first
    while (more < kLengths.size() && (byte(at) & kLengths[more].mask) != kLengths[more].lead) ++more;
    if (more == kLengths.size() || text.size() - at <= more) return false;
    uint32_t code = byte(at) & ~kLengths[more].mask;
    for (size_t i = 1; i <= more; ++i) {
      if ((byte(at + i) & 0xC0U) != 0x80U) return false;
      code = code << 6U | (byte(at + i) & 0x3FU);
    }
    if (code < kLengths[more].least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    at += more + 1;
  }
  return true;
}

std::string NearestWord(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string TextTable::ToString(int indent) const {
  std::vector<size_t> width;
  const auto measure = [&](const std::vector<std::string>& row) {
    width.resize(std::max(width.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], DisplayWidth(row[i]));
  };
  measure(header_);
  for (const auto& row : rows_) measure(row);

  std::vector<bool> numeric(width.size());
  for (size_t i = 0; i < width.size(); ++i) {
    numeric[i] = !rows_.empty() && std::all_of(rows_.begin(), rows_.end(), [&](const auto& row) {
      return i >= row.size() || row[i].empty() || row[i] == "-" || LooksNumeric(row[i]);
    });
  }

  std::string text;
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line(static_cast<size_t>(indent), ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(width[i] - DisplayWidth(row[i]), ' ');
      if (i > 0) line += "  ";
      line += numeric[i] ? pad + row[i] : row[i] + pad;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  if (!header_.empty()) {
    print(header_);
    std::vector<std::string> rule;
    for (const size_t w : width) rule.emplace_back(w, '-');
    print(rule);
  }
  for (const auto& row : rows_) print(row);
  return text;
}

}  // namespace vlaq

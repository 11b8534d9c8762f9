// Text for people: aligned tables, sizes, counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vlaq {

// "1,703,973,122"
std::string Grouped(int64_t number);
// "6.82 GB" (decimal units, as disks and files are sold), "512 B"
std::string HumanBytes(uint64_t bytes);
// Three digits that count: "0.0123", "12.3", "1,230", "4.5e-07"; "-" for what is no number.
std::string ThreeDigits(double value);
// True if `text` is UTF-8 as Unicode defines it: no overlong forms, no surrogates.
bool IsUtf8(std::string_view text);
// Edit distance-based suggestion: the candidate nearest to `word`, or empty when none is near.
std::string NearestWord(std::string_view word, const std::vector<std::string>& candidates);

// Rows of cells printed in aligned columns, two spaces between them. Cells that look like numbers are right-aligned.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}
  void AddRow(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Lines end with \n; `indent` spaces before each.
  std::string ToString(int indent = 0) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace vlaq

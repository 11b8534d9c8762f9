// Text for people: what may be shown of other people's text, aligned tables, sizes, counts, words that were meant.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vlaq {

// "1,703,973,122"
std::string Grouped(int64_t number);
// "1 episode", "3 episodes", of a noun that takes an s.
template <std::integral Integer>
std::string Counted(Integer count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}
// "6.82 GB" (decimal units, as disks and files are sold), "512 B"
std::string HumanBytes(uint64_t bytes);
// Three digits that count: "0.0123", "12.3", "1,230", "4.5e-07"; "-" for what is no number.
std::string ThreeDigits(double value);

// True if `text` is UTF-8 as Unicode defines it: no overlong forms, no surrogates.
bool IsUtf8(std::string_view text);
// One line that can neither steer a terminal nor pass for other text: control characters (of C0 and C1, and those that
// turn the direction of writing) and bytes that are not UTF-8 as \x1b or \u202e; cut with "..." where it grows beyond
// `max_bytes`.
std::string Printable(std::string_view text, size_t max_bytes = std::string_view::npos);
// The same for a page of text: line ends and tabs stay. Bytes at the end that may be the beginning of a character are
// left out; returns how many bytes of `text` it took.
size_t AppendPrintablePage(std::string_view text, std::string& page);

// What `word` may have stood for, the likeliest only: a candidate that differs in case, those that it begins, or else
// the one that is nearest in its letters, where numbers agree. Empty when nothing is near.
std::vector<std::string> MeantWords(std::string_view word, const std::vector<std::string>& candidates);
// The one word that was meant; empty if there is none, or several.
std::string NearestWord(std::string_view word, const std::vector<std::string>& candidates);

// Rows of cells printed in aligned columns, two spaces between them. Cells that look like numbers are right-aligned.
// Cells are made Printable().
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}
  void AddRow(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Lines end with \n; `indent` spaces before each. Lines longer than the page (see SetPageWidth) are folded within
  // their columns, or, where columns would become too narrow, each row becomes a list of "header: cell".
  std::string ToString(int indent = 0) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// Columns of the page that tables of this process are made for, 0: as wide as they like. Set it once, before threads.
void SetPageWidth(size_t columns);

}  // namespace vlaq

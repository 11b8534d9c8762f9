#include <algorithm>
#include <atomic>
#include <numeric>

#include "base/text.h"

namespace vlaq {
namespace {

using Row = std::vector<std::string>;

constexpr size_t kLongestCell = 1000;  // bytes; names of 100,000 belong to nobody who means well
constexpr size_t kGap = 2;             // spaces between columns
constexpr size_t kNarrowest = 16;      // columns; text folded narrower than this is no longer read

std::atomic<size_t>& PageWidth() {
  static std::atomic<size_t> width = 0;
  return width;
}

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Columns on the terminal: UTF-8 continuation bytes take none.
size_t DisplayWidth(std::string_view text) {
  return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), Continues));
}

// The bytes of the first `columns` columns.
size_t BytesOf(std::string_view text, size_t columns) {
  size_t at = 0;
  for (size_t seen = 0; at < text.size(); ++at) {
    if (!Continues(text[at]) && ++seen > columns) break;
  }
  return at;
}

bool LooksNumeric(std::string_view text) {
  return !text.empty() && (text.front() == '-' || text.front() == '+' || (text.front() >= '0' && text.front() <= '9'));
}

// Broken at spaces, and where there is none, after what names are joined with, or anywhere.
std::vector<std::string> Fold(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (DisplayWidth(text) > width) {
    const size_t most = BytesOf(text, width);
    size_t end = text.rfind(' ', most);
    size_t skip = 1;
    if (end == std::string_view::npos || end == 0) {
      end = text.substr(0, most).find_last_of("/._-,");
      end = end == std::string_view::npos || end < most / 2 ? most : end + 1;
      skip = 0;
    }
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + skip);
  }
  lines.emplace_back(text);
  return lines;
}

size_t Sum(const std::vector<size_t>& widths) { return std::accumulate(widths.begin(), widths.end(), size_t{0}); }

// Takes from the widest column until the line fits. False if that would make one too narrow.
bool Shrink(std::vector<size_t>& widths, size_t room) {
  while (Sum(widths) > room) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) return false;
    *widest -= 1;
  }
  return true;
}

void AddLine(std::string line, std::string& text) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + "\n";
}

// One after the other: "header: cell", the rows apart.
std::string AsLists(const Row& header, const std::vector<Row>& rows, size_t indent, size_t width) {
  size_t label = 0;
  for (const std::string& name : header) label = std::max(label, DisplayWidth(name) + 2);
  label = std::min(label, width / 2);
  std::string text;
  for (const Row& row : rows) {
    if (&row != &rows.front()) text += "\n";
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i].empty()) continue;
      const std::string name = i < header.size() && !header[i].empty() ? header[i] + ":" : "";
      bool first = true;
      for (const std::string& part : Fold(row[i], std::max(kNarrowest, width - label))) {
        std::string start = first ? name : "";
        start.resize(start.size() + label - std::min(label, DisplayWidth(start)), ' ');
        AddLine(std::string(indent, ' ') + start + part, text);
        first = false;
      }
    }
  }
  return text;
}

}  // namespace

void SetPageWidth(size_t columns) { PageWidth() = columns; }

std::string TextTable::ToString(int indent_columns) const {
  const auto indent = static_cast<size_t>(indent_columns);
  const auto printable = [](Row row) {
    for (std::string& cell : row) cell = Printable(cell, kLongestCell);
    return row;
  };
  const Row header = printable(header_);
  std::vector<Row> rows;
  for (const Row& row : rows_) rows.push_back(printable(row));

  std::vector<size_t> width;
  const auto measure = [&](const Row& row) {
    width.resize(std::max(width.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], DisplayWidth(row[i]));
  };
  measure(header);
  for (const Row& row : rows) measure(row);
  const size_t page = PageWidth();
  if (page > 0 && !width.empty()) {
    const size_t used = indent + kGap * (width.size() - 1);
    if (!Shrink(width, page > used ? page - used : 0)) {
      return AsLists(header, rows, indent, page > indent ? page - indent : 1);
    }
  }

  std::vector<bool> numeric(width.size());
  for (size_t i = 0; i < width.size(); ++i) {
    numeric[i] = !rows.empty() && std::all_of(rows.begin(), rows.end(), [&](const Row& row) {
      return i >= row.size() || row[i].empty() || row[i] == "-" || LooksNumeric(row[i]);
    });
  }

  std::string text;
  const auto print = [&](const Row& row) {
    std::vector<std::vector<std::string>> cells;
    size_t lines = 1;
    for (size_t i = 0; i < row.size(); ++i) {
      cells.push_back(Fold(row[i], width[i]));
      lines = std::max(lines, cells.back().size());
    }
    for (size_t at = 0; at < lines; ++at) {
      std::string line(indent, ' ');
      for (size_t i = 0; i < cells.size(); ++i) {
        const std::string part = at < cells[i].size() ? cells[i][at] : "";
        const std::string pad(width[i] - DisplayWidth(part), ' ');
        if (i > 0) line += std::string(kGap, ' ');
        line += numeric[i] ? pad + part : part + pad;
      }
      AddLine(std::move(line), text);
    }
  };
  if (!header.empty()) {
    print(header);
    Row rule;
    for (const size_t w : width) rule.emplace_back(w, '-');
    print(rule);
  }
  for (const Row& row : rows) print(row);
  return text;
}

}  // namespace vlaq

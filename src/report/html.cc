#include <fmt/format.h>

#include <algorithm>

#include "base/base64.h"
#include "report/plots.h"
#include "report/render.h"
#include "report/style.h"
#include "report/svg.h"

namespace vlaq::report {
namespace {

std::string_view ClassOf(Severity mood) {
  switch (mood) {
    case Severity::kPlain:
      return "";
    case Severity::kGood:
      return "good";
    case Severity::kWarning:
      return "warning";
    case Severity::kBad:
      return "bad";
  }
  return "";
}

// How a cell's text may be broken: a few letters not at all, a hash or a path anywhere, the rest between words.
std::string_view BreakClass(std::string_view text) {
  constexpr size_t kShort = 18, kLongWord = 24;
  if (text.size() <= kShort) return "short";
  size_t word = 0;
  for (const char c : text) {
    word = c == ' ' ? 0 : word + 1;
    if (word > kLongWord) return "long";
  }
  return "";
}

// A number with its unit, or nothing.
bool IsNumeric(const std::string& text) {
  constexpr size_t kLongest = 24;
  if (text.empty() || text == "-" || text == "not known") return true;
  const size_t digit = text.starts_with("< ") ? 2 : text[0] == '+' || text[0] == '-' ? 1 : 0;
  return text.size() <= kLongest && digit < text.size() && text[digit] >= '0' && text[digit] <= '9';
}

// Columns of numbers are set to the right.
std::vector<bool> NumericColumns(const Table& table) {
  std::vector<bool> numeric;
  for (size_t column = 0; column < table.header.size(); ++column) {
    numeric.push_back(column > 0 && std::ranges::all_of(table.rows, [column](const auto& row) {
                        return column >= row.size() || IsNumeric(row[column].text);
                      }));
  }
  return numeric;
}

std::string MoodHtml(const Cell& cell) {
  const std::string_view mood = ClassOf(cell.mood);
  return mood.empty() ? Escape(cell.text) : fmt::format("<span class=\"{}\">{}</span>", mood, Escape(cell.text));
}

std::string CellHtml(const Table& table, size_t column, const Cell& cell, bool numeric) {
  const std::string content = MoodHtml(cell);
  const std::string_view breaks = numeric ? "number" : BreakClass(cell.text);
  const std::string style = breaks.empty() ? "" : fmt::format(" class=\"{}\"", breaks);
  if (column == 0) return fmt::format("<th scope=\"row\"{}>{}</th>", style, content);
  return fmt::format("<td data-label=\"{}\"{}>{}</td>", Escape(table.header[column]), style, content);
}

std::string TableHtml(const Table& table) {
  std::string html = "<table>\n";
  if (!table.caption.empty() && !table.folded) html += fmt::format("<caption>{}</caption>\n", Escape(table.caption));
  html += "<thead><tr>";
  const std::vector<bool> numeric = NumericColumns(table);
  for (size_t column = 0; column < table.header.size(); ++column) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", numeric[column] ? " class=\"number\"" : "",
                        Escape(table.header[column]));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (size_t column = 0; column < row.size(); ++column)
      html += CellHtml(table, column, row[column], numeric[column]);
    html += "</tr>\n";
  }
  html += "</tbody>\n</table>\n";
  if (!table.folded) return html;
  return fmt::format("<details class=\"folded\"><summary>{}</summary>\n{}</details>\n", Escape(table.caption), html);
}

std::string CardHtml(const Card& card) {
  std::string html = fmt::format("<article class=\"card {}\">\n<h3>{}</h3>\n<p>{}</p>\n<dl>\n",
                                 ClassOf(card.verdict.mood), Escape(card.name), MoodHtml(card.verdict));
  for (const auto& [name, fact] : card.facts) {
    html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", Escape(name), MoodHtml(fact));
  }
  return html + "</dl>\n</article>\n";
}

class SectionWriter {
 public:
  explicit SectionWriter(const Section& section) : section_(section) {}

  std::string Write() {
    html_ = fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n", section_.id,
                        Escape(section_.title));
    for (size_t i = 0; i < section_.blocks.size(); ++i) {
      // Figures in a row stand side by side where there is room; one alone has its numbers beside it.
      const bool figure = IsFigure(i);
      if (figure != in_figures_) html_ += figure ? "<div class=\"figures\">\n" : "</div>\n";
      alone_ = figure && !in_figures_ && !IsFigure(i + 1);
      in_figures_ = figure;
      std::visit(*this, section_.blocks[i]);
    }
    if (in_figures_) html_ += "</div>\n";
    return html_ + "</section>\n";
  }

  void operator()(const Paragraph& paragraph) { html_ += fmt::format("<p>{}</p>\n", Escape(paragraph.text)); }
  void operator()(const Table& table) { html_ += TableHtml(table); }
  void operator()(const Figure& figure) {
    const std::string id = fmt::format("{}-{}", section_.id, ++figures_);
    constexpr size_t kFewRows = 12;
    const bool open = alone_ && figure.table.rows.size() <= kFewRows;
    html_ += fmt::format(
        "<figure{}>\n<h3>{}</h3>\n{}<div><figcaption>{}</figcaption>\n<details{}><summary>The numbers</summary>\n{}"
        "</details></div>\n</figure>\n",
        alone_ ? " class=\"alone\"" : "", Escape(figure.title), Draw(figure, id), Escape(figure.description),
        open ? " open" : "", TableHtml(figure.table));
  }
  void operator()(const Picture& picture) {
    html_ += fmt::format(
        "<figure class=\"picture\">\n<h3>{}</h3>\n<img alt=\"{}\" src=\"data:image/png;base64,{}\">\n"
        "<figcaption>{}</figcaption>\n</figure>\n",
        Escape(picture.title), Escape(picture.title), Base64(AsBytes(picture.png)), Escape(picture.alternative));
  }
  void operator()(const Cards& cards) {
    html_ += "<div class=\"cards\">\n";
    for (const Card& card : cards.list) html_ += CardHtml(card);
    html_ += "</div>\n";
  }

 private:
  bool IsFigure(size_t i) const {
    return i < section_.blocks.size() && std::holds_alternative<Figure>(section_.blocks[i]);
  }

  const Section& section_;
  std::string html_;
  bool in_figures_ = false, alone_ = false;
  int figures_ = 0;
};

}  // namespace

std::string Html(const Page& page) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
      "data:\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<header>\n"
      "<h1 class=\"{}\">{}</h1>\n{}</header>\n<nav aria-label=\"Sections\"><ul>\n",
      Escape(page.title), StyleSheet(), ClassOf(page.headline.mood), Escape(page.title),
      page.headline.text.empty() ? "" : fmt::format("<p class=\"headline\">{}</p>\n", Escape(page.headline.text)));
  for (const Section& section : page.sections) {
    html += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, Escape(section.title));
  }
  html += "</ul></nav>\n<main>\n";
  for (const Section& section : page.sections) html += SectionWriter(section).Write();
  return html +
         fmt::format("</main>\n<footer class=\"subtitle\">{}</footer>\n</body>\n</html>\n", Escape(page.subtitle));
}

}  // namespace vlaq::report

#include <fmt/format.h>

#include "base/base64.h"
#include "report/plots.h"
#include "report/render.h"
#include "report/style.h"
#include "report/svg.h"

namespace vlaq::report {
namespace {

std::string_view ClassOf(Mood mood) {
  switch (mood) {
    case Mood::kPlain:
      return "";
    case Mood::kGood:
      return "good";
    case Mood::kWarning:
      return "warning";
    case Mood::kBad:
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

std::string CellHtml(const Table& table, size_t column, const Cell& cell) {
  const std::string_view mood = ClassOf(cell.mood);
  const std::string content =
      mood.empty() ? Escape(cell.text) : fmt::format("<span class=\"{}\">{}</span>", mood, Escape(cell.text));
  const std::string_view breaks = BreakClass(cell.text);
  const std::string style = breaks.empty() ? "" : fmt::format(" class=\"{}\"", breaks);
  if (column == 0) return fmt::format("<th scope=\"row\"{}>{}</th>", style, content);
  return fmt::format("<td data-label=\"{}\"{}>{}</td>", Escape(table.header[column]), style, content);
}

std::string TableHtml(const Table& table) {
  std::string html = "<table>\n";
  if (!table.caption.empty()) html += fmt::format("<caption>{}</caption>\n", Escape(table.caption));
  html += "<thead><tr>";
  for (const std::string& name : table.header) html += fmt::format("<th scope=\"col\">{}</th>", Escape(name));
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (size_t column = 0; column < row.size(); ++column) html += CellHtml(table, column, row[column]);
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n";
}

class SectionWriter {
 public:
  explicit SectionWriter(const Section& section) : section_(section) {}

  std::string Write() {
    html_ = fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n", section_.id,
                        Escape(section_.title));
    for (const Block& block : section_.blocks) {
      // Figures in a row stand side by side where there is room.
      const bool figure = std::holds_alternative<Figure>(block);
      if (figure != in_figures_) html_ += figure ? "<div class=\"figures\">\n" : "</div>\n";
      in_figures_ = figure;
      std::visit(*this, block);
    }
    if (in_figures_) html_ += "</div>\n";
    return html_ + "</section>\n";
  }

  void operator()(const Paragraph& paragraph) { html_ += fmt::format("<p>{}</p>\n", Escape(paragraph.text)); }
  void operator()(const Table& table) { html_ += TableHtml(table); }
  void operator()(const Figure& figure) {
    const std::string id = fmt::format("{}-{}", section_.id, ++figures_);
    html_ += fmt::format(
        "<figure>\n<h3>{}</h3>\n{}<figcaption>{}</figcaption>\n<details><summary>The numbers</summary>\n{}</details>\n"
        "</figure>\n",
        Escape(figure.title), Draw(figure, id), Escape(figure.description), TableHtml(figure.table));
  }
  void operator()(const Picture& picture) {
    html_ += fmt::format("<p><img alt=\"{}\" src=\"data:image/png;base64,{}\"></p>\n", Escape(picture.alternative),
                         Base64(AsBytes(picture.png)));
  }

 private:
  const Section& section_;
  std::string html_;
  bool in_figures_ = false;
  int figures_ = 0;
};

}  // namespace

std::string Html(const Page& page) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
      "data:\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<header>\n"
      "<h1>{}</h1>\n<p class=\"subtitle\">{}</p>\n</header>\n<nav aria-label=\"Sections\"><ul>\n",
      Escape(page.title), StyleSheet(), Escape(page.title), Escape(page.subtitle));
  for (const Section& section : page.sections) {
    html += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, Escape(section.title));
  }
  html += "</ul></nav>\n<main>\n";
  for (const Section& section : page.sections) html += SectionWriter(section).Write();
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace vlaq::report

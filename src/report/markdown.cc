#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/render.h"
#include "report/svg.h"

namespace vlaq::report {
namespace {

// Text that Markdown would read as its own.
std::string Plain(std::string_view text) {
  std::string plain;
  for (const char c : OneLine(text)) {
    if (std::string_view("|\\`*_<>[]#").find(c) != std::string_view::npos) plain += '\\';
    plain += c;
  }
  return plain;
}

// Text within raw HTML, where backslashes escape nothing: a subject's name may be a tag.
std::string InHtml(std::string_view text) { return Escape(text); }

std::string_view MarkOf(Severity mood) { return mood == Severity::kPlain || mood == Severity::kGood ? "" : "**"; }

std::string TableText(const Table& table) {
  std::string text = table.caption.empty() ? "" : Plain(table.caption) + "\n\n";
  std::string rule;
  for (const std::string& name : table.header) {
    text += fmt::format("| {} ", Plain(name));
    rule += "|---";
  }
  text += "|\n" + rule + "|\n";
  for (const auto& row : table.rows) {
    for (const Cell& cell : row) {
      const std::string_view mark = cell.text.empty() ? "" : MarkOf(cell.mood);
      text += fmt::format("| {}{}{} ", mark, Plain(cell.text), mark);
    }
    text += "|\n";
  }
  return text + "\n";
}

struct BlockWriter {
  std::string operator()(const Paragraph& paragraph) const { return Plain(paragraph.text) + "\n\n"; }
  std::string operator()(const Table& table) const {
    if (!table.folded) return TableText(table);
    Table bare = table;
    bare.caption.clear();
    return fmt::format("<details><summary>{}</summary>\n\n{}</details>\n\n", InHtml(table.caption), TableText(bare));
  }
  std::string operator()(const Cards& cards) const {
    std::string text;
    for (const Card& card : cards.list) {
      const std::string_view mark = MarkOf(card.verdict.mood);
      text += fmt::format("- {}: {}{}{}", Plain(card.name), mark, Plain(card.verdict.text), mark);
      for (const auto& [name, fact] : card.facts) text += fmt::format("; {} {}", Plain(name), Plain(fact.text));
      text += "\n";
    }
    return text + "\n";
  }
  std::string operator()(const Figure& figure) const {
    if (figure.headline) {
      return fmt::format("{}: {}\n\n{}", Plain(figure.title), Plain(figure.description), TableText(figure.table));
    }
    return fmt::format("<details><summary>{}</summary>\n\n{}\n\n{}</details>\n\n", InHtml(figure.title),
                       Plain(figure.description), TableText(figure.table));
  }
  std::string operator()(const Picture& picture) const {
    return fmt::format("({}: see the HTML report)\n\n", Plain(picture.title));
  }
};

}  // namespace

std::string SummaryText(const Page& page) {
  TextTable table(page.questions.header);
  for (const auto& row : page.questions.rows) table.AddRow({row[0].text, row[1].text});
  return page.title + "\n\n" + (page.questions.rows.empty() ? "" : table.ToString());
}

std::string Markdown(const Page& page) {
  std::string text = fmt::format("# {}\n\n", Plain(page.title));
  if (!page.headline.text.empty()) text += Plain(page.headline.text) + "\n\n";
  text += Plain(page.subtitle) + "\n\n";
  for (const Section& section : page.sections) {
    text += fmt::format("## {}\n\n", Plain(section.title));
    for (const Block& block : section.blocks) text += std::visit(BlockWriter{}, block);
  }
  return text;
}

}  // namespace vlaq::report

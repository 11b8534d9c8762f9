#include <fmt/format.h>

#include <algorithm>

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

std::string_view MarkOf(Mood mood) { return mood == Mood::kPlain || mood == Mood::kGood ? "" : "**"; }

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
  std::string operator()(const Table& table) const { return TableText(table); }
  std::string operator()(const Figure& figure) const {
    return fmt::format("<details><summary>{}</summary>\n\n{}\n\n{}</details>\n\n", InHtml(figure.title),
                       Plain(figure.description), TableText(figure.table));
  }
  std::string operator()(const Picture& picture) const {
    return fmt::format("({}: see the HTML report)\n\n", Plain(picture.alternative));
  }
};

}  // namespace

std::string Markdown(const Page& page) {
  std::string text = fmt::format("# {}\n\n{}\n\n", Plain(page.title), Plain(page.subtitle));
  for (const Section& section : page.sections) {
    text += fmt::format("## {}\n\n", Plain(section.title));
    for (const Block& block : section.blocks) text += std::visit(BlockWriter{}, block);
  }
  return text;
}

}  // namespace vlaq::report

#include "report/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "report/compose.h"
#include "report/testing.h"

namespace vlaq::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t Count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<size_t>(std::distance(std::sregex_iterator(text.begin(), text.end(), regex), {}));
}

Page ExamplePage() { return *Compose(Examples(), "A <title> & more"); }

TEST(HtmlTest, IsOneFileThatLoadsNothing) {
  const std::string html = Html(ExamplePage());
  EXPECT_THAT(html, HasSubstr("<!DOCTYPE html>"));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_EQ(Count(html, "<script|<link rel=\"stylesheet|src=\"(?!data:)|url\\(|@import|https?:"), 0U);
}

TEST(HtmlTest, TextIsEscaped) {
  const std::string html = Html(ExamplePage());
  EXPECT_THAT(html, HasSubstr("A &lt;title&gt; &amp; more"));
  EXPECT_THAT(html, HasSubstr("A &lt;CPU&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("A <CPU>")));
}

TEST(HtmlTest, EveryPlotHasItsTableAndItsOwnId) {
  const std::string html = Html(ExamplePage());
  EXPECT_GT(Count(html, "<svg "), 8U);
  EXPECT_EQ(Count(html, "<svg "), Count(html, "<summary>The numbers"));
  EXPECT_EQ(Count(html, "<svg "), Count(html, "role=\"img\""));
  std::set<std::string> ids;
  const std::regex pattern("id=\"([^\"]+)\"");
  for (std::sregex_iterator it(html.begin(), html.end(), pattern), end; it != end; ++it) {
    EXPECT_TRUE(ids.insert((*it)[1]).second) << (*it)[1];
  }
}

TEST(HtmlTest, EveryCellKnowsItsColumn) {
  const std::string html = Html(ExamplePage());
  EXPECT_EQ(Count(html, "<td"), Count(html, "<td data-label=\"[^\"]+\""));
}

TEST(HtmlTest, ColumnsOfNumbersAreSetToTheRight) {
  Page page;
  page.sections.push_back({"x", "X", {Table{"", {"name", "runs", "what"}, {{"1", "2 ms", "3"}, {"2", "-", "words"}}}}});
  const std::string html = Html(page);
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\" class=\"number\">runs</th>"));
  EXPECT_THAT(html, HasSubstr("<td data-label=\"runs\" class=\"number\">2 ms</td>"));
  EXPECT_EQ(Count(html, "class=\"number\""), 3U) << "neither names of rows nor words";
}

TEST(HtmlTest, WhatIsFoldedIsThereForWhoeverOpensIt) {
  Page page;
  page.sections.push_back({"x", "X", {Table{"All of it", {"a"}, {{"b"}}, true}}});
  EXPECT_THAT(Html(page), HasSubstr("<details class=\"folded\"><summary>All of it</summary>"));
  EXPECT_THAT(Markdown(page), HasSubstr("<details><summary>All of it</summary>\n\n| a |"));
}

// The last heading of a page of one figure: its numbers are open, for there is room beside it.
TEST(HtmlTest, AFigureAloneHasItsNumbersBesideIt) {
  const Figure figure{"F", "D", Bars{{}, {{"one", {1}}}, "ms"}, Table{"", {"a", "b"}, {{"x", "1"}}}};
  Page page;
  page.sections.push_back({"x", "X", {figure}});
  EXPECT_THAT(Html(page), HasSubstr("<details open>"));
  page.sections[0].blocks.emplace_back(figure);
  EXPECT_THAT(Html(page), Not(HasSubstr("<details open>")));
}

TEST(HtmlTest, PicturesAreInTheFile) {
  Page page;
  page.sections.push_back({"rollouts", "Rollouts", {Picture{"what \"is\" seen", "why", std::string("\x89PNG", 4)}}});
  EXPECT_THAT(Html(page), HasSubstr("<img alt=\"what &quot;is&quot; seen\" src=\"data:image/png;base64,iVBORw==\">"));
}

TEST(MarkdownTest, TablesAreTables) {
  const std::string text = Markdown(ExamplePage());
  EXPECT_THAT(text, HasSubstr("# A \\<title\\> & more\n"));
  EXPECT_THAT(text, HasSubstr("\n| what | verdict | why |\n|---|---|---|\n"));
  EXPECT_THAT(text, HasSubstr("| **UNSTABLE** | drift: cool \\| it |\n")) << "a bar in a cell would end it";
  EXPECT_THAT(text, HasSubstr("\n\nSuccess in the simulator, simulation.json: "))
      << "what it is about is not folded away";
  EXPECT_THAT(text, HasSubstr("<details><summary>Distribution of the step&#39;s time, results.json</summary>\n\n"));
  EXPECT_THAT(text, HasSubstr("\n- mae0222: **verified, except drives**; "));
  EXPECT_EQ(Count(text, "\n\\|[^\n]*p90[^\n]*\\|\n"), 1U) << "a percentile stands where it may be claimed, only";
  // Every row of a table has as many cells as its header.
  size_t columns = 0;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    if (line.starts_with("|")) {
      const size_t bars = Count(line, "(^|[^\\\\])\\|");
      if (columns == 0) columns = bars;
      EXPECT_EQ(bars, columns) << line;
    } else {
      columns = 0;
    }
    begin = end + 1;
  }
}

// A name that a stranger chose must not become a tag where a pull request is read.
TEST(MarkdownTest, NamesAreTextInHtmlToo) {
  const std::string bad = "<img src=https://example.com/x.png>&\n</summary>";
  Json json = *ExampleResults().json;
  json["subjects"][0]["name"] = bad;
  json["comparisons"][0]["second"] = bad;
  json["sweeps"][0]["subject"] = bad;
  const std::string text = Markdown(*Compose({Example("vlaq.results/1", "<b>.json", json.dump())}, bad));
  EXPECT_THAT(text, HasSubstr("<summary>&lt;img src=https://example.com/x.png&gt;&amp; &lt;/summary&gt; over batch"));
  // No tag but our own, apart from escaped ones.
  const std::regex tags("(^|[^\\\\])<[^>]*>");
  for (std::sregex_iterator it(text.begin(), text.end(), tags), end; it != end; ++it) {
    EXPECT_THAT(it->str(), ::testing::ContainsRegex("</?(details|summary)>$"));
  }
}

}  // namespace
}  // namespace vlaq::report

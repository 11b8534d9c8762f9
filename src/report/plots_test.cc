#include "report/plots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <regex>

#include "report/svg.h"

namespace vlaq::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// The numbers of one attribute of all elements that match, in order.
std::vector<double> Attributes(const std::string& svg, const std::string& element, const std::string& style,
                               const std::string& attribute) {
  std::vector<double> found;
  const std::regex pattern("<" + element + " [^>]*class=\"" + style + "\"[^>]*>");
  const std::regex number(" " + attribute + "=\"([-0-9.]+)\"");
  for (std::sregex_iterator it(svg.begin(), svg.end(), pattern), end; it != end; ++it) {
    const std::string text = it->str();
    std::smatch match;
    if (std::regex_search(text, match, number)) found.push_back(std::stod(match[1]));
  }
  return found;
}

Figure Of(decltype(Figure::plot) plot) { return {"A <title>", "What & why", std::move(plot), {}}; }

TEST(SvgTest, TextIsEscapedAndShortened) {
  EXPECT_EQ(Escape("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(Shortened("short", 10), "short");
  EXPECT_EQ(Shortened("abcdefghij", 7), "abc…hij");
  EXPECT_THAT(Shortened("ääääääääää", 9), Not(HasSubstr("\xA4\xC3…"))) << "no half letters";
}

TEST(DrawTest, EveryPlotHasANameAndADescription) {
  const std::string svg = Draw(Of(Bars{{}, {{"one", {1}}}, "ms"}), "x-1");
  EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-labelledby=\"x-1-t x-1-d\""));
  EXPECT_THAT(svg, HasSubstr("<title id=\"x-1-t\">A &lt;title&gt;</title>"));
  EXPECT_THAT(svg, HasSubstr("<desc id=\"x-1-d\">What &amp; why</desc>"));
}

TEST(DrawBarsTest, BarsAreAsLongAsTheirNumbers) {
  const std::string svg = Draw(Of(Bars{{}, {{"a", {2}}, {"b", {4}}}, "ms"}), "x");
  const auto widths = Attributes(svg, "rect", "s0 fill", "width");
  ASSERT_THAT(widths, SizeIs(2));
  EXPECT_NEAR(widths[1], 2 * widths[0], 0.11);
}

TEST(DrawBarsTest, PartsAreStacked) {
  const std::string svg = Draw(Of(Bars{{"p", "q"}, {{"a", {3, 1}}}, "MB"}), "x");
  const auto first = Attributes(svg, "rect", "s0 fill", "x");
  const auto width = Attributes(svg, "rect", "s0 fill", "width");
  const auto second = Attributes(svg, "rect", "s1 fill", "x");
  // The first of each is the legend's.
  ASSERT_THAT(first, SizeIs(2));
  ASSERT_THAT(second, SizeIs(2));
  EXPECT_NEAR(second[1], first[1] + width[1], 0.11);
}

TEST(DrawBarsTest, PartsThatAreNotStackedHaveABarEach) {
  Bars bars{{"p", "q"}, {{"a", {3, 1}}, {"b", {1, 1}}}, "MB"};
  bars.stacked = false;
  const std::string svg = Draw(Of(bars), "x");
  const auto x = Attributes(svg, "rect", "s1 fill", "x"), p = Attributes(svg, "rect", "s0 fill", "y"),
             q = Attributes(svg, "rect", "s1 fill", "y");
  ASSERT_THAT(x, SizeIs(3)) << "one of each is the legend's";
  EXPECT_NEAR(x[1], Attributes(svg, "rect", "s0 fill", "x")[1], 0.11) << "both from 0";
  EXPECT_GT(q[1], p[1]);
  EXPECT_GT(p[2], q[1]) << "the next bar is below both";
}

TEST(DrawBarsTest, WhatIsBeyondItsLimitShows) {
  Bars bars{{}, {{"a", {300}, {}, "", true}, {"b", {20}}}, "%", true};
  EXPECT_THAT(Draw(Of(bars), "x"), HasSubstr("class=\"dot beyond\""));
  bars.bars[0].bad = false;
  EXPECT_THAT(Draw(Of(bars), "x"), Not(HasSubstr("beyond")));
}

TEST(DrawBarsTest, IntervalsAndALineToCompareWith) {
  Bars bars{{}, {{"a", {2}, Range{1, 3}}}, "times"};
  bars.line = 1;
  bars.line_label = "as fast";
  const std::string svg = Draw(Of(bars), "x");
  EXPECT_THAT(Attributes(svg, "line", "whisker", "x1"), SizeIs(3));
  const auto limit = Attributes(svg, "line", "limit", "x1");
  ASSERT_THAT(limit, SizeIs(1));
  EXPECT_NEAR(limit[0], Attributes(svg, "line", "whisker", "x1")[0], 0.11) << "the interval begins at 1";
  EXPECT_THAT(svg, HasSubstr("as fast"));
}

TEST(DrawBarsTest, WhatIsNoNumberIsLeftOut) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const std::string svg = Draw(Of(Bars{{}, {{"a", {none}}, {"b", {1}}}, "ms"}), "x");
  EXPECT_THAT(Attributes(svg, "rect", "s0 fill", "width"), SizeIs(1));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  Bars logarithmic{{}, {{"a", {0}}, {"b", {1e-3}}}, "error", true};
  EXPECT_THAT(Draw(Of(logarithmic), "x"), Not(HasSubstr("inf")));
}

TEST(DrawCurvesTest, PointsLieWhereTheyBelong) {
  Curves curves{"x", "y", {{"a", {{0, 0}, {10, 100, true}}}}};
  curves.joined = false;
  curves.line = 50;
  curves.line_label = "limit";
  const std::string svg = Draw(Of(curves), "x");
  const auto dots = Attributes(svg, "circle", "s0 dot", "cy");
  ASSERT_THAT(dots, SizeIs(2)) << "one, and one in the legend";
  EXPECT_THAT(svg, HasSubstr("class=\"s0 line\"><title>a: 10, 100")) << "a marked point is a cross";
  const auto limit = Attributes(svg, "line", "limit", "y1");
  ASSERT_THAT(limit, SizeIs(1));
  EXPECT_LT(limit[0], dots[0]) << "50 lies above 0";
}

TEST(DrawCurvesTest, JoinedPointsAreAPath) {
  const std::string svg = Draw(Of(Curves{"x", "y", {{"a", {{1, 1}, {10, 2}, {100, 3}}}}, true, true}), "x");
  EXPECT_THAT(
      svg, ::testing::ContainsRegex("<path d=\"M[0-9.]+ [0-9.]+L[0-9.]+ [0-9.]+L[0-9.]+ [0-9.]+\" class=\"s0 line\""));
  EXPECT_THAT(Draw(Of(Curves{"x", "y", {}}), "x"), HasSubstr("</svg>")) << "nothing to draw is an empty plot";
}

TEST(DrawMatrixTest, ShadesAreSharesOfTheRow) {
  const std::string svg = Draw(Of(Matrix{{"F", "B"}, {{9, 1}, {0, 0}}, "recorded", "predicted"}), "x");
  EXPECT_THAT(svg, HasSubstr("class=\"shade5\"><title>F as F: 9, 90 %"));
  EXPECT_THAT(svg, HasSubstr("class=\"shade1\"><title>F as B: 1, 10 %"));
  EXPECT_THAT(svg, HasSubstr("class=\"shade0\"><title>B as F: 0, 0 %"));
}

TEST(DrawFloorTest, AheadIsUpAndLeftIsLeft) {
  Floor floor{{{1, 0, 0.2, 0.3}}, 2, 0, 0.35, {{0, 0}, {1, 0.8}, {2, 0, true}}, true};
  const std::string svg = Draw(Of(floor), "x");
  const auto x = Attributes(svg, "circle", "step", "cx");
  const auto y = Attributes(svg, "circle", "step", "cy");
  ASSERT_THAT(x, SizeIs(3)) << "two, and one in the legend";
  EXPECT_LT(x[1], x[0]) << "positive y is to the left";
  EXPECT_LT(y[1], y[0]) << "positive x is ahead";
  EXPECT_THAT(Attributes(svg, "circle", "step lost", "cx"), SizeIs(2));
  EXPECT_THAT(Attributes(svg, "circle", "start", "cx"), SizeIs(2));
  floor.path[2].lost = false;
  EXPECT_THAT(Draw(Of(floor), "x"), Not(HasSubstr("no frame arrived"))) << "the legend names what is there";
  EXPECT_THAT(svg, HasSubstr("class=\"way good\""));
  const auto width = Attributes(svg, "rect", "obstacle", "width");
  const auto height = Attributes(svg, "rect", "obstacle", "height");
  EXPECT_NEAR(width[0] / height[0], 1.5, 0.01) << "one scale for both directions";
}

}  // namespace
}  // namespace vlaq::report

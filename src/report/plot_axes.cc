#include "report/plot_axes.h"

#include <algorithm>

#include "base/text.h"

namespace vlaq::report {
namespace {

constexpr int kTicks = 6;
constexpr double kEdge = 2;  // that numbers keep from the drawing's

}  // namespace

void DrawHorizontalAxis(Svg& svg, const Scale& scale, double top, double y, const std::string& title) {
  // Numbers that would touch their neighbor are left out.
  double free_from = 0;
  for (const double tick : scale.Ticks(kTicks)) {
    const double x = scale.At(tick);
    svg.Line(x, top, x, y + 3, "grid");
    const std::string text = ThreeDigits(tick);
    const double half = static_cast<double>(text.size()) * kLetterWidth / 2;
    const double middle = std::max(x, half + kEdge);
    if (middle - half < free_from || x + half > kDrawingWidth) continue;
    svg.Text(middle, y + kLineHeight, text, Anchor::kMiddle);
    free_from = middle + half + kLetterWidth;
  }
  svg.Line(scale.At(scale.low()), y, scale.At(scale.high()), y, "axis");
  svg.Text((scale.At(scale.low()) + scale.At(scale.high())) / 2, y + 2 * kLineHeight, title, Anchor::kMiddle, "title");
}

void DrawVerticalAxis(Svg& svg, const Scale& scale, double x, double right) {
  for (const double tick : scale.Ticks(kTicks)) {
    const double y = scale.At(tick);
    svg.Line(x - 3, y, right, y, "grid");
    svg.Text(x - 5, y + 4, ThreeDigits(tick), Anchor::kEnd);
  }
  svg.Line(x, scale.At(scale.low()), x, scale.At(scale.high()), "axis");
}

double LegendHeight(const std::vector<std::string>& names) {
  return names.empty() ? 0 : static_cast<double>(names.size()) * kLineHeight + 6;
}

void DrawLegend(Svg& svg, const std::vector<std::string>& names, double y, std::string_view kind) {
  for (size_t i = 0; i < names.size(); ++i) {
    const double middle = y + kLineHeight * (static_cast<double>(i) + 0.5);
    if (kind == "fill") {
      svg.Rectangle(6, middle - 4, 18, 8, SeriesStyle(i, kind));
    } else if (kind == "dot") {
      svg.Circle(15, middle, 3, SeriesStyle(i, kind));
    } else {
      svg.Line(4, middle, 26, middle, SeriesStyle(i, kind));
    }
    svg.Text(32, middle + 4, Shortened(names[i], 50));
  }
}

}  // namespace vlaq::report

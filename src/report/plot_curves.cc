#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/plot_axes.h"
#include "report/plots.h"

namespace vlaq::report {
namespace {

constexpr double kCurvesLeft = 46, kCurvesRight = kDrawingWidth - 12, kCurvesTop = 20, kCurvesBottom = 180;

struct Extent {
  double low = kInfinity, high = -kInfinity;
  void See(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  Scale ToScale(bool logarithmic) const {
    if (!(high >= low)) return Scale::Round(logarithmic ? 1 : 0, logarithmic ? 10 : 1, logarithmic);
    return Scale::Round(logarithmic ? std::max(low, high * 1e-9) : low, high, logarithmic);
  }
};

void DrawSeries(Svg& svg, const Curves& curves, size_t index, const Scale& x, const Scale& y) {
  const Curves::Series& series = curves.series[index];
  if (curves.joined) {
    std::vector<std::pair<double, double>> points;
    for (const auto& p : series.points) points.emplace_back(x.At(p.x), y.At(p.y));
    svg.Path(points, SeriesStyle(index, "line"));
    return;
  }
  for (const auto& p : series.points) {
    const std::string tip = series.name + ": " + ThreeDigits(p.x) + ", " + ThreeDigits(p.y);
    if (p.marked) {
      svg.Cross(x.At(p.x), y.At(p.y), 3.5, SeriesStyle(index, "line"), tip);
    } else {
      svg.Circle(x.At(p.x), y.At(p.y), 2, SeriesStyle(index, "dot"), tip);
    }
  }
}

}  // namespace

std::string DrawCurves(const Curves& curves, const Figure& figure, const std::string& id) {
  Extent across;
  Extent up;
  up.See(0);
  std::vector<std::string> names;
  for (const Curves::Series& series : curves.series) {
    names.push_back(series.name);
    for (const auto& p : series.points) across.See(p.x), up.See(p.y);
  }
  if (curves.line) up.See(*curves.line);
  Scale x = across.ToScale(curves.logarithmic_x);
  Scale y = up.ToScale(false);
  x.Place(kCurvesLeft, kCurvesRight);
  y.Place(kCurvesBottom, kCurvesTop);
  Svg svg;
  svg.Text(2, 11, curves.y_axis, Anchor::kStart, "title");
  DrawVerticalAxis(svg, y, kCurvesLeft, kCurvesRight);
  DrawHorizontalAxis(svg, x, kCurvesTop, kCurvesBottom, curves.x_axis);
  for (size_t i = 0; i < curves.series.size(); ++i) DrawSeries(svg, curves, i, x, y);
  if (curves.line) {
    const double at = y.At(*curves.line);
    svg.Line(kCurvesLeft, at, kCurvesRight, at, "limit");
    svg.Text(kCurvesRight, at - 4, curves.line_label, Anchor::kEnd, "limit-text");
  }
  const double legend = kCurvesBottom + kHorizontalAxisHeight;
  DrawLegend(svg, names, legend, curves.joined ? "line" : "dot");
  return svg.Finish(legend + LegendHeight(names), id, figure.title, figure.description);
}

}  // namespace vlaq::report

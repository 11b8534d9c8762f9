#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "report/plot_axes.h"
#include "report/plots.h"

namespace vlaq::report {
namespace {

constexpr double kBarsLeft = 6, kBarsRight = kDrawingWidth - 16;
constexpr double kBarHeight = 11, kRowGap = 6;

// Parts that are not stacked have a bar each.
double RowHeight(const Bars& bars) {
  const size_t parts = bars.stacked ? 1 : std::max<size_t>(1, bars.part_names.size());
  return kLineHeight + kBarHeight * static_cast<double>(parts) + kRowGap;
}

double Sum(const Bars::Bar& bar) { return std::accumulate(bar.parts.begin(), bar.parts.end(), 0.0); }

// Over all finite values that will be drawn.
Scale ScaleOf(const Bars& bars) {
  double low = bars.logarithmic ? kInfinity : 0;
  double high = -kInfinity;
  const auto see = [&](double value) {
    if (!std::isfinite(value) || (bars.logarithmic && value <= 0)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const Bars::Bar& bar : bars.bars) {
    if (bars.stacked) {
      see(Sum(bar));
    } else {
      for (const double part : bar.parts) see(part);
    }
    if (bar.interval) see(bar.interval->low), see(bar.interval->high);
  }
  if (bars.line) see(*bars.line);
  if (!std::isfinite(low)) low = 1;
  if (!std::isfinite(high)) high = low + 1;
  Scale scale = Scale::Round(low, high, bars.logarithmic);
  scale.Place(kBarsLeft, kBarsRight);
  return scale;
}

void DrawBar(Svg& svg, const Bars& bars, const Bars::Bar& bar, const Scale& scale, double y) {
  const std::string value = bar.value.empty() ? ThreeDigits(Sum(bar)) : bar.value;
  const auto room = static_cast<size_t>((kDrawingWidth - kBarsLeft) / kLetterWidth);
  svg.Text(kBarsLeft, y + kLineHeight - 3, Shortened(bar.label, room > value.size() + 2 ? room - value.size() - 2 : 3));
  svg.Text(kDrawingWidth - 2, y + kLineHeight - 3, value, Anchor::kEnd, "value");
  const double top = y + kLineHeight;
  const double middle = top + kBarHeight / 2;
  if (bars.logarithmic) {
    const double x = scale.At(Sum(bar));
    svg.Line(scale.At(scale.low()), middle, x, middle, bar.bad ? "line beyond" : SeriesStyle(0, "line"));
    svg.Circle(x, middle, 4, bar.bad ? "dot beyond" : SeriesStyle(0, "dot"), bar.label + ": " + value);
  } else {
    double from = 0;
    for (size_t part = 0; part < bar.parts.size(); ++part) {
      if (!std::isfinite(bar.parts[part])) continue;
      const double x = scale.At(std::min(from, from + bar.parts[part]));
      const double width = std::abs(scale.At(from + bar.parts[part]) - scale.At(from));
      const std::string name = part < bars.part_names.size() ? bars.part_names[part] + ": " : "";
      const double below = bars.stacked ? 0 : kBarHeight * static_cast<double>(part);
      svg.Rectangle(x, top + below, width, kBarHeight, bar.bad ? "fill beyond" : SeriesStyle(part, "fill"),
                    name + ThreeDigits(bar.parts[part]));
      if (bars.stacked) from += bar.parts[part];
    }
  }
  if (!bar.interval || !std::isfinite(bar.interval->low) || !std::isfinite(bar.interval->high)) return;
  const double low = scale.At(bar.interval->low);
  const double high = scale.At(bar.interval->high);
  svg.Line(low, middle, high, middle, "whisker");
  for (const double x : {low, high}) svg.Line(x, middle - 4, x, middle + 4, "whisker");
}

}  // namespace

std::string DrawBars(const Bars& bars, const Figure& figure, const std::string& id) {
  Svg svg;
  const Scale scale = ScaleOf(bars);
  const double legend = LegendHeight(bars.part_names);
  DrawLegend(svg, bars.part_names, 0, "fill");
  const double top = legend + (bars.line && !bars.line_label.empty() ? kLineHeight : 0);
  const double bottom = top + static_cast<double>(bars.bars.size()) * RowHeight(bars);
  DrawHorizontalAxis(svg, scale, top, bottom, bars.axis);
  if (bars.line) {
    const double x = scale.At(*bars.line);
    svg.Line(x, top - 2, x, bottom, "limit");
    const bool left = x < kDrawingWidth / 2;
    svg.Text(left ? x + 3 : x - 3, top - 3, bars.line_label, left ? Anchor::kStart : Anchor::kEnd, "limit-text");
  }
  for (size_t i = 0; i < bars.bars.size(); ++i) {
    DrawBar(svg, bars, bars.bars[i], scale, top + static_cast<double>(i) * RowHeight(bars));
  }
  return svg.Finish(bottom + kHorizontalAxisHeight, id, figure.title, figure.description);
}

}  // namespace vlaq::report

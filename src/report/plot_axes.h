// What plots with axes share: ticks with numbers, titles, a legend. Pure.
#pragma once

#include <string>
#include <vector>

#include "report/scale.h"
#include "report/svg.h"

namespace vlaq::report {

// Ticks and numbers of a horizontal axis at `y`, lines up to `top`, and below it the title.
void DrawHorizontalAxis(Svg& svg, const Scale& scale, double top, double y, const std::string& title);
// A vertical axis at `x`, with lines to `right`.
void DrawVerticalAxis(Svg& svg, const Scale& scale, double x, double right);

// The heights that these take.
inline constexpr double kHorizontalAxisHeight = 34;
double LegendHeight(const std::vector<std::string>& names);
// A row for each name, from `y` on; `kind` is the class of the mark ("line", "fill", "dot").
void DrawLegend(Svg& svg, const std::vector<std::string>& names, double y, std::string_view kind);

}  // namespace vlaq::report

// Each kind of plot as inline SVG. Pure.
#pragma once

#include <string>

#include "report/page.h"

namespace vlaq::report {

// `id` is unique on the page.
std::string Draw(const Figure& figure, const std::string& id);

std::string DrawBars(const Bars& bars, const Figure& figure, const std::string& id);
std::string DrawCurves(const Curves& curves, const Figure& figure, const std::string& id);
std::string DrawMatrix(const Matrix& matrix, const Figure& figure, const std::string& id);
std::string DrawFloor(const Floor& floor, const Figure& figure, const std::string& id);

}  // namespace vlaq::report

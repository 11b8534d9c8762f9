#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "report/plots.h"
#include "report/svg.h"

namespace vlaq::report {
namespace {

constexpr double kMatrixLeft = 56, kMatrixTop = 34;
constexpr int kShades = 5;  // of the style sheet: "shade0" .. "shade5"

std::string Text(double value) {
  return value < 1e4 ? fmt::format("{:.0f}", value) : fmt::format("{:.0f}k", value / 1e3);
}

}  // namespace

std::string DrawMatrix(const Matrix& matrix, const Figure& figure, const std::string& id) {
  Svg svg;
  const double side = std::min(36.0, (kDrawingWidth - kMatrixLeft - 4) / static_cast<double>(matrix.names.size()));
  svg.Text(kMatrixLeft, 11, matrix.column_title, Anchor::kStart, "title");
  svg.Text(2, kMatrixTop - 5, matrix.row_title, Anchor::kStart, "title");
  for (size_t row = 0; row < matrix.names.size(); ++row) {
    const double y = kMatrixTop + side * static_cast<double>(row);
    svg.Text(kMatrixLeft - 5, y + side / 2 + 4, matrix.names[row], Anchor::kEnd);
    svg.Text(kMatrixLeft + side * (static_cast<double>(row) + 0.5), kMatrixTop - 5, matrix.names[row], Anchor::kMiddle);
    const auto& values = matrix.values[row];
    const double all = std::accumulate(values.begin(), values.end(), 0.0);
    for (size_t column = 0; column < values.size(); ++column) {
      const double x = kMatrixLeft + side * static_cast<double>(column);
      const double share = all > 0 ? values[column] / all : 0;
      const long shade = values[column] == 0 ? 0 : std::clamp(std::lround(share * kShades), 1L, long{kShades});
      svg.Rectangle(x, y, side - 1, side - 1, fmt::format("shade{}", shade),
                    fmt::format("{} as {}: {:.0f}, {:.0f} %", matrix.names[row], matrix.names[column], values[column],
                                100 * share));
      if (values[column] == 0) continue;
      svg.Text(x + (side - 1) / 2, y + side / 2 + 4, Text(values[column]), Anchor::kMiddle,
               shade > kShades / 2 ? "on-dark" : "");
    }
  }
  return svg.Finish(kMatrixTop + side * static_cast<double>(matrix.names.size()) + 4, id, figure.title,
                    figure.description);
}

}  // namespace vlaq::report

#include "report/plots.h"

namespace vlaq::report {
namespace {

struct Drawer {
  const Figure& figure;
  const std::string& id;
  std::string operator()(const Bars& plot) const { return DrawBars(plot, figure, id); }
  std::string operator()(const Curves& plot) const { return DrawCurves(plot, figure, id); }
  std::string operator()(const Matrix& plot) const { return DrawMatrix(plot, figure, id); }
  std::string operator()(const Floor& plot) const { return DrawFloor(plot, figure, id); }
};

}  // namespace

std::string Draw(const Figure& figure, const std::string& id) { return std::visit(Drawer{figure, id}, figure.plot); }

}  // namespace vlaq::report

#include <algorithm>
#include <cmath>

#include "report/plots.h"
#include "report/svg.h"

namespace vlaq::report {
namespace {

constexpr double kMargin = 0.3;    // m, around everything
constexpr double kMaxScale = 110;  // drawing units a meter
constexpr double kMaxHeight = 420;
constexpr double kLegendMark = 12, kLegendText = 26;

}  // namespace

// One scale for both directions; the way leads upwards, as the robot sees it.
std::string DrawFloor(const Floor& floor, const Figure& figure, const std::string& id) {
  double ahead = floor.goal_x + floor.goal_distance, behind = floor.goal_x - floor.goal_distance;
  double left = floor.goal_y + floor.goal_distance, right = floor.goal_y - floor.goal_distance;
  const auto see = [&](double x, double y, double half_x, double half_y) {
    ahead = std::max(ahead, x + half_x), behind = std::min(behind, x - half_x);
    left = std::max(left, y + half_y), right = std::min(right, y - half_y);
  };
  for (const auto& box : floor.boxes) see(box.x, box.y, box.half_x, box.half_y);
  for (const auto& step : floor.path) see(step.x, step.y, 0, 0);
  const double height = std::max(ahead - behind, 0.1) + 2 * kMargin;
  const double width = std::max(left - right, 0.1) + 2 * kMargin;
  const double scale = std::min({kDrawingWidth / width, kMaxHeight / height, kMaxScale});
  const double inset = (kDrawingWidth - width * scale) / 2;
  const auto across = [&](double y) { return inset + (left + kMargin - y) * scale; };
  const auto down = [&](double x) { return (ahead + kMargin - x) * scale; };

  Svg svg;
  svg.Rectangle(inset, 0, width * scale, height * scale, "floor");
  for (const auto& box : floor.boxes) {
    svg.Rectangle(across(box.y + box.half_y), down(box.x + box.half_x), 2 * box.half_y * scale, 2 * box.half_x * scale,
                  "obstacle", "box");
  }
  svg.Circle(across(floor.goal_y), down(floor.goal_x), floor.goal_distance * scale, "goal", "counts as reached");
  svg.Circle(across(floor.goal_y), down(floor.goal_x), 3, "goal-middle", "bottle");
  std::vector<std::pair<double, double>> way;
  for (const auto& step : floor.path) way.emplace_back(across(step.y), down(step.x));
  const std::string_view style = floor.succeeded ? "way good" : "way bad";
  svg.Path(way, style);
  if (!way.empty()) svg.Circle(way[0].first, way[0].second, 5, "start", "start");
  for (size_t i = 0; i < way.size(); ++i) {
    svg.Circle(way[i].first, way[i].second, 2.2, floor.path[i].lost ? "step lost" : "step",
               floor.path[i].lost ? "no frame arrived" : "");
  }
  double foot = height * scale + kLineHeight;
  svg.Line(inset, foot - 3, inset + scale, foot - 3, "axis");
  svg.Text(inset + scale + 5, foot, "1 m");
  // What the marks mean, a line each.
  const auto line = [&](std::string_view mark, const char* text, double radius) {
    foot += kLineHeight;
    if (radius > 0) {
      svg.Circle(kLegendMark, foot - 4, radius, mark);
    } else {
      svg.Rectangle(kLegendMark - 6, foot - 8, 12, 8, mark);
    }
    svg.Text(kLegendText, foot, text);
  };
  line("start", "start", 5);
  line("step", "a control step", 2.2);
  if (std::ranges::any_of(floor.path, &Floor::Step::lost))
    line("step lost", "no frame arrived: it drove on what it had seen", 2.2);
  line("obstacle", "box", 0);
  line("goal", "within this circle of the bottle counts as reached", 5);
  return svg.Finish(foot + 6, id, figure.title, figure.description);
}

}  // namespace vlaq::report

#include "sim/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

namespace vlaq::sim {
namespace {

using Rgb = std::array<uint8_t, 3>;

constexpr Rgb kFloor{238, 238, 234};
constexpr Rgb kGrid{220, 220, 215};
constexpr Rgb kDark{60, 60, 60};
constexpr Rgb kGreen{20, 140, 60};
constexpr Rgb kRed{200, 40, 30};
constexpr double kPixelsPerMeter = 100;
constexpr double kBorder = 0.6;  // m around everything

Rgb RgbOf(const Color& color) {
  const auto byte = [](float value) { return static_cast<uint8_t>(std::lround(std::clamp(value, 0.F, 1.F) * 255)); };
  return {byte(color[0]), byte(color[1]), byte(color[2])};
}

// A drawing in meters: every shape is the set of points that a function accepts. Slow, and fast enough for a picture.
class Canvas {
 public:
  Canvas(double x_low, double x_high, double y_low, double y_high) : x_low_(x_low), y_high_(y_high) {
    image_.Reset(static_cast<int>((x_high - x_low) * kPixelsPerMeter),
                 static_cast<int>((y_high - y_low) * kPixelsPerMeter));
    Fill([](double, double) { return true; }, kFloor);
    Fill(
        [](double x, double y) {
          const auto near = [](double v) { return std::abs(v - std::round(v)) < 0.008; };
          return near(x) || near(y);
        },
        kGrid);
  }

  void Fill(const std::function<bool(double, double)>& inside, const Rgb& color) {
    for (int row = 0; row < image_.height; ++row) {
      for (int column = 0; column < image_.width; ++column) {
        const double x = x_low_ + (column + 0.5) / kPixelsPerMeter;
        const double y = y_high_ - (row + 0.5) / kPixelsPerMeter;
        if (!inside(x, y)) continue;
        const size_t at =
            (static_cast<size_t>(row) * static_cast<size_t>(image_.width) + static_cast<size_t>(column)) * 3;
        std::ranges::copy(color, image_.rgb.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
  }

  void Disc(double x, double y, double radius, const Rgb& color) {
    Fill([=](double px, double py) { return std::hypot(px - x, py - y) <= radius; }, color);
  }
  void Ring(double x, double y, double radius, double width, const Rgb& color) {
    Fill([=](double px, double py) { return std::abs(std::hypot(px - x, py - y) - radius) <= width / 2; }, color);
  }
  void Line(double x0, double y0, double x1, double y1, double width, const Rgb& color) {
    const double dx = x1 - x0;
    const double dy = y1 - y0;
    const double squared = std::max(dx * dx + dy * dy, 1e-12);
    Fill(
        [=](double x, double y) {
          const double t = std::clamp(((x - x0) * dx + (y - y0) * dy) / squared, 0.0, 1.0);
          return std::hypot(x - x0 - t * dx, y - y0 - t * dy) <= width / 2;
        },
        color);
  }

  image::Image Take() { return std::move(image_); }

 private:
  double x_low_, y_high_;
  image::Image image_;
};

}  // namespace

image::Image TopView(const Trace& trace) {
  const Layout& layout = trace.layout;
  double x_low = -0.5;
  double x_high = layout.bottle.x;
  double y_low = layout.bottle.y;
  double y_high = layout.bottle.y;
  std::vector<Pose> way;
  for (const TracePoint& point : trace.points) way.push_back(point.state.pose);
  way.push_back(trace.end.pose);
  for (const Pose& pose : way) {
    x_low = std::min(x_low, pose.x);
    x_high = std::max(x_high, pose.x);
    y_low = std::min(y_low, pose.y);
    y_high = std::max(y_high, pose.y);
  }
  for (const Box& box : layout.boxes) {
    y_low = std::min(y_low, box.y - box.half_y);
    y_high = std::max(y_high, box.y + box.half_y);
  }
  Canvas canvas(x_low - kBorder, x_high + kBorder, y_low - kBorder, y_high + kBorder);
  for (size_t i = 0; i < layout.boxes.size(); ++i) {
    const Box& box = layout.boxes[i];
    canvas.Fill(
        [&box](double x, double y) { return std::abs(x - box.x) <= box.half_x && std::abs(y - box.y) <= box.half_y; },
        RgbOf(layout.look.boxes[i]));
  }
  canvas.Disc(layout.bottle.x, layout.bottle.y, layout.bottle.radius, RgbOf(layout.look.bottle));
  canvas.Ring(layout.bottle.x, layout.bottle.y, kGoalDistance, 0.015, kDark);

  const Rgb color = Succeeded(trace.end, layout.side) ? kGreen : kRed;
  for (size_t i = 0; i + 1 < way.size(); ++i) canvas.Line(way[i].x, way[i].y, way[i + 1].x, way[i + 1].y, 0.03, color);
  for (const TracePoint& point : trace.points) {
    const Pose& pose = point.state.pose;
    canvas.Disc(pose.x, pose.y, 0.035, color);
    if (point.lost) canvas.Disc(pose.x, pose.y, 0.02, kFloor);
  }
  canvas.Ring(way.back().x, way.back().y, kRobotRadius, 0.015, color);
  return canvas.Take();
}

image::Image CameraStrip(const Trace& trace, int columns) {
  const image::Image& first = trace.points.front().frame;
  const auto count = static_cast<int>(trace.points.size());
  const int rows = (count + columns - 1) / columns;
  constexpr int kGap = 2;  // pixels
  image::Image strip;
  strip.Reset(columns * (first.width + kGap), rows * (first.height + kGap));
  std::ranges::fill(strip.rgb, uint8_t{255});
  for (int i = 0; i < count; ++i) {
    const image::Image& frame = trace.points[static_cast<size_t>(i)].frame;
    const int left = i % columns * (first.width + kGap);
    const int top = i / columns * (first.height + kGap);
    for (int y = 0; y < frame.height; ++y) {
      const auto from = frame.rgb.begin() + std::ptrdiff_t{3} * y * frame.width;
      std::copy_n(from, std::ptrdiff_t{3} * frame.width,
                  strip.rgb.begin() + std::ptrdiff_t{3} * ((top + y) * strip.width + left));
    }
  }
  return strip;
}

}  // namespace vlaq::sim

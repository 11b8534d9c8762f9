#include "sim/picture.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace vlaq::sim {
namespace {

Trace Straight(bool reached) {
  Trace trace;
  trace.layout.boxes = {{.x = 2, .y = -1, .half_x = 0.3, .half_y = 0.3, .half_z = 0.3}};
  trace.layout.look.boxes[0] = {0, 0, 1};
  trace.layout.look.bottle = {1, 1, 0};
  trace.layout.bottle = {.x = 4, .y = 0, .radius = 0.08, .half_height = 0.2};
  for (int i = 0; i < 8; ++i) {
    TracePoint point;
    point.state.pose = {0.45 * i, 0, 0};
    point.lost = i == 3;
    point.frame.Reset(16, 8);
    std::ranges::fill(point.frame.rgb, static_cast<uint8_t>(10 * i));
    trace.points.push_back(std::move(point));
  }
  trace.end.pose = {3.7, 0, 0};
  trace.end.reached = reached;
  trace.end.passed = {Side::kLeft};
  trace.layout.side = Side::kLeft;
  return trace;
}

int Count(const image::Image& picture, std::array<uint8_t, 3> color) {
  int count = 0;
  for (size_t i = 0; i < picture.rgb.size(); i += 3) {
    count += std::equal(color.begin(), color.end(), picture.rgb.begin() + static_cast<std::ptrdiff_t>(i)) ? 1 : 0;
  }
  return count;
}

TEST(TopView, ShowsBoxesAndBottleInTheirSizeAndColor) {
  const image::Image picture = TopView(Straight(true));
  EXPECT_NEAR(Count(picture, {0, 0, 255}), 60 * 60, 130);  // 0.6 m square at 100 pixels a meter
  EXPECT_NEAR(Count(picture, {255, 255, 0}), 3.14159 * 8 * 8, 20);
}

TEST(TopView, TellsSuccessFromFailureByColor) {
  constexpr std::array<uint8_t, 3> kGreen{20, 140, 60};
  constexpr std::array<uint8_t, 3> kRed{200, 40, 30};
  const image::Image good = TopView(Straight(true));
  const image::Image bad = TopView(Straight(false));
  EXPECT_GT(Count(good, kGreen), 500);
  EXPECT_EQ(Count(good, kRed), 0);
  EXPECT_GT(Count(bad, kRed), 500);
  EXPECT_EQ(Count(bad, kGreen), 0);
}

TEST(CameraStrip, PutsTheFramesInRowsInTheirOrder) {
  const image::Image strip = CameraStrip(Straight(true), 3);
  EXPECT_EQ(strip.width, 3 * 18);
  EXPECT_EQ(strip.height, 3 * 10);
  const auto at = [&strip](int x, int y) { return strip.rgb[static_cast<size_t>(3 * (y * strip.width + x))]; };
  EXPECT_EQ(at(0, 0), 0);
  EXPECT_EQ(at(18, 0), 10);
  EXPECT_EQ(at(36 + 15, 7), 20);
  EXPECT_EQ(at(0, 10), 30);
  EXPECT_EQ(at(36, 20), 255);  // eight frames leave the last place empty
}

}  // namespace
}  // namespace vlaq::sim

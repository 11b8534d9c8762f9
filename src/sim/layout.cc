#include "sim/layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace vlaq::sim {
namespace {

// Streams of the seed: what is drawn in one does not shift when another is changed.
enum Stream : uint64_t { kTask = 1, kLook = 2, kBase = 3 };

// The words "@" stand for the side. Each sentence also names the goal, so that none is a mere label.
constexpr std::array<std::string_view, 6> kSentences{
    "go @ of the box to the bottle",
    "pass the box on the @ and go to the bottle",
    "drive to the bottle, keeping @ of the box",
    "reach the bottle by the @ side of the box",
    "take the @ side around the box, then stop at the bottle",
    "go around the box on the @ and drive up to the bottle",
};

Box MakeBox(Random& random, BoxShape shape, double x, double y) {
  Box box{.x = x, .y = y};
  const bool wide = shape == BoxShape::kHorizontal;
  box.half_x = wide ? random.Uniform(0.12, 0.24) : random.Uniform(0.15, 0.26);
  box.half_y = wide ? random.Uniform(0.28, 0.42) : random.Uniform(0.16, 0.27);
  box.half_z = wide ? random.Uniform(0.15, 0.24) : random.Uniform(0.28, 0.42);
  return box;
}

void MakeTask(Layout& layout) {
  Random random(layout.seed, kTask);
  layout.side = random.Below(2) == 0 ? Side::kLeft : Side::kRight;
  layout.phrase = static_cast<int>(random.Below(kSentences.size()));
  layout.instruction = Instruction(layout.side, layout.phrase);
  layout.shape = random.Below(2) == 0 ? BoxShape::kHorizontal : BoxShape::kVertical;
  layout.start = {random.Uniform(-0.2, 0.2), random.Uniform(-0.35, 0.35), random.Uniform(-0.05, 0.05)};
  const bool second = random.Uniform() < 0.35;
  layout.boxes.push_back(MakeBox(random, layout.shape, random.Uniform(1.4, 2.5), random.Uniform(-0.5, 0.5)));
  if (second) {
    const Box& first = layout.boxes.front();
    const double x = first.x + random.Uniform(1.4, 1.9);
    const double y = first.y + random.Uniform(-0.4, 0.4);
    layout.boxes.push_back(MakeBox(random, layout.shape, x, y));
  }
  // The bottle is drawn independently of the side, then brought within reach of the way around the last box.
  const Box& last = layout.boxes.back();
  Bottle& bottle = layout.bottle;
  bottle.x = last.x + last.half_x + random.Uniform(1.1, 2.2);
  bottle.y = std::clamp(last.y + random.Uniform(-1.0, 1.0), -1.3, 1.3);
  const double way_x = last.x + last.half_x + 0.28;
  const double way_y = last.y + Sign(layout.side) * (last.half_y + kClearance);
  const double reach = 0.75 * (bottle.x - way_x);
  bottle.y = std::clamp(bottle.y, way_y - reach, way_y + reach);
  bottle.radius = random.Uniform(0.06, 0.09);
  bottle.half_height = random.Uniform(0.15, 0.24);
  layout.name = std::string(second ? "2box" : "1box") + (layout.shape == BoxShape::kHorizontal ? "_hori_" : "_vert_") +
                std::string(Name(layout.side));
}

// Hue anywhere; saturation and value within the given ranges.
Color MakeColor(Random& random, double s_low, double s_high, double v_low, double v_high) {
  const double hue = random.Uniform(0, 6);
  const double s = random.Uniform(s_low, s_high);
  const double v = random.Uniform(v_low, v_high);
  const auto channel = [&](double offset) {
    const double k = std::fmod(offset + hue, 6.0);
    return static_cast<float>(v - v * s * std::max(0.0, std::min({k, 4 - k, 1.0})));
  };
  return {channel(5), channel(3), channel(1)};
}

void MakeLook(Layout& layout) {
  Random random(layout.seed, kLook);
  Look& look = layout.look;
  for (size_t i = 0; i < look.boxes.size(); ++i) {
    look.boxes[i] = MakeColor(random, 0.1, 0.8, 0.3, 0.9);
    look.box_texture[i] = static_cast<int>(random.Below(kBoxTextures));
  }
  look.bottle = MakeColor(random, 0.7, 1.0, 0.5, 1.0);
  look.floor = MakeColor(random, 0.0, 0.4, 0.4, 1.0);
  look.floor_texture = static_cast<int>(random.Below(kFloorTextures));
  for (Color& wall : look.walls) wall = MakeColor(random, 0.0, 0.35, 0.5, 1.0);
  look.wall_distance = {random.Uniform(7.5, 12), random.Uniform(3.5, 8), random.Uniform(3.5, 8)};
  look.light_direction = {random.Uniform(-0.8, 0.8), random.Uniform(-0.8, 0.8)};
  look.light = random.Uniform(0.3, 0.9);
  look.ambient = random.Uniform(0.2, 0.45);
  look.headlight = random.Uniform(0.1, 0.4);
  look.camera_height = random.Uniform(-0.015, 0.015);
  look.camera_pitch = random.Uniform(-0.02, 0.02);
  look.camera_roll = random.Uniform(-0.015, 0.015);
  look.camera_yaw = random.Uniform(-0.015, 0.015);
  look.field_of_view = random.Uniform(-1.5, 1.5);
}

void MakeBase(Layout& layout) {
  Random random(layout.seed, kBase);
  layout.base.dead_time_s = random.Uniform(0.06, 0.14);
  layout.base.time_constant_s = random.Uniform(0.12, 0.24);
  for (double& gain : layout.base.gain) gain = random.Uniform(0.94, 1.06);
}

}  // namespace

std::string_view Name(Side side) { return side == Side::kLeft ? "left" : "right"; }

int PhraseCount() { return static_cast<int>(kSentences.size()); }

std::string Instruction(Side side, int phrase) {
  const std::string_view sentence = kSentences[static_cast<size_t>(phrase)];
  const size_t at = sentence.find('@');
  return std::string(sentence.substr(0, at)) + std::string(Name(side)) + std::string(sentence.substr(at + 1));
}

Layout MakeLayout(uint64_t seed) {
  Layout layout;
  layout.seed = seed;
  MakeTask(layout);
  MakeLook(layout);
  MakeBase(layout);
  return layout;
}

double DistanceToBoxes(const Layout& layout, double x, double y) {
  double nearest = std::numeric_limits<double>::infinity();
  for (const Box& box : layout.boxes) {
    const double dx = std::max(std::abs(x - box.x) - box.half_x, 0.0);
    const double dy = std::max(std::abs(y - box.y) - box.half_y, 0.0);
    nearest = std::min(nearest, std::hypot(dx, dy));
  }
  return nearest;
}

}  // namespace vlaq::sim

// One seeded task of the simulator: boxes, a bottle behind them, where the robot starts, on which side it has to pass,
// how everything looks and how the base behaves. Plain data, the same for a seed on every machine.
//
// World frame: x forward from the start, y left, z up; meters, radians. Not aware of MuJoCo.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vlaq::sim {

enum class Side : int { kLeft = 1, kRight = -1 };
std::string_view Name(Side side);
constexpr Side Opposite(Side side) { return side == Side::kLeft ? Side::kRight : Side::kLeft; }
constexpr double Sign(Side side) { return side == Side::kLeft ? 1.0 : -1.0; }

// "hori": wide and low, across the way; "vert": narrow and tall.
enum class BoxShape { kHorizontal, kVertical };

struct Pose {
  double x = 0, y = 0;  // m
  double yaw = 0;       // rad, left positive
};

struct Box {
  double x = 0, y = 0;                        // center, m
  double half_x = 0, half_y = 0, half_z = 0;  // half sizes, m; stands on the floor
};

struct Bottle {
  double x = 0, y = 0;
  double radius = 0, half_height = 0;
};

inline constexpr int kFloorTextures = 4;
inline constexpr int kBoxTextures = 3;
// m, of a way point from a box's side: the robot's radius and 0.22 m.
inline constexpr double kClearance = 0.42;

using Color = std::array<float, 3>;

// How the scene and the camera look in this episode.
struct Look {
  std::array<Color, 2> boxes{};
  std::array<int, 2> box_texture{};
  Color bottle{}, floor{};
  int floor_texture = 0;
  std::array<Color, 3> walls{};
  std::array<double, 3> wall_distance{};  // ahead, left, right; m
  std::array<double, 2> light_direction{};
  double light = 0.6, ambient = 0.3, headlight = 0.2;
  // Camera against its nominal mount: m, rad.
  double camera_height = 0, camera_pitch = 0, camera_roll = 0, camera_yaw = 0;
  double field_of_view = 0;  // vertical, against nominal, degrees
};

// How the base of this episode behaves.
struct BaseTraits {
  double dead_time_s = 0.1;             // from command to motor
  double time_constant_s = 0.2;         // of the velocity
  std::array<double, 3> gain{1, 1, 1};  // velocity reached per velocity commanded
};

struct Layout {
  uint64_t seed = 0;
  std::string name;  // "2box_vert_left": boxes, shape, side, as the original recorder names its layouts
  Side side = Side::kLeft;
  BoxShape shape = BoxShape::kHorizontal;
  std::vector<Box> boxes;  // 1 or 2, nearest first
  Bottle bottle;
  Pose start;
  int phrase = 0;  // which of the sentences
  std::string instruction;
  Look look;
  BaseTraits base;
};

// Number of sentences for a side.
int PhraseCount();
// Sentence `phrase` (0 <= phrase < PhraseCount()) for a side. The sentences of the two sides differ only in the words
// "left" and "right".
std::string Instruction(Side side, int phrase);

Layout MakeLayout(uint64_t seed);

// Distance of a point to the nearest box, 0 inside; m.
double DistanceToBoxes(const Layout& layout, double x, double y);

}  // namespace vlaq::sim

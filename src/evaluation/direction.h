// The nine directions of a base that can stop, and drive forward, backward, left, right and between: what is left of an
// action when a motor driver keeps the direction only. Source: the classes of the first policy's classification head
// (spec/model.md 8.2), threshold 0.3 per axis in normalised units.
#pragma once

#include <array>
#include <string_view>

namespace vlaq::evaluation {

inline constexpr int kDirections = 9;
inline constexpr double kDirectionThreshold = 0.3;

// "stop", "F", "B", "L", "R", "FL", "FR", "BL", "BR": index = class.
inline constexpr std::array<std::string_view, kDirections> kDirectionNames{"stop", "F",  "B",  "L", "R",
                                                                           "FL",   "FR", "BL", "BR"};

// Class of (forward, left), both normalised.
constexpr int DirectionOf(double forward, double left) {
  const int x = forward > kDirectionThreshold ? 1 : (forward < -kDirectionThreshold ? -1 : 0);
  const int y = left > kDirectionThreshold ? 1 : (left < -kDirectionThreshold ? -1 : 0);
  constexpr std::array<std::array<int, 3>, 3> kClass{{{8, 2, 7}, {4, 0, 3}, {6, 1, 5}}};  // [x + 1][y + 1]
  return kClass[static_cast<size_t>(x + 1)][static_cast<size_t>(y + 1)];
}

}  // namespace vlaq::evaluation

// What this family's policies, which drive a mobile base past boxes, are told and do.
#include <array>

#include "families/kosmos2_lstm/kosmos2_lstm.h"

namespace vlaq::kosmos2_lstm {
namespace {

// The nine directions of a base that can stop, and drive forward, backward, left, right and between: what is left of an
// action when a motor driver keeps the direction only. Source: the classes of the first policy's classification head
// (docs/kosmos2_lstm.md 8.2), threshold 0.3 per axis in normalized units.
constexpr double kDirectionThreshold = 0.3;

size_t DirectionOf(std::span<const double> action) {
  const auto place = [&](size_t axis) {
    const double value = axis < action.size() ? action[axis] : 0.0;
    return value > kDirectionThreshold ? 2U : (value < -kDirectionThreshold ? 0U : 1U);
  };
  constexpr std::array<std::array<size_t, 3>, 3> kClass{{{8, 2, 7}, {4, 0, 3}, {6, 1, 5}}};  // [forward][left]
  return kClass[place(0)][place(1)];
}

}  // namespace

const families::Traits& Kosmos2Lstm::traits() const {
  static const families::Traits traits{
      {{"left", "right"}},
      families::ActionClasses{{"stop", "F", "B", "L", "R", "FL", "FR", "BL", "BR"}, DirectionOf},
      families::TrainingMae{"As the original's training computed its MAE (normalized, linear_x and linear_y)", 2}};
  return traits;
}

}  // namespace vlaq::kosmos2_lstm

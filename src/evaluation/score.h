// How far predicted actions are from recorded ones. Sums per episode, so that scores of many add up exactly and can be
// resampled by episode.
//
// In scope: numbers. Not aware of: where actions come from. Plain data; pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "evaluation/direction.h"
#include "evaluation/driver.h"
#include "tensor/tensor.h"

namespace vlaq::evaluation {

inline constexpr size_t kMaxAxes = 3;  // linear_x, linear_y, angular_z
inline constexpr std::array<std::string_view, kMaxAxes> kAxisNames{"linear_x", "linear_y", "angular_z"};

// Sums over the steps of one episode, or of many. First actions unless said otherwise.
struct Score {
  int64_t steps = 0;
  std::array<double, kMaxAxes> absolute{};      // |a - a*|, normalised; a* = recorded / scale, clipped to [-1, 1]
  std::array<double, kMaxAxes> squared{};       // (a - a*)^2, normalised
  std::array<double, kMaxAxes> absolute_raw{};  // |scale a - recorded|, m/s or rad/s
  std::array<double, kMaxAxes> squared_raw{};
  std::array<std::array<int64_t, kDirections>, kDirections> directions{};  // [recorded][predicted]
  // Sums of a x recorded, a^2 and recorded^2, nothing clipped: whether the two go together, and at which scale.
  std::array<double, kMaxAxes> product{}, predicted_squared{}, recorded_squared{};
  double recorded_most = 0;   // max |recorded| over the policy's axes, m/s
  int64_t beyond_scale = 0;   // recorded values that an action of 1 does not reach, by more than 2 %
  double chunk_absolute = 0;  // |a - a*| over all actions of all chunks that lie within the episode, all axes
  int64_t chunk_values = 0;

  void Add(const Score& other);

  // Mean |a - a*| over the first `axes` axes.
  double Mae(size_t axes) const;
  double Rmse(size_t axes) const;
  double MaeOf(size_t axis) const;
  double RmseOf(size_t axis) const;
  double RawMaeOf(size_t axis) const;
  double RawRmseOf(size_t axis) const;
  double RawMae(size_t axes) const;
  double RawRmse(size_t axes) const;
  double ChunkMae() const;
  // The scale s that makes s x a come nearest to what was recorded (least squares over the first `axes` axes), and the
  // cosine between the two; 0 where either is all zero.
  double FittedScale(size_t axes) const;
  double Cosine(size_t axes) const;
  // Steps whose nine-way direction agrees, and their fraction.
  int64_t AgreeingDirections() const;
  double DirectionAgreement() const;
};

// predicted: one [chunk, action_dim] tensor a step; recorded: (linear_x, linear_y, angular_z) a step, in m/s and rad/s.
// Both of the same length.
Score ScoreEpisode(const ActionSpace& space, const std::vector<Tensor>& predicted,
                   const std::vector<std::array<float, kMaxAxes>>& recorded);

// How far two series of predictions are apart, as if the second were the record: mean |a - b| and directions.
Score ScoreDifference(const ActionSpace& space, const std::vector<Tensor>& a, const std::vector<Tensor>& b);

}  // namespace vlaq::evaluation

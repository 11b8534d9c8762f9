// How far predicted actions are from recorded ones. Sums per episode, so that scores of many add up exactly and can be
// resampled by episode.
//
// In scope: numbers. Not aware of: where actions come from. Plain data; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluate/policy_under_test.h"
#include "tensor/tensor.h"

namespace vlaq::evaluate {

// Sums over the steps of one episode, or of many; one a value of an action. First actions unless said otherwise.
// "Units" are those of what is recorded.
struct Score {
  int64_t steps = 0;
  std::vector<double> absolute;      // |a - a*|, normalized; a* as ActionSpace::Normalized gives it
  std::vector<double> squared;       // (a - a*)^2, normalized
  std::vector<double> absolute_raw;  // |offset + scale a - recorded|, units
  std::vector<double> squared_raw;
  // [recorded][predicted] by the family's classes of actions; empty if it has none.
  std::vector<std::vector<int64_t>> directions;
  // Sums of a x recorded, a^2 and recorded^2, nothing clipped, the offset taken away: whether the two go together, and
  // at which scale.
  std::vector<double> product, predicted_squared, recorded_squared;
  double recorded_most = 0;   // max |recorded|, units
  int64_t beyond_scale = 0;   // recorded values that an action of 1 does not reach, by more than 2 %
  double chunk_absolute = 0;  // |a - a*| over all actions of all chunks that lie within the episode, all axes
  int64_t chunk_values = 0;

  void Add(const Score& other);

  // Mean |a - a*| over the first `axes` values of an action; 0 of nothing.
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
  // Steps whose class agrees, and their fraction; 0 without classes.
  int64_t AgreeingDirections() const;
  double DirectionAgreement() const;
};

// predicted: one [chunk, action_dim] tensor a step; recorded: [steps, action_dim], in units, the columns that
// RecordedColumns() names (Recorded()). Both of the same length.
Score ScoreEpisode(const ActionSpace& space, const std::vector<Tensor>& predicted, const Tensor& recorded);

// How far two series of predictions are apart, as if the second were the record: mean |a - b| and classes.
Score ScoreDifference(const ActionSpace& space, const std::vector<Tensor>& a, const std::vector<Tensor>& b);

}  // namespace vlaq::evaluate

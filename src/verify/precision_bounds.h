// How much a format may cost: the limits of stages 1 to 3 for each precision, as data with their reasons.
// Not aware of: graphs, bundles. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "quantize/numerics/plan.h"
#include "tensor/tensor.h"

namespace vlaq::verify {

// What rounding to an integer format does to the weights that share a scale. A step is max|w| / levels.
struct WeightBounds {
  numerics::NumericType number;
  double levels;
  // Root mean square of the error of every scale's weights, in steps. Rounding to the nearest code is off by half a
  // step at most (0.29 in the mean square), whatever the weights; a range that was chosen for a smaller error than the
  // full one has a smaller one.
  double most_error;
  // The same over the whole tensor: what is better was not rounded to this format.
  double least_error;
};
// nullopt for the float formats.
std::optional<WeightBounds> BoundsOfWeights(numerics::NumericType number);

// What one stored weight lost against the source's.
struct WeightError {
  double worst = 0;          // of any scale's weights, in steps
  int64_t worst_group = -1;  // index of that scale
  double signal_to_noise_db = 0;
  std::string problem;  // empty, or what is wrong
};
// `expected` and `actual`: float32 of one shape. `choice`: the format, and which weights share a scale.
WeightError MeasureWeight(const Tensor& expected, const Tensor& actual, const numerics::WeightChoice& choice);
// Float formats: equal (kFloat32) or rounded to the nearest (kFloat16). `tolerance` is relative and added.
WeightError MeasureFloats(const Tensor& expected, const Tensor& actual, numerics::NumericType number,
                          double tolerance = 0);

// Stage 1, against golden results or the source bundle: how far features (relative to the largest) and actions may be.
// Also the actions of a quantized bundle's other schedules from the default one's: activations that are quantized at
// run time get another scale in another batch, and float16 sums another rounding.
struct StageBounds {
  std::string_view precision;
  double features;
  double actions;      // the largest of all, normalized (-1 to 1)
  double actions_rms;  // root mean square over all; 0: not judged
  std::string_view reason;
};
// Errors: kInput for an unknown precision, listing the known ones.
Result<const StageBounds*> BoundsOfStages(std::string_view precision);

// Stage 2: how much must run as the precision says.
struct RealityBounds {
  std::string_view precision;
  // Fraction of the MACs of the operators that the plan gives a small form, that must run in that form.
  double of_planned;
  // Fraction of the MACs of the operators with weights, those not counted that a rule of the plan leaves as they were,
  // that must run in a small form.
  double of_all;
  std::string_view reason;
};
// Errors: the same.
Result<const RealityBounds*> BoundsOfReality(std::string_view precision);

// Stage 3: mean |a - a*|, normalized, that a quantized policy may lose against its source.
inline constexpr double kMaxMaeIncrease = 0.005;

}  // namespace vlaq::verify

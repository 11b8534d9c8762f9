// SmoothQuant's numbers (arXiv 2211.10438): how much of an activation's range moves into the weights that read it.
//
// In scope: factors, and an estimate of what they do to the rounding of both, to choose alpha by. Not aware of: graphs,
// statistics as a whole. Stateless; any thread may call.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::numerics {

// max|W_j| of each row over all weights [K, N] that read the same activation. Errors: kInput if their K differ.
Result<std::vector<float>> WeightRowAbsmax(std::span<const Tensor> weights);

// s_j = max|X_j|^alpha / max|W_j|^(1 - alpha), at least 1e-5; 1 where a channel or its row is dead. alpha in [0, 1].
// Both have length K.
std::vector<float> SmoothingFactors(std::span<const float> activation_absmax, std::span<const float> row_absmax,
                                    double alpha);

// What is known of the activation [.., K].
struct SmoothedActivation {
  std::vector<float> absmax;  // of each channel, over all samples
  double rms = 0;             // of all of it
};

// Mean squares of the error that rounding adds to one row of X W, summed up over the outputs of all weights.
struct SmoothingError {
  double of_activation = 0;
  double of_weights = 0;
  double total() const { return of_activation + of_weights; }
};

// The model: rounding to steps of d adds noise of variance d^2 / 12 that knows nothing of anything else, but no more
// than there was (what is rounded to zero). X / s has one scale, max_j(absmax_j / s_j) / 127, and its noise comes out
// times W s; W s has a scale for each column, and its noise comes out times X / s, whose channels are taken to have
// mean squares in proportion to absmax_j^2 (their sum is known). Within 20 % of the truth where that holds
// (smooth_test.cc). `factors` has length K. Errors: kInput if the K of weights, activation and factors differ.
Result<SmoothingError> EstimateSmoothing(const SmoothedActivation& activation, std::span<const Tensor> weights,
                                         std::span<const float> factors);

struct AlphaChoice {
  double alpha = 0;
  SmoothingError error;   // with it
  SmoothingError before;  // without smoothing; if that is less, smoothing does not help
};
// The alpha of 0, 0.05 ... 1 with the least estimated error. Errors: as above.
Result<AlphaChoice> BestAlpha(const SmoothedActivation& activation, std::span<const Tensor> weights);

}  // namespace vlaq::numerics

// SmoothQuant's numbers (arXiv 2211.10438): how much of an activation's range moves into the weights that read it.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::quantization {

// max|W_j| of each row over all weights [K, N] that read the same activation. Errors: kInput if their K differ.
Result<std::vector<float>> WeightRowAbsmax(std::span<const Tensor> weights);

// s_j = max|X_j|^alpha / max|W_j|^(1 - alpha), at least 1e-5; 1 where a channel or its row is dead. alpha in [0, 1].
std::vector<float> SmoothingFactors(std::span<const float> activation_absmax, std::span<const float> row_absmax,
                                    double alpha);

}  // namespace vlaq::quantization

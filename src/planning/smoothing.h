// SmoothQuant in a plan: which values are smoothed, and the ranges that their readers then need.
#pragma once

#include <optional>

#include "bundle/bundle.h"
#include "planning/operators.h"
#include "quantization/plan.h"
#include "quantization/statistics.h"

namespace vlaq::planning {

// `alpha`: of every value; absent: each value gets the one with the least estimated error (quantization/smooth.h), or
// is left alone where no alpha helps. Smooths every value whose readers all quantise their activations. A static range
// becomes that of the smoothed value: the largest max|X_j| / s_j over channels j, since what was calibrated was the
// value before smoothing. Reads the weights of the readers. Errors: kInput if the statistics lack a value's channels,
// or weights cannot be read.
Status AddSmoothing(const bundle::Bundle& bundle, const PolicyOperators& operators,
                    const quantization::ActivationStatistics& statistics, std::optional<double> alpha,
                    quantization::Plan& plan);

}  // namespace vlaq::planning

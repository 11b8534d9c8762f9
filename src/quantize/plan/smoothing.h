// SmoothQuant in a plan: which values are smoothed, and the ranges that their readers then need.
#pragma once

#include <optional>

#include "bundle/bundle.h"
#include "quantize/numerics/plan.h"
#include "quantize/numerics/statistics.h"
#include "quantize/plan/operators.h"

namespace vlaq::plan {

// `alpha`: of every value; absent: each value gets the one with the least estimated error (quantize/numerics/smooth.h),
// or is left alone where no alpha helps. Smooths every value whose readers all quantize their activations. A static
// range becomes that of the smoothed value: the largest max|X_j| / s_j over channels j, since what was calibrated was
// the value before smoothing. Reads the weights of the readers. Errors: kInput if the statistics lack a value's
// channels, or weights cannot be read.
Status AddSmoothing(const bundle::Bundle& bundle, const PolicyOperators& operators,
                    const numerics::ActivationStatistics& statistics, std::optional<double> alpha,
                    numerics::Plan& plan);

}  // namespace vlaq::plan

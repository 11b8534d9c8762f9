// What smoothing and bias correction change in the source's weights before they are stored.
#pragma once

#include "policy/policy.h"
#include "quantize/apply/new_weights_file.h"

namespace vlaq::apply {

// SmoothQuant: divides gamma and beta of the LayerNormalization that makes a smoothed value by the factors, multiplies
// the rows of the weights that read it. Bias correction: adds to each bias what rounding the weight takes from the mean
// of its output. `statistics` may be null unless the plan needs them (Plan::NeedsStatistics). Errors: kInput naming the
// value: not made by a LayerNormalization, read by others than the plan names, without channel statistics; a smoothed
// weight that other operators read, too (a bias that others read is left as it is).
Result<WeightTransforms> Adjust(const numerics::Plan& plan, const numerics::ActivationStatistics* statistics,
                                const policy::Policy& policy, const rewrite::Graphs& graphs,
                                const rewrite::Sources& sources, onnx::WeightFiles& files, int threads);

}  // namespace vlaq::apply

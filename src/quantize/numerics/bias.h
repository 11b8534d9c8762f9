// What rounding a weight takes from the mean of its output.
// Not aware of: graphs, where means come from. Stateless; any thread may call.
#pragma once

#include <span>
#include <vector>

#include "quantize/numerics/encode.h"

namespace vlaq::numerics {

// To be added to the bias [N]: mean^T (W - W') for W [K, N] and what is read back of it, W'. `mean`: of each of the K
// channels of the activation, as the weight meets it (divided by the factors where it is smoothed). Errors: kInput if
// there are not K of them, or W is no matrix.
Result<std::vector<float>> BiasCorrection(std::span<const float> mean, const Tensor& weight, const Encoded& encoded,
                                          const WeightChoice& choice);

}  // namespace vlaq::numerics

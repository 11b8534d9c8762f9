// Float weights to integer codes and scales.
//
// In scope: symmetric integer formats for one tensor, with what was lost. Not aware of: graphs, files, operators.
// Stateless; any thread may call.
#pragma once

#include "base/status.h"
#include "quantize/numerics/distortion.h"
#include "quantize/numerics/plan.h"
#include "tensor/tensor.h"

namespace vlaq::numerics {

struct Encoded {
  // int8 with the weight's shape, one code an element (also for kInt4: codes -8 to 7, not packed yet).
  Tensor codes;
  // float32: [] for kTensor, [extent of the axis] for kChannel, and for kBlock the weight's shape with the axis cut
  // down to ceil(extent / block).
  Tensor scales;
  int64_t dead = 0;  // scales whose values are all below kNegligible (mostly zeros); they are 1
  Distortion distortion;
};

// `weight`: float32, any rank for kTensor and kChannel, rank 2 for kBlock. `choice`: number kInt8 or kInt4, how scales
// are shared, kMinMax or kMse. kMinMax takes max|w| of each scale's elements; kMse that or a smaller range, for the
// least squared error (encode_scales.h). Codes are round-half-to-even of w / scale, clamped to -127..127 (int8) or
// -8..7 (int4). The result is the same for any number of threads and on any processor. Takes some 1.5 GB/s a core,
// kMse 1. Errors: kInput naming choice.name and the element if a value is NaN or infinite; kUsage for a number, range,
// axis or block that does not fit.
Result<Encoded> Encode(const Tensor& weight, const WeightChoice& choice, int threads = 1);

// Codes of kInt4, two a byte, the first in the low half; row-major over the whole tensor, an odd end filled with 0.
Tensor PackInt4(const Tensor& codes);
// com.microsoft MatMulNBits: codes [K, N] and scales [ceil(K / block), N] of a kBlock encoding along axis 0 ->
// B uint8 [N, ceil(K / block), block * bits / 8] with zero point 2^(bits - 1), and scales float32 [N, ceil(K / block)].
struct NBits {
  Tensor values;
  Tensor scales;
};
NBits PackNBits(const Encoded& encoded, NumericType number, int64_t block);

}  // namespace vlaq::numerics

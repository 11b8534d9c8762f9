// The numbers of a noise input: the only place where they are drawn.
#pragma once

#include "base/random.h"
#include "policy/policy.h"
#include "runtime/reused_tensor.h"
#include "tensor/tensor.h"

namespace vlaq::runtime {

// Where noise is drawn; one a noise input.
struct DrawnNoise {
  ReusedTensor floats, converted;
};

// Noise of `kind`, drawn in float32; of another type, to which float32 converts, it is rounded. Uniform noise is in
// [0, 1) in any type. Returns what of `room` holds it.
const ReusedTensor& DrawNoise(policy::NoiseKind kind, DType dtype, const Shape& shape, const Random& random,
                              DrawnNoise& room);

}  // namespace vlaq::runtime

// The two inner loops of resizing, in plain C++ and for AVX2. Both give the same bits; BestKernels() looks at the CPU.
#pragma once

#include <cstdint>
#include <vector>

#include "image/resize.h"

namespace vlaq::image {

// Weights are scaled by 2^kPrecisionBits: 32 bits less 8 for the pixel and 2 for overshoot.
inline constexpr int kPrecisionBits = 32 - 8 - 2;

struct Kernels {
  // One row of RGB pixels to axis.out pixels. May read one byte past the last pixel of `row`.
  void (*horizontal)(const AxisWeights& axis, const uint8_t* row, uint8_t* out);
  // One output row of `bytes` bytes: `count` rows that start at `rows` and lie `bytes` apart, weighted.
  void (*vertical)(const int32_t* weights, int count, const uint8_t* rows, int bytes, uint8_t* out);
};

const Kernels& PlainKernels();
const Kernels& BestKernels();

}  // namespace vlaq::image

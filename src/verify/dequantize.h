// ONNX's rules for quantized numbers, the slow and obvious way. Private to this module; shares no code with the writers
// of quantized graphs. Pure functions.
#pragma once

#include <optional>

#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::verify {

// DequantizeLinear. `codes`: 8-bit or packed 4-bit integers of any shape. `scales`: float, one number, or [extent]
// along `axis`, or with `block` > 0 the shape of the codes with the axis cut into blocks. `zeros`: of the codes' type
// and the scales' shape, or nullptr. Errors: kInput where these do not fit.
Result<Tensor> Dequantize(const Tensor& codes, const Tensor& scales, const Tensor* zeros, int64_t axis, int64_t block);

// QuantizeLinear of float32 values to int8 or uint8, whichever `zeros` is (uint8 without).
Result<Tensor> Quantize(const Tensor& values, const Tensor& scales, const Tensor* zeros, int64_t axis);

// The weight [K, N] of a com.microsoft MatMulNBits: `values` uint8 [N, blocks, block bits / 8], `scales` [N, blocks] or
// flat, `zeros` packed like the values along the blocks, or nullptr for 2^(bits - 1).
Result<Tensor> UnpackNBits(const Tensor& values, const Tensor& scales, const Tensor* zeros, int64_t k, int64_t n,
                           int64_t bits, int64_t block);

// [d, n, m] -> [d, m, n], float32.
Tensor SwapLastTwo(const Tensor& values);

}  // namespace vlaq::verify

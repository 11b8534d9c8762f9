// Conversions between element types, to and from float32.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq {

// IEEE binary16 and bfloat16 as bit patterns; rounding is to nearest, ties to even, NaN stays NaN.
float HalfToFloat(uint16_t half);
uint16_t FloatToHalf(float value);
float BFloat16ToFloat(uint16_t bits);
uint16_t FloatToBFloat16(float value);
// One byte of any of the 8-bit float types (OCP FP8, and the FNUZ and E8M0 variants). `dtype` must be one of them.
float Float8ToFloat(uint8_t bits, DType dtype);

// True if Convert can read / write the type: all floats of 8 bits or more, bool and integers as source; float32,
// float16, bfloat16 and float64 as target.
bool IsConvertible(DType from, DType to);

struct ConversionReport {
  int64_t overflowed = 0;  // finite values that became infinite
  int64_t flushed = 0;     // non-zero values that became zero
};

// Converts packed elements. `to` must have room for exactly as many elements as `from` holds, and IsConvertible must
// hold. Widening float conversions are exact.
ConversionReport Convert(DType from_dtype, Bytes from, DType to_dtype, MutableBytes to);

// A new tensor of float32 (or the same tensor if it already is). Errors: kInput for types that have no float value.
Result<Tensor> ToFloat32(const Tensor& tensor);

}  // namespace vlaq

#include "tensor/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace vlaq {

float HalfToFloat(uint16_t half) {
  const uint32_t sign = (half & 0x8000U) << 16U;
  const uint32_t exponent = (half >> 10U) & 0x1FU;
  const uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t wide_exponent = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | (wide_exponent << 23U) | (mantissa << 13U));
}

uint16_t FloatToHalf(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16U) & 0x8000U;
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<uint16_t>(sign | 0x7E00U | ((magnitude >> 13U) & 0x3FFU));  // NaN
  if (magnitude >= 0x477FF000U) return static_cast<uint16_t>(sign | 0x7C00U);  // rounds to 65536 or more
  if (magnitude < 0x38800000U) {
    // Subnormal result: adding 0.5 puts the 2^-24 digit at the end of the significand, so the FPU does the rounding.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000U));
  }
  const uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13U) & 1U);  // ties to even
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000U) >> 13U));
}

float BFloat16ToFloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16U); }

uint16_t FloatToBFloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<uint16_t>((bits >> 16U) | 0x40U);  // keep NaN quiet
  return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

namespace {

// Exponent/mantissa layout of an 8-bit float type with a sign bit.
struct Float8Layout {
  uint32_t mantissa_bits;
  int bias;
  bool finite_only;    // FN/FNUZ: no infinities
  bool unsigned_zero;  // FNUZ: 0x80 is the one NaN
};

float DecodeFloat8(uint8_t bits, Float8Layout layout) {
  const uint32_t mantissa_mask = (1U << layout.mantissa_bits) - 1;
  const uint32_t exponent_mask = 0x7FU >> layout.mantissa_bits;
  const uint32_t mantissa = bits & mantissa_mask;
  const uint32_t exponent = (bits >> layout.mantissa_bits) & exponent_mask;
  const float sign = (bits & 0x80U) != 0 ? -1.0F : 1.0F;
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  if (layout.unsigned_zero) {
    if (bits == 0x80) return kNaN;
  } else if (layout.finite_only) {
    if ((bits & 0x7FU) == 0x7F) return kNaN;
  } else if (exponent == exponent_mask) {
    return mantissa == 0 ? sign * std::numeric_limits<float>::infinity() : kNaN;
  }
  const int m = static_cast<int>(layout.mantissa_bits);
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), 1 - layout.bias - m);
  return sign *
         std::ldexp(static_cast<float>(mantissa + mantissa_mask + 1), static_cast<int>(exponent) - layout.bias - m);
}

}  // namespace

float Float8ToFloat(uint8_t bits, DType dtype) {
  if (dtype == DType::kF8E4M3FN) return DecodeFloat8(bits, {3, 7, true, false});
  if (dtype == DType::kF8E5M2) return DecodeFloat8(bits, {2, 15, false, false});
  if (dtype == DType::kF8E4M3FNUZ) return DecodeFloat8(bits, {3, 8, true, true});
  if (dtype == DType::kF8E5M2FNUZ) return DecodeFloat8(bits, {2, 16, true, true});
  assert(dtype == DType::kF8E8M0FNU);
  if (bits == 0xFF) return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(1.0F, static_cast<int>(bits) - 127);
}

namespace {

bool IsFloat8(DType dtype) { return IsFloat(dtype) && DTypeBits(dtype) == 8; }

using ByteTable = std::array<float, 256>;

ByteTable MakeFloat8Table(DType dtype) {
  ByteTable table{};
  for (size_t i = 0; i < table.size(); ++i) table[i] = Float8ToFloat(static_cast<uint8_t>(i), dtype);
  return table;
}

// Calls store(i, value of element i as double).
template <typename Store>
void ForEachValue(DType dtype, Bytes from, Store store) {
  const size_t count = from.size() * 8 / DTypeBits(dtype);
  const auto each = [&](auto element, auto convert) {
    using Element = decltype(element);
    for (size_t i = 0; i < count; ++i) store(i, convert(LoadLittle<Element>(from, i * sizeof(Element))));
  };
  const auto plain = [](auto x) { return x; };
  switch (dtype) {
    case DType::kBool:
    case DType::kU8:
      return each(uint8_t{}, plain);
    case DType::kI8:
      return each(int8_t{}, plain);
    case DType::kU16:
      return each(uint16_t{}, plain);
    case DType::kI16:
      return each(int16_t{}, plain);
    case DType::kU32:
      return each(uint32_t{}, plain);
    case DType::kI32:
      return each(int32_t{}, plain);
    case DType::kU64:
      return each(uint64_t{}, plain);
    case DType::kI64:
      return each(int64_t{}, plain);
    case DType::kF16:
      return each(uint16_t{}, HalfToFloat);
    case DType::kBF16:
      return each(uint16_t{}, BFloat16ToFloat);
    case DType::kF32:
      return each(float{}, plain);
    case DType::kF64:
      return each(double{}, plain);
    case DType::kF8E4M3FN:
    case DType::kF8E5M2:
    case DType::kF8E4M3FNUZ:
    case DType::kF8E5M2FNUZ:
    case DType::kF8E8M0FNU: {
      const ByteTable table = MakeFloat8Table(dtype);
      return each(uint8_t{}, [&](uint8_t byte) { return table[byte]; });
    }
    case DType::kU4:
    case DType::kI4:
    case DType::kF6E2M3FN:
    case DType::kF6E3M2FN:
    case DType::kF4E2M1FN:
    case DType::kC64:
    case DType::kC128:
      assert(false && "see IsConvertible");
      return;
  }
}

template <typename T>
void StoreAs(MutableBytes to, size_t i, T value) {
  std::memcpy(to.data() + i * sizeof(T), &value, sizeof(T));
}

}  // namespace

bool IsConvertible(DType from, DType to) {
  const bool to_known = to == DType::kF32 || to == DType::kF16 || to == DType::kBF16 || to == DType::kF64;
  const bool from_known = from != DType::kC64 && from != DType::kC128 && DTypeBits(from) >= 8;
  return to_known && from_known;
}

ConversionReport Convert(DType from_dtype, Bytes from, DType to_dtype, MutableBytes to) {
  assert(IsConvertible(from_dtype, to_dtype));
  ConversionReport report;
  if (from_dtype == to_dtype) {
    std::copy(from.begin(), from.end(), to.begin());
    return report;
  }
  if (to_dtype == DType::kF32 && (IsFloat8(from_dtype) || DTypeBits(from_dtype) == 16)) {  // exact, nothing to count
    ForEachValue(from_dtype, from, [&](size_t i, auto value) { StoreAs(to, i, static_cast<float>(value)); });
    return report;
  }
  const auto narrow = [&](auto value, float back) {
    const auto wide = static_cast<double>(value);
    if (std::isfinite(wide) && !std::isfinite(back)) ++report.overflowed;
    if (wide != 0 && back == 0) ++report.flushed;
  };
  ForEachValue(from_dtype, from, [&](size_t i, auto value) {
    if (to_dtype == DType::kF64) return StoreAs(to, i, static_cast<double>(value));
    const auto single = static_cast<float>(value);
    float back = single;
    if (to_dtype == DType::kF32) {
      StoreAs(to, i, single);
    } else {
      const bool half = to_dtype == DType::kF16;
      const uint16_t bits = half ? FloatToHalf(single) : FloatToBFloat16(single);
      back = half ? HalfToFloat(bits) : BFloat16ToFloat(bits);
      StoreAs(to, i, bits);
    }
    narrow(value, back);
  });
  return report;
}

Result<Tensor> ToFloat32(const Tensor& tensor) {
  if (tensor.dtype() == DType::kF32) return tensor;
  if (!IsConvertible(tensor.dtype(), DType::kF32)) {
    return InputError("", fmt::format("{} values cannot be converted to float32", DTypeName(tensor.dtype())));
  }
  Tensor out = Tensor::Make(DType::kF32, tensor.shape());
  Convert(tensor.dtype(), tensor.bytes(), DType::kF32, out.mutable_bytes());
  return out;
}

}  // namespace vlaq

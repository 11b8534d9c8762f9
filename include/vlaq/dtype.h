// Element types that checkpoints and graphs hold. Names are NumPy's and ml_dtypes' ("float32", "bfloat16").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vlaq {

enum class DType : uint8_t {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kU4,  // two a byte, the first in the low half
  kI4,
  kF8E4M3FN,
  kF8E5M2,
  kF8E4M3FNUZ,
  kF8E5M2FNUZ,
  kF8E8M0FNU,
  kF6E2M3FN,
  kF6E3M2FN,
  kF4E2M1FN,
  kF16,
  kBF16,
  kF32,
  kF64,
  kC64,
  kC128,
};

std::string_view DTypeName(DType dtype);
std::optional<DType> FindDType(std::string_view name);
// Width of one element; below 8 for packed types.
uint32_t DTypeBits(DType dtype);
// True for the real floating-point types of any width.
bool IsFloat(DType dtype);

// The DType of a C++ element type. Half-width floats travel as their own structs.
template <typename T>
inline constexpr DType kDTypeOf = DType::kBool;
template <>
inline constexpr DType kDTypeOf<uint8_t> = DType::kU8;
template <>
inline constexpr DType kDTypeOf<int8_t> = DType::kI8;
template <>
inline constexpr DType kDTypeOf<uint16_t> = DType::kU16;
template <>
inline constexpr DType kDTypeOf<int16_t> = DType::kI16;
template <>
inline constexpr DType kDTypeOf<uint32_t> = DType::kU32;
template <>
inline constexpr DType kDTypeOf<int32_t> = DType::kI32;
template <>
inline constexpr DType kDTypeOf<uint64_t> = DType::kU64;
template <>
inline constexpr DType kDTypeOf<int64_t> = DType::kI64;
template <>
inline constexpr DType kDTypeOf<float> = DType::kF32;
template <>
inline constexpr DType kDTypeOf<double> = DType::kF64;

}  // namespace vlaq

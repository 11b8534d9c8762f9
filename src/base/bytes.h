// Raw bytes: views, little-endian loads and stores, overflow-checked size arithmetic.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "vlaq/bytes.h"

namespace vlaq {

static_assert(std::endian::native == std::endian::little, "vlaq maps little-endian files straight into memory");

inline Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view AsText(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Reads a little-endian value at `offset`; the caller has checked that it lies inside.
template <typename T>
requires std::is_trivially_copyable_v<T> T LoadLittle(Bytes bytes, size_t offset = 0) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Overflow-checked arithmetic on sizes that come out of files: nullopt instead of a wrapped number.
template <std::integral T>
std::optional<T> CheckedAdd(T a, T b) {
  T r;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}
template <std::integral T>
std::optional<T> CheckedMul(T a, T b) {
  T r;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}

}  // namespace vlaq

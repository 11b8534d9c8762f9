// Rearranging elements without looking at their values.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace vlaq {

// out[c][r] = in[r][c] for a packed [rows, columns] matrix of `item` byte elements (1, 2, 4, 8 or 16). Works in blocks
// that fit the cache. `out` must be as long as `in` and not overlap it.
void Transpose(Bytes in, int64_t rows, int64_t columns, size_t item, MutableBytes out);

// Copies a strided view (strides in elements, storage starting at in[0] + offset elements) to packed row-major order.
// The caller has checked that every element lies inside `in` and that `out` has exactly the packed size.
struct StridedView {
  std::span<const int64_t> shape;
  std::span<const int64_t> strides;
  int64_t offset = 0;
};
void Pack(Bytes in, const StridedView& view, size_t item, MutableBytes out);

}  // namespace vlaq

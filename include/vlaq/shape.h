// Shapes: row-major extents, outermost first. All arithmetic is overflow-checked, since shapes come out of files.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vlaq/dtype.h"

namespace vlaq {

using Shape = std::vector<int64_t>;

// Product of the extents (1 for rank 0); nullopt if one is negative or the product overflows.
std::optional<int64_t> ElementCount(std::span<const int64_t> shape);
// Bytes of a packed row-major tensor. An odd number of kI4 or kU4 ends in a half-filled byte, as in ONNX. nullopt on
// overflow, or if other sub-byte elements do not fill whole bytes.
std::optional<uint64_t> ByteCount(DType dtype, std::span<const int64_t> shape);
// Strides in elements of a packed row-major tensor.
Shape RowMajorStrides(std::span<const int64_t> shape);
// "[2, 3]"
std::string ShapeText(std::span<const int64_t> shape);

}  // namespace vlaq

#include "tensor/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"

namespace vlaq {

std::optional<int64_t> ElementCount(std::span<const int64_t> shape) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
      continue;
    }
    const auto next = CheckedMul(count, extent);
    if (!next) return std::nullopt;
    count = *next;
  }
  return empty ? 0 : count;
}

std::optional<uint64_t> ByteCount(DType dtype, std::span<const int64_t> shape) {
  const auto count = ElementCount(shape);
  if (!count) return std::nullopt;
  if (dtype == DType::kI4 || dtype == DType::kU4)
    return static_cast<uint64_t>(*count) / 2 + static_cast<uint64_t>(*count) % 2;
  const auto bits = CheckedMul<uint64_t>(static_cast<uint64_t>(*count), DTypeBits(dtype));
  if (!bits || *bits % 8 != 0) return std::nullopt;
  return *bits / 8;
}

Shape RowMajorStrides(std::span<const int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * (shape[i] == 0 ? 1 : shape[i]);
  return strides;
}

std::string ShapeText(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace vlaq

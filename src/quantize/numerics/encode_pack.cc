#include <algorithm>
#include <vector>

#include "quantize/numerics/encode.h"

namespace vlaq::numerics {
namespace {

constexpr size_t kColumnsAtOnce = 64;  // of codes: a line of the cache

// Columns [begin, end), at most kColumnsAtOnce, of one block: codes as they lie in memory, rows of `columns`, to
// `bytes` for each column in `packed`. Rows that the last block lacks are zeros.
struct Packer {
  std::span<const int8_t> codes;
  size_t rows, columns, block, bytes;
  std::vector<uint8_t> packed = std::vector<uint8_t>(kColumnsAtOnce * bytes);

  // The code at a place, plus `zero`.
  uint8_t Code(size_t row, size_t column, int zero) const {
    return static_cast<uint8_t>((row < rows ? codes[row * columns + column] : 0) + zero);
  }
  void Pack8(size_t first_row, size_t begin, size_t end) {
    for (size_t i = 0; i < block; ++i) {
      for (size_t j = begin; j < end; ++j) packed[(j - begin) * bytes + i] = Code(first_row + i, j, 128);
    }
  }
  void Pack4(size_t first_row, size_t begin, size_t end) {
    for (size_t i = 0; i < block; i += 2) {
      for (size_t j = begin; j < end; ++j) {
        const unsigned high = i + 1 < block ? Code(first_row + i + 1, j, 8) : 0;
        packed[(j - begin) * bytes + i / 2] = static_cast<uint8_t>(Code(first_row + i, j, 8) | high << 4U);
      }
    }
  }
};

}  // namespace

Tensor PackInt4(const Tensor& codes) {
  const auto from = codes.data<int8_t>();
  Tensor packed = Tensor::Make(DType::kI4, codes.shape());
  const auto to = packed.mutable_bytes();
  const auto half = [&](size_t i) { return static_cast<unsigned>(from[i]) & 15U; };
  for (size_t i = 0; i < from.size() / 2; ++i) to[i] = static_cast<std::byte>(half(2 * i) | half(2 * i + 1) << 4U);
  if (from.size() % 2 != 0) to[from.size() / 2] = static_cast<std::byte>(half(from.size() - 1));
  return packed;
}

NBits PackNBits(const Encoded& encoded, NumericType number, int64_t block) {
  const auto rows = static_cast<size_t>(encoded.codes.shape()[0]);
  const auto columns = static_cast<size_t>(encoded.codes.shape()[1]);
  const auto width = static_cast<size_t>(block);
  const size_t blocks = (rows + width - 1) / width;
  const size_t bytes = width * static_cast<size_t>(BitsOf(number)) / 8;
  const auto extent = [](size_t value) { return static_cast<int64_t>(value); };
  NBits result{Tensor::Make(DType::kU8, {extent(columns), extent(blocks), extent(bytes)}),
               Tensor::Make(DType::kF32, {extent(columns), extent(blocks)})};
  const auto scales = encoded.scales.data<float>();
  const auto packed_scales = result.scales.mutable_data<float>();
  const auto values = result.values.mutable_data<uint8_t>();
  Packer packer{encoded.codes.data<int8_t>(), rows, columns, width, bytes};
  for (size_t begin = 0; begin < columns; begin += kColumnsAtOnce) {
    const size_t end = std::min(columns, begin + kColumnsAtOnce);
    for (size_t b = 0; b < blocks; ++b) {
      if (number == NumericType::kInt4) {
        packer.Pack4(b * width, begin, end);
      } else {
        packer.Pack8(b * width, begin, end);
      }
      for (size_t j = begin; j < end; ++j) {
        packed_scales[j * blocks + b] = scales[b * columns + j];
        std::copy_n(packer.packed.data() + (j - begin) * bytes, bytes, values.data() + (j * blocks + b) * bytes);
      }
    }
  }
  return result;
}

}  // namespace vlaq::numerics

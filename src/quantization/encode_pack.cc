#include <algorithm>
#include <array>

#include "quantization/encode.h"

namespace vlaq::quantization {
namespace {

constexpr size_t kColumnsAtOnce = 64;  // of codes: a line of the cache

// Where one column's part of one block goes.
struct Packer {
  std::span<const int8_t> codes;
  std::span<uint8_t> values;
  size_t rows, columns, blocks, block, bytes;

  uint8_t* At(size_t column, size_t b) const { return values.data() + (column * blocks + b) * bytes; }

  // Columns from `begin` on, at most kColumnsAtOnce, of block `b`: row after row as they lie in memory. Rows that the
  // last block lacks are zeros.
  void Pack8(size_t b, size_t begin, size_t end) const {
    for (size_t i = 0; i < block; ++i) {
      const size_t row = b * block + i;
      const int8_t* from = codes.data() + row * columns;
      for (size_t j = begin; j < end; ++j) {
        At(j, b)[i] = static_cast<uint8_t>((row < rows ? from[j] : 0) + 128);
      }
    }
  }
  void Pack4(size_t b, size_t begin, size_t end) const {
    std::array<uint8_t, kColumnsAtOnce> low{};
    for (size_t i = 0; i < block; ++i) {
      const size_t row = b * block + i;
      const int8_t* from = codes.data() + row * columns;
      for (size_t j = begin; j < end; ++j) {
        const auto code = static_cast<uint8_t>((row < rows ? from[j] : 0) + 8);
        if (i % 2 == 0) {
          low[j - begin] = code;
        } else {
          At(j, b)[i / 2] = static_cast<uint8_t>(low[j - begin] | code << 4U);
        }
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

NBits PackNBits(const Encoded& encoded, Number number, int64_t block) {
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
  const Packer packer{
      encoded.codes.data<int8_t>(), result.values.mutable_data<uint8_t>(), rows, columns, blocks, width, bytes};
  for (size_t begin = 0; begin < columns; begin += kColumnsAtOnce) {
    const size_t end = std::min(columns, begin + kColumnsAtOnce);
    for (size_t b = 0; b < blocks; ++b) {
      for (size_t j = begin; j < end; ++j) packed_scales[j * blocks + b] = scales[b * columns + j];
      if (number == Number::kInt4) {
        packer.Pack4(b, begin, end);
      } else {
        packer.Pack8(b, begin, end);
      }
    }
  }
  return result;
}

}  // namespace vlaq::quantization

#include "tensor/layout.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <vector>

namespace vlaq {
namespace {

template <size_t kItem>
void TransposeItems(const std::byte* in, int64_t rows, int64_t columns, std::byte* out) {
  using Item = std::array<std::byte, kItem>;
  constexpr int64_t kBlock = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
    const int64_t r1 = std::min(rows, r0 + kBlock);
    for (int64_t c0 = 0; c0 < columns; c0 += kBlock) {
      const int64_t c1 = std::min(columns, c0 + kBlock);
      for (int64_t c = c0; c < c1; ++c) {
        for (int64_t r = r0; r < r1; ++r) {
          std::memcpy(out + static_cast<size_t>(c * rows + r) * kItem,
                      in + static_cast<size_t>(r * columns + c) * kItem, sizeof(Item));
        }
      }
    }
  }
}

}  // namespace

void Transpose(Bytes in, int64_t rows, int64_t columns, size_t item, MutableBytes out) {
  assert(in.size() == out.size() && in.size() == static_cast<size_t>(rows * columns) * item);
  switch (item) {
    case 1:
      return TransposeItems<1>(in.data(), rows, columns, out.data());
    case 2:
      return TransposeItems<2>(in.data(), rows, columns, out.data());
    case 4:
      return TransposeItems<4>(in.data(), rows, columns, out.data());
    case 8:
      return TransposeItems<8>(in.data(), rows, columns, out.data());
    case 16:
      return TransposeItems<16>(in.data(), rows, columns, out.data());
    default:
      assert(false && "item size");
      return;
  }
}

void Pack(Bytes in, const StridedView& view, size_t item, MutableBytes out) {
  if (out.empty()) return;
  const size_t rank = view.shape.size();
  // The innermost run that is contiguous is copied in one piece.
  size_t inner = rank;
  int64_t run = 1;
  while (inner > 0 && (view.shape[inner - 1] == 1 || view.strides[inner - 1] == run)) run *= view.shape[--inner];
  std::vector<int64_t> index(inner, 0);
  int64_t at = view.offset;
  std::byte* to = out.data();
  const size_t run_bytes = static_cast<size_t>(run) * item;
  for (;;) {
    std::memcpy(to, in.data() + static_cast<size_t>(at) * item, run_bytes);
    to += run_bytes;
    size_t axis = inner;
    while (axis > 0) {
      --axis;
      at += view.strides[axis];
      if (++index[axis] < view.shape[axis]) break;
      at -= view.strides[axis] * view.shape[axis];
      index[axis] = 0;
      if (axis == 0) return;
    }
    if (inner == 0) return;
  }
}

}  // namespace vlaq

#include "tensor/tensor.h"

#include <cstdlib>
#include <new>

namespace vlaq {
namespace {
constexpr size_t kAlignment = 64;
}

Tensor Tensor::Make(DType dtype, Shape shape) {
  const auto bytes = ByteCount(dtype, shape);
  assert(bytes);
  const size_t padded = (static_cast<size_t>(*bytes) + kAlignment) / kAlignment * kAlignment;
  auto* data = static_cast<std::byte*>(::operator new (padded, std::align_val_t{kAlignment}));
  std::memset(data, 0, padded);
  std::shared_ptr<const void> owner(data, [](std::byte* p) { ::operator delete (p, std::align_val_t{kAlignment}); });
  Tensor tensor = View(dtype, std::move(shape), {data, static_cast<size_t>(*bytes)}, std::move(owner));
  tensor.owned_ = true;
  return tensor;
}

Tensor Tensor::View(DType dtype, Shape shape, Bytes bytes, std::shared_ptr<const void> owner) {
  Tensor tensor;
  const auto count = ElementCount(shape);
  assert(count && ByteCount(dtype, shape) == bytes.size());
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.size_ = *count;
  tensor.bytes_ = bytes;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::Reshaped(Shape shape) const {
  assert(ElementCount(shape) == size_);
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

}  // namespace vlaq

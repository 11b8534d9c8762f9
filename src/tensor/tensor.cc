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

void Tensor::Assign(DType dtype, std::span<const int64_t> shape, Bytes bytes, std::shared_ptr<const void> owner) {
  const auto count = ElementCount(shape);
  assert(count && ByteCount(dtype, shape) == bytes.size());
  dtype_ = dtype;
  shape_.assign(shape.begin(), shape.end());
  size_ = *count;
  bytes_ = bytes;
  owner_ = std::move(owner);
  owned_ = false;
}

Tensor Tensor::Row(int64_t index) const {
  assert(!shape_.empty() && index >= 0 && index < shape_.front());
  const size_t row_bytes = bytes_.size() / static_cast<size_t>(shape_.front());
  return View(dtype_, Shape(shape_.begin() + 1, shape_.end()),
              bytes_.subspan(static_cast<size_t>(index) * row_bytes, row_bytes), owner_);
}

Tensor Tensor::Reshaped(Shape shape) const {
  assert(ElementCount(shape) == size_);
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

}  // namespace vlaq

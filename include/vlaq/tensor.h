// A dense row-major tensor: dtype, shape and bytes that it owns or that something else keeps alive (a mapped file).
// Copies are cheap and share the bytes. Bytes are written only while one owner fills them (mutable_bytes); after that a
// Tensor is a value that any thread may read.
#pragma once

#include <cassert>
#include <cstring>
#include <memory>
#include <span>

#include "vlaq/bytes.h"
#include "vlaq/dtype.h"
#include "vlaq/shape.h"

namespace vlaq {

class Tensor {
 public:
  // float32 with shape [0].
  Tensor() = default;

  // New zeroed bytes, aligned to 64. `shape` must have a valid byte count (ByteCount); sizes from files are checked
  // before they come here.
  static Tensor Make(DType dtype, Shape shape);
  // Bytes that `owner` keeps alive. `bytes` must be exactly ByteCount(dtype, shape) long and aligned for the dtype
  // if typed access (data<T>) is wanted.
  static Tensor View(DType dtype, Shape shape, Bytes bytes, std::shared_ptr<const void> owner);
  template <typename T>
  static Tensor From(Shape shape, std::span<const T> values) {
    Tensor tensor = Make(kDTypeOf<T>, std::move(shape));
    assert(values.size_bytes() == tensor.bytes().size());
    if (!values.empty()) std::memcpy(tensor.mutable_bytes().data(), values.data(), values.size_bytes());
    return tensor;
  }
  template <typename T>
  static Tensor Scalar(T value) {
    return From<T>({}, std::span<const T>(&value, 1));
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  // Number of elements.
  int64_t size() const { return size_; }
  Bytes bytes() const { return bytes_; }
  // Only for tensors made by Make() or From().
  MutableBytes mutable_bytes() {
    assert(owned_);
    return {const_cast<std::byte*>(bytes_.data()), bytes_.size()};
  }

  // Elements as T; the dtype must be T's (bool counts as uint8_t).
  template <typename T>
  std::span<const T> data() const {
    assert(Holds<T>());
    return {reinterpret_cast<const T*>(bytes_.data()), static_cast<size_t>(size_)};
  }
  template <typename T>
  std::span<T> mutable_data() {
    assert(Holds<T>() && owned_);
    return {const_cast<T*>(reinterpret_cast<const T*>(bytes_.data())), static_cast<size_t>(size_)};
  }

  // The same bytes under another shape with the same number of elements.
  Tensor Reshaped(Shape shape) const;
  // Row `index` of the outermost axis, that axis gone: [n, a, b] -> [a, b]. It shares the bytes. Only of whole bytes a
  // row, and 0 <= index < n.
  Tensor Row(int64_t index) const;
  // Becomes View(dtype, shape, bytes, owner), without asking for memory where it has had as high a rank before. `shape`
  // must not be its own.
  void Assign(DType dtype, std::span<const int64_t> shape, Bytes bytes, std::shared_ptr<const void> owner);
  // What keeps the bytes alive.
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  template <typename T>
  bool Holds() const {
    return dtype_ == kDTypeOf<T> || (dtype_ == DType::kBool && sizeof(T) == 1);
  }

  DType dtype_ = DType::kF32;
  Shape shape_ = {0};
  int64_t size_ = 0;
  Bytes bytes_;
  std::shared_ptr<const void> owner_;
  bool owned_ = false;  // made by Make(): may be filled
};

}  // namespace vlaq

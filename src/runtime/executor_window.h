// The newest values of one name, kept side by side so that all of them together are a tensor without being copied:
// pieces are appended to a block, and the window is a view of the block's end. Private to the executor.
//
// A view never changes: bytes that somebody may still see are not written again, a new block is taken instead. While
// nobody keeps windows, nothing is allocated after the first block. One thread at a time.
#pragma once

#include <memory>

#include "base/status.h"
#include "runtime/reused_tensor.h"
#include "tensor/tensor.h"

namespace vlaq::runtime {

class SlidingWindow {
 public:
  // `length`: at least 1.
  explicit SlidingWindow(int64_t length) : length_(static_cast<size_t>(length)) {}

  // `value` [1, a, b] after those that are kept: `window` is [1, n, a, b], n at most the length. It is kept itself only
  // after Keep(); until then another value may come in its place. Errors: kInput without a place for a value without
  // batch axis, for packed types, and for one of another type or shape than those that are kept.
  Status With(const Tensor& value, Tensor& window);
  void Keep();
  // Takes back what came after the last Keep().
  void Discard() { pending_ = false; }
  // Forgets everything.
  void Clear();

 private:
  Status Fits(const Tensor& value) const;
  void Adopt(const Tensor& value);
  void MakeRoom();

  size_t length_;
  Shape shape_;           // room for a window's
  ReusedTensor aligned_;  // of pieces of which not each begins where kernels like it
  DType dtype_ = DType::kF32;
  Shape piece_;             // [1, a, b] of each piece
  size_t piece_bytes_ = 0;  // of each piece
  std::shared_ptr<Tensor> block_;
  size_t capacity_ = 0;  // of the block, in pieces
  size_t begin_ = 0;     // of the pieces that are kept, in pieces
  size_t count_ = 0;     // of them
  size_t written_ = 0;   // pieces of the block that somebody may have seen
  bool pending_ = false;
};

}  // namespace vlaq::runtime

#include "runtime/executor_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace vlaq::runtime {
namespace {

// Where a tensor begins decides which elements some kernels take first, and with that the last bits of sums: a window
// must begin alike at every step.
constexpr size_t kWindowAlignment = 64;

}  // namespace

Status SlidingWindow::Fits(const Tensor& value) const {
  const Shape& shape = value.shape();
  if (shape.empty() || shape[0] != 1) {
    return InputError("", fmt::format("has the shape {}, without a batch axis of 1 in front", ShapeText(shape)));
  }
  if (DTypeBits(value.dtype()) % 8 != 0) {
    return InputError("", fmt::format("is {}, of which no window can be made", DTypeName(value.dtype())));
  }
  if (count_ == 0 || (value.dtype() == dtype_ && shape == piece_)) return {};
  return InputError("", fmt::format("is {} {}, and those before it are {} {}", DTypeName(value.dtype()),
                                    ShapeText(shape), DTypeName(dtype_), ShapeText(piece_)));
}

void SlidingWindow::Adopt(const Tensor& value) {
  if (value.bytes().size() != piece_bytes_) block_.reset();
  dtype_ = value.dtype();
  piece_ = value.shape();
  piece_bytes_ = value.bytes().size();
}

// So that one piece after those that are kept may be written. All of these stay, also the one that the window is about
// to lose: the step may yet fail.
void SlidingWindow::MakeRoom() {
  const bool seen = block_ != nullptr && block_.use_count() > 1;
  const size_t at = begin_ + count_;
  if (block_ != nullptr && at < capacity_ && (at >= written_ || !seen)) return;
  const Bytes kept =
      block_ == nullptr ? Bytes() : block_->bytes().subspan(begin_ * piece_bytes_, count_ * piece_bytes_);
  if (block_ != nullptr && !seen) {
    std::memmove(block_->mutable_bytes().data(), kept.data(), kept.size());
  } else {
    capacity_ = 2 * length_ + 1;
    auto block = std::make_shared<Tensor>(
        Tensor::Make(DType::kU8, {static_cast<int64_t>(capacity_ * std::max<size_t>(piece_bytes_, 1))}));
    if (!kept.empty()) std::memcpy(block->mutable_bytes().data(), kept.data(), kept.size());
    block_ = std::move(block);
  }
  begin_ = 0;
  written_ = count_;
}

Status SlidingWindow::With(const Tensor& value, Tensor& window) {
  VLAQ_RETURN_IF_ERROR(Fits(value));
  if (count_ == 0) Adopt(value);
  MakeRoom();
  const size_t at = begin_ + count_;
  if (piece_bytes_ > 0) {
    std::memcpy(block_->mutable_bytes().data() + at * piece_bytes_, value.bytes().data(), piece_bytes_);
  }
  written_ = std::max(written_, at + 1);
  pending_ = true;
  const size_t count = std::min(count_ + 1, length_);
  shape_.assign({1, static_cast<int64_t>(count)});
  shape_.insert(shape_.end(), piece_.begin() + 1, piece_.end());
  const Bytes bytes = block_->bytes().subspan((at + 1 - count) * piece_bytes_, count * piece_bytes_);
  if (piece_bytes_ % kWindowAlignment == 0) {
    window.Assign(dtype_, shape_, bytes, block_);
  } else {
    std::copy(bytes.begin(), bytes.end(), aligned_.Take(dtype_, shape_).mutable_bytes().begin());
    aligned_.ShareAs(window);
  }
  return {};
}

void SlidingWindow::Keep() {
  if (!pending_) return;
  pending_ = false;
  if (count_ < length_) {
    ++count_;
  } else {
    ++begin_;
  }
}

void SlidingWindow::Clear() {
  pending_ = false;
  begin_ = 0;
  count_ = 0;
}

}  // namespace vlaq::runtime

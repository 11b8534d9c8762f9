// A tensor that is made anew at every step, in the memory of an earlier one that nobody holds any more. Private to
// runtime.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "tensor/tensor.h"

namespace vlaq::runtime {

// One thread at a time, and the values that it gave are released by the same thread.
class ReusedTensor {
 public:
  // To be filled: all elements, since what stands there may be an earlier one's.
  Tensor& Take(DType dtype, std::span<const int64_t> shape) {
    const auto is_free = [](const std::shared_ptr<Tensor>& one) { return one.use_count() <= 1; };
    const auto fits = [&](const std::shared_ptr<Tensor>& one) {
      return one != nullptr && is_free(one) && one->dtype() == dtype && std::ranges::equal(one->shape(), shape);
    };
    auto taken = std::find_if(tensors_.begin(), tensors_.end(), fits);
    if (taken == tensors_.end()) {
      taken = std::find_if(tensors_.begin(), tensors_.end(), is_free);
      if (taken == tensors_.end()) taken = tensors_.begin();
      *taken = std::make_shared<Tensor>(Tensor::Make(dtype, Shape(shape.begin(), shape.end())));
    }
    last_ = static_cast<size_t>(taken - tensors_.begin());
    return **taken;
  }
  // What Take() gave, as a value.
  Tensor Shared() const {
    const std::shared_ptr<Tensor>& tensor = tensors_[last_];
    return Tensor::View(tensor->dtype(), tensor->shape(), tensor->bytes(), tensor);
  }
  void ShareAs(Tensor& value) const {
    const std::shared_ptr<Tensor>& tensor = tensors_[last_];
    value.Assign(tensor->dtype(), tensor->shape(), tensor->bytes(), tensor);
  }

 private:
  // Two, since a value may be carried to the step that makes the next one.
  std::array<std::shared_ptr<Tensor>, 2> tensors_;
  size_t last_ = 0;
};

}  // namespace vlaq::runtime

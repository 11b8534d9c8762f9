// Recognizes PyTorch's tensors among inert pickle values: which storage, from where, in what shape. Looks at nothing
// but the pickle; whether the storage's record exists is the pth reader's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "checkpoint/pickle_value.h"
#include "tensor/tensor.h"

namespace vlaq::checkpoint {

inline constexpr size_t kMaxRank = 8;

struct TorchTensor {
  DType dtype = DType::kF32;
  std::string_view storage_key;
  uint64_t storage_bytes = 0;
  int64_t offset = 0;  // elements
  Shape shape;
  Shape strides;  // elements; every element lies inside the storage
};

// True if the value is what one of PyTorch's rebuild functions would return, readable for us or not.
bool IsTensor(const PickleDocument& document, ValueId value);

// The tensor behind `value`, through nn.Parameter and subclass wrappers. `where` names it in errors. Errors: kInput for
// kinds that cannot be read (sparse, quantized, meta ...) and for shapes that are negative, overflow or leave their
// storage. `value` must satisfy IsTensor().
Result<TorchTensor> ReadTorchTensor(const PickleDocument& document, ValueId value, const std::string& where);

// True if the strides are those of a packed row-major tensor; extents of 1 may have any stride.
bool IsContiguous(const Shape& shape, const Shape& strides);

}  // namespace vlaq::checkpoint

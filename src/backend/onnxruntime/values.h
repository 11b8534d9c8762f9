// Tensors and ORT values, without copies where possible. Private to this module; may throw Ort::Exception.
#pragma once

#include <optional>

#include "backend/backend.h"
#include "backend/onnxruntime/ort.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::backend {

std::optional<DType> DTypeOf(ONNXTensorElementDataType type);
std::optional<ONNXTensorElementDataType> ElementTypeOf(DType dtype);

// A value over the tensor's bytes; `tensor` must outlive it. Errors: kUsage for types that ORT does not have.
Result<Ort::Value> BorrowedValue(const Tensor& tensor);
// A tensor that owns the value. Errors: kBackend for values that are no tensors of a known type.
Result<Tensor> OwningTensor(Ort::Value value);

// Errors: kBackend for a port that is no tensor of a known type.
Result<Port> DescribePort(const std::string& name, const Ort::TypeInfo& info);

}  // namespace vlaq::backend

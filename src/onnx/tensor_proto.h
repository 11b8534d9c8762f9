// TensorProto <-> Tensor and Initializer. Private to this module.
#pragma once

#include <onnx/onnx_pb.h>

#include <memory>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

// The elements of a tensor that keeps its data inline, as a view of raw_data that `owner` keeps alive where possible.
// Memory is only allocated for elements that are there. Errors: kInput without a place.
Result<Tensor> ReadTensor(const ::onnx::TensorProto& proto, const std::shared_ptr<const void>& owner);

// An initializer, external ones included (their location is checked, their range is not). Errors: kInput without a
// place.
Result<Initializer> ReadInitializer(const ::onnx::TensorProto& proto, const std::shared_ptr<const void>& owner);

// Errors: kInternal for a type that ONNX does not have.
Status WriteTensor(const Tensor& tensor, ::onnx::TensorProto& proto);
Status WriteInitializer(const Initializer& initializer, ::onnx::TensorProto& proto);

}  // namespace vlaq::onnx

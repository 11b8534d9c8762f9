// Which operators of ai.onnx a TensorRT version has, and for which element types of their data: NVIDIA's published
// table. Later versions of 10 are taken to have what 10.1 has. Pure; not aware of: restrictions (those are rules),
// plugins.
#pragma once

#include <string_view>

#include "target/tensorrt.h"
#include "tensor/dtype.h"

namespace vlaq::target {

bool HasOperator(std::string_view op_type, const TensorRt& version);
// The type stands in the operator's row, after INT64 became INT32 (where there is no INT64) and DOUBLE became FLOAT.
bool TakesType(std::string_view op_type, DType dtype, const TensorRt& version);
// A tensor of this type can exist at all.
bool KnowsType(DType dtype, const TensorRt& version);

}  // namespace vlaq::target

// Which operators of ai.onnx a TensorRT version has, and for which element types of their data: NVIDIA's published
// table. Later versions of 10 are taken to have what 10.1 has. Pure; not aware of: restrictions (those are rules),
// plugins.
#pragma once

#include <string_view>

#include "preflight/version.h"
#include "tensor/dtype.h"

namespace vlaq::preflight {

bool HasOperator(std::string_view op_type, const Version& version);
// The type stands in the operator's row, after INT64 became INT32 (8.6) and DOUBLE became FLOAT (both).
bool TakesType(std::string_view op_type, DType dtype, const Version& version);
// A tensor of this type can exist at all.
bool KnowsType(DType dtype, const Version& version);

}  // namespace vlaq::preflight

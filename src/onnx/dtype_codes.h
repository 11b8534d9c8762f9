// ONNX's numbers for element types (TensorProto.DataType, also what Cast's `to` means) against ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tensor/dtype.h"

namespace vlaq::onnx {

// nullopt for types that have no DType here (string, int4 ...).
std::optional<DType> DTypeOfCode(int32_t code);
// nullopt for types that ONNX does not have.
std::optional<int32_t> CodeOfDType(DType dtype);
// ONNX's own name of a code, "type 99" for one it does not know.
std::string CodeName(int32_t code);

}  // namespace vlaq::onnx

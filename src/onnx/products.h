// Multiply-accumulates of the operators that multiply matrices, by shapes (cost.cc). Private to this module: others ask
// CostOf.
#pragma once

#include "onnx/operator_catalog.h"

namespace vlaq::onnx {

using TypedShapes = std::span<const TypedShape>;

std::optional<int64_t> MatMulMacs(TypedShapes inputs, TypedShapes outputs);
std::optional<int64_t> ConvMacs(TypedShapes inputs, TypedShapes outputs);
std::optional<int64_t> TransposedConvMacs(TypedShapes inputs, TypedShapes outputs);
std::optional<int64_t> FourGateMacs(TypedShapes inputs, TypedShapes outputs);
std::optional<int64_t> ThreeGateMacs(TypedShapes inputs, TypedShapes outputs);
std::optional<int64_t> OneGateMacs(TypedShapes inputs, TypedShapes outputs);

}  // namespace vlaq::onnx

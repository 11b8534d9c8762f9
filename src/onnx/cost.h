// How many multiply-accumulates an operator does, and in which arithmetic: one table of the operators that multiply
// matrices, those of ONNX Runtime's fused ones included. All from types and shapes, so that it can be asked about what
// an engine says it ran as well as about a graph.
//
// In scope: operators where the time of a policy goes. Not aware of: element-wise work, graphs. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "tensor/typed_shape.h"

namespace vlaq::onnx {

// What is multiplied.
enum class Arithmetic {
  kFloat32,
  kHalf,        // float16 or bfloat16
  kInt8,        // both operands 8-bit integers
  kWeightOnly,  // small weights that the kernel widens itself, block by block (MatMulNBits)
};
std::string_view ArithmeticName(Arithmetic arithmetic);

struct Cost {
  // Absent: the shapes do not say (an engine that has packed a convolution's weight does not name its shape).
  std::optional<int64_t> macs;
  Arithmetic arithmetic = Arithmetic::kFloat32;
  // An 8-bit product of two signed operands, which x86-64 kernels of ONNX Runtime do slowly (ORT-02).
  bool both_signed = false;
};

// `inputs` and `outputs` in the operator's order; weights may be left out. nullopt: the operator multiplies no
// matrices.
std::optional<Cost> CostOf(std::string_view op_type, std::span<const TypedShape> inputs,
                           std::span<const TypedShape> outputs);

// True for an operator that by its name multiplies matrices but is not in the table: what it costs is not known.
bool IsUnknownProduct(std::string_view op_type);

}  // namespace vlaq::onnx

// Tensors as plain vectors of float64 or int64, and shape arithmetic that all operators share. Private to this module.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::backend {

// Elements of any real float type, integer or bool, exact except for integers beyond 2^53.
std::vector<double> ToDoubles(const Tensor& tensor);
// Elements of bool and integer types; uint64 wraps.
std::vector<int64_t> ToIntegers(const Tensor& tensor);
// Rounds to nearest, ties to even. `dtype` is float16, bfloat16, float32 or float64.
Tensor FromDoubles(DType dtype, Shape shape, std::span<const double> values);
// Keeps the low bits, as the C types do; bool becomes 0 or 1.
Tensor FromIntegers(DType dtype, Shape shape, std::span<const int64_t> values);

// True for float16, bfloat16, float32 and float64: what arithmetic is defined for here.
bool IsReal(DType dtype);
// True for bool and all integers.
bool IsIntegral(DType dtype);
// Success if the tensor is of one of the IsReal types.
Status ExpectReal(const Tensor& tensor);

// A zeroed tensor of a shape that the model computed. Errors: kBackend for negative extents or more than 16 GiB.
Result<Tensor> NewTensor(DType dtype, Shape shape);
// `axis` from [-rank, rank) as an index. Errors: kBackend.
Result<size_t> NormalizeAxis(int64_t axis, size_t rank);
Result<std::vector<size_t>> NormalizeAxes(std::span<const int64_t> axes, size_t rank);
// Product of extents [begin, end).
int64_t Product(const Shape& shape, size_t begin, size_t end);

// ONNX's multidirectional broadcasting. Errors: kBackend naming both shapes.
Result<Shape> BroadcastShape(const Shape& a, const Shape& b);
// The tensor repeated to `shape`, to which its own shape must broadcast.
Result<Tensor> BroadcastTo(const Tensor& tensor, const Shape& shape);
// A strided view of `tensor` as a new tensor; offset and strides in elements.
Result<Tensor> Gathered(const Tensor& tensor, Shape shape, const Shape& strides, int64_t offset);
// Axis i of the result is axis order[i] of `tensor`.
Result<Tensor> Permuted(const Tensor& tensor, std::span<const size_t> order);

}  // namespace vlaq::backend

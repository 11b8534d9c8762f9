#include <array>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"

namespace vlaq::backend {
namespace {

// c[m, n] += a[m, k] b[k, n], row-major; sums run over k in order.
void AddProduct(const double* a, const double* b, double* c, int64_t m, int64_t k, int64_t n) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t p = 0; p < k; ++p) {
      const double factor = a[i * k + p];
      for (int64_t j = 0; j < n; ++j) c[i * n + j] += factor * b[p * n + j];
    }
  }
}

Status ExpectSameReal(const Tensor& a, const Tensor& b) {
  VLAQ_RETURN_IF_ERROR(ExpectReal(a));
  if (a.dtype() == b.dtype()) return {};
  return Refuse(fmt::format("mixes {} and {}", DTypeName(a.dtype()), DTypeName(b.dtype())));
}

Shape WithoutMatrix(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }

// For every matrix of the broadcast batch, the number of the matrix of an operand with batch shape `own`.
std::vector<int64_t> MatrixNumbers(const Shape& own, const Shape& batch) {
  std::vector<int64_t> numbers(static_cast<size_t>(Product(own, 0, own.size())));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i);
  const auto tensor = BroadcastTo(Tensor::From<int64_t>(own, numbers), batch);
  return ToIntegers(*tensor);
}

Result<Tensors> MatMul(const Call& call) {
  const Tensor& a = call.In(0);
  const Tensor& b = call.In(1);
  VLAQ_RETURN_IF_ERROR(ExpectSameReal(a, b));
  if (a.rank() == 0 || b.rank() == 0) return Refuse("does not take scalars");
  // A vector is a matrix of one row (left) or one column (right) whose extra axis is dropped from the result.
  Shape left = a.shape();
  Shape right = b.shape();
  if (a.rank() == 1) left.insert(left.begin(), 1);
  if (b.rank() == 1) right.push_back(1);
  const int64_t m = left[left.size() - 2];
  const int64_t k = left.back();
  const int64_t n = right.back();
  if (right[right.size() - 2] != k) {
    return Refuse(fmt::format("the shapes {} and {} do not multiply", ShapeText(a.shape()), ShapeText(b.shape())));
  }
  VLAQ_ASSIGN_OR_RETURN(const Shape batch, BroadcastShape(WithoutMatrix(left), WithoutMatrix(right)));
  Shape shape = batch;
  if (a.rank() > 1) shape.push_back(m);
  if (b.rank() > 1) shape.push_back(n);
  VLAQ_RETURN_IF_ERROR(NewTensor(DType::kF64, shape));
  const auto x = ToDoubles(a);
  const auto y = ToDoubles(b);
  const auto x_matrix = MatrixNumbers(WithoutMatrix(left), batch);
  const auto y_matrix = MatrixNumbers(WithoutMatrix(right), batch);
  std::vector<double> out(x_matrix.size() * static_cast<size_t>(m * n));
  for (size_t i = 0; i < x_matrix.size(); ++i) {
    AddProduct(x.data() + x_matrix[i] * m * k, y.data() + y_matrix[i] * k * n,
               out.data() + static_cast<int64_t>(i) * m * n, m, k, n);
  }
  return Tensors{FromDoubles(a.dtype(), shape, out)};
}

Result<Tensor> MaybeTransposed(const Tensor& matrix, bool transpose) {
  constexpr std::array<size_t, 2> kSwapped{1, 0};
  if (!transpose) return matrix;
  return Permuted(matrix, kSwapped);
}

// alpha A' B' + beta C
Result<Tensors> Gemm(const Call& call) {
  VLAQ_RETURN_IF_ERROR(ExpectSameReal(call.In(0), call.In(1)));
  if (call.In(0).rank() != 2 || call.In(1).rank() != 2) return Refuse("takes matrices only");
  VLAQ_ASSIGN_OR_RETURN(const Tensor a, MaybeTransposed(call.In(0), call.node().Int("transA", 0) != 0));
  VLAQ_ASSIGN_OR_RETURN(const Tensor b, MaybeTransposed(call.In(1), call.node().Int("transB", 0) != 0));
  const int64_t m = a.shape()[0];
  const int64_t k = a.shape()[1];
  const int64_t n = b.shape()[1];
  if (b.shape()[0] != k) {
    return Refuse(fmt::format("the shapes {} and {} do not multiply", ShapeText(a.shape()), ShapeText(b.shape())));
  }
  VLAQ_RETURN_IF_ERROR(NewTensor(DType::kF64, {m, n}));
  std::vector<double> out(static_cast<size_t>(m * n));
  AddProduct(ToDoubles(a).data(), ToDoubles(b).data(), out.data(), m, k, n);
  const double alpha = static_cast<double>(call.node().Float("alpha", 1));
  for (double& value : out) value *= alpha;
  if (const Tensor* c = call.Find(2)) {
    VLAQ_RETURN_IF_ERROR(ExpectSameReal(a, *c));
    VLAQ_ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(c->shape(), {m, n}));
    if (shape != Shape{m, n}) return Refuse(fmt::format("C has the shape {}", ShapeText(c->shape())));
    VLAQ_ASSIGN_OR_RETURN(const Tensor addend, BroadcastTo(*c, shape));
    const auto values = ToDoubles(addend);
    const double beta = static_cast<double>(call.node().Float("beta", 1));
    for (size_t i = 0; i < out.size(); ++i) out[i] += beta * values[i];
  }
  return Tensors{FromDoubles(a.dtype(), {m, n}, out)};
}

constexpr std::array kMatMulOperators{Operator{"MatMul", 2, 2, MatMul}, Operator{"Gemm", 2, 3, Gemm}};

}  // namespace

std::span<const Operator> MatMulOperators() { return kMatMulOperators; }

}  // namespace vlaq::backend

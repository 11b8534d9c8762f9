#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"

namespace vlaq::backend {
namespace {

Result<Tensors> Softmax(const Call& call) {
  const Tensor& x = call.In(0);
  VLAQ_RETURN_IF_ERROR(ExpectReal(x));
  VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(call.node().Int("axis", -1), x.shape().size()));
  const int64_t outer = Product(x.shape(), 0, axis);
  const int64_t count = x.shape()[axis];
  const int64_t inner = Product(x.shape(), axis + 1, x.shape().size());
  auto values = ToDoubles(x);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      const auto at = [&](int64_t k) -> double& { return values[static_cast<size_t>((o * count + k) * inner + i)]; };
      double largest = -std::numeric_limits<double>::infinity();
      for (int64_t k = 0; k < count; ++k) largest = std::max(largest, at(k));
      double sum = 0;
      for (int64_t k = 0; k < count; ++k) sum += at(k) = std::exp(at(k) - largest);
      for (int64_t k = 0; k < count; ++k) at(k) /= sum;
    }
  }
  return Tensors{FromDoubles(x.dtype(), x.shape(), values)};
}

// Biased variance over the axes from `axis` on. Outputs: Y, mean, 1 / standard deviation.
Result<Tensors> LayerNormalization(const Call& call) {
  const Tensor& x = call.In(0);
  VLAQ_RETURN_IF_ERROR(ExpectReal(x));
  VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(call.node().Int("axis", -1), x.shape().size()));
  const double epsilon = static_cast<double>(call.node().Float("epsilon", 1e-5F));
  if (call.node().Int("stash_type", 1) != 1) return Refuse("stash_type must be 1 (float)");
  const Shape row_shape(x.shape().begin() + static_cast<ptrdiff_t>(axis), x.shape().end());
  std::vector<std::vector<double>> parameters;  // scale, bias
  for (size_t i = 1; i < 3; ++i) {
    if (call.Find(i) == nullptr) continue;
    VLAQ_RETURN_IF_ERROR(ExpectReal(call.In(i)));
    VLAQ_ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(call.In(i).shape(), row_shape));
    if (shape != row_shape) return Refuse(fmt::format("scale or bias has the shape {}", ShapeText(call.In(i).shape())));
    VLAQ_ASSIGN_OR_RETURN(const Tensor tensor, BroadcastTo(call.In(i), row_shape));
    parameters.push_back(ToDoubles(tensor));
  }
  const auto row = static_cast<size_t>(Product(x.shape(), axis, x.shape().size()));
  const auto rows = static_cast<size_t>(Product(x.shape(), 0, axis));
  auto values = ToDoubles(x);
  std::vector<double> means(rows);
  std::vector<double> scales(rows);
  for (size_t r = 0; r < rows; ++r) {
    const std::span<double> v(values.data() + r * row, row);
    double sum = 0;
    for (const double value : v) sum += value;
    means[r] = sum / static_cast<double>(row);
    double squares = 0;
    for (const double value : v) squares += (value - means[r]) * (value - means[r]);
    scales[r] = 1 / std::sqrt(squares / static_cast<double>(row) + epsilon);
    for (size_t i = 0; i < row; ++i) {
      v[i] = (v[i] - means[r]) * scales[r] * parameters[0][i] + (parameters.size() > 1 ? parameters[1][i] : 0);
    }
  }
  Shape kept = x.shape();
  std::fill(kept.begin() + static_cast<ptrdiff_t>(axis), kept.end(), 1);
  return Tensors{FromDoubles(x.dtype(), x.shape(), values), FromDoubles(DType::kF32, kept, means),
                 FromDoubles(DType::kF32, kept, scales)};
}

constexpr std::array kNormalizationOperators{Operator{"Softmax", 1, 1, Softmax},
                                             Operator{"LayerNormalization", 2, 3, LayerNormalization}};

}  // namespace

std::span<const Operator> NormalizationOperators() { return kNormalizationOperators; }

}  // namespace vlaq::backend

// Reductions over any set of axes. The axes come as an attribute or as an input: which of the two is right depends on
// the operator and the opset, and accepting both does no harm.
#include <algorithm>
#include <array>
#include <cmath>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"

namespace vlaq::backend {
namespace {

struct Reduction {
  std::string_view name;
  double (*real)(std::span<const double>);
  int64_t (*integer)(std::span<const int64_t>);  // nullptr: not for integers
  bool takes_empty;                              // defined for no elements at all
};

template <typename T>
T Sum(std::span<const T> values) {
  T sum = 0;
  for (const T value : values) sum += value;
  return sum;
}
template <typename T>
T Largest(std::span<const T> values) {
  return *std::max_element(values.begin(), values.end());
}
template <typename T>
T Smallest(std::span<const T> values) {
  return *std::min_element(values.begin(), values.end());
}
double Mean(std::span<const double> values) { return Sum(values) / static_cast<double>(values.size()); }
double Norm(std::span<const double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

constexpr std::array kReductions{
    Reduction{"ReduceSum", Sum<double>, Sum<int64_t>, true},
    Reduction{"ReduceMean", Mean, nullptr, false},
    Reduction{"ReduceL2", Norm, nullptr, true},
    Reduction{"ReduceMax", Largest<double>, Largest<int64_t>, false},
    Reduction{"ReduceMin", Smallest<double>, Smallest<int64_t>, false},
};

// Folds runs of `run` consecutive elements.
template <typename T>
std::vector<T> Fold(const std::vector<T>& values, size_t run, size_t count, T (*fold)(std::span<const T>)) {
  std::vector<T> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = fold(std::span<const T>(values.data() + i * run, run));
  return out;
}

Result<std::vector<int64_t>> AxesOf(const Call& call) {
  if (call.Find(1) != nullptr) return call.Integers(1);
  return call.node().Ints("axes");
}

Result<Tensors> Reduce(const Call& call) {
  const auto* op = std::find_if(kReductions.begin(), kReductions.end(),
                                [&](const Reduction& r) { return r.name == call.node().op_type; });
  const Tensor& x = call.In(0);
  const size_t rank = x.shape().size();
  VLAQ_ASSIGN_OR_RETURN(const auto given, AxesOf(call));
  if (given.empty() && call.node().Int("noop_with_empty_axes", 0) != 0) return Tensors{x};
  VLAQ_ASSIGN_OR_RETURN(const auto axes, NormalizeAxes(given, rank));
  const auto is_reduced = [&](size_t axis) {
    return axes.empty() || std::binary_search(axes.begin(), axes.end(), axis);
  };
  // Kept axes first, reduced ones last: then every result is a fold over a run of neighbors.
  std::vector<size_t> order;
  Shape shape;
  size_t run = 1;
  size_t count = 1;
  for (size_t axis = 0; axis < rank; ++axis) {
    const auto extent = static_cast<size_t>(x.shape()[axis]);
    (is_reduced(axis) ? run : count) *= extent;
    if (!is_reduced(axis)) order.push_back(axis);
    if (!is_reduced(axis) || call.node().Int("keepdims", 1) != 0)
      shape.push_back(is_reduced(axis) ? 1 : x.shape()[axis]);
  }
  for (size_t axis = 0; axis < rank; ++axis) {
    if (is_reduced(axis)) order.push_back(axis);
  }
  if (run == 0 && !op->takes_empty) return Refuse("reduces no elements");
  VLAQ_ASSIGN_OR_RETURN(const Tensor ordered, Permuted(x, order));
  if (IsReal(x.dtype())) {
    return Tensors{FromDoubles(x.dtype(), shape, Fold(ToDoubles(ordered), run, count, op->real))};
  }
  if (op->integer == nullptr || (x.dtype() != DType::kI32 && x.dtype() != DType::kI64)) {
    return Refuse(fmt::format("does not take {} values", DTypeName(x.dtype())));
  }
  return Tensors{FromIntegers(x.dtype(), shape, Fold(ToIntegers(ordered), run, count, op->integer))};
}

std::vector<Operator> MakeReductionOperators() {
  std::vector<Operator> table;
  for (const Reduction& op : kReductions) table.push_back({op.name, 1, 2, Reduce});
  return table;
}

}  // namespace

std::span<const Operator> ReductionOperators() {
  static const std::vector<Operator> table = MakeReductionOperators();
  return table;
}

}  // namespace vlaq::backend

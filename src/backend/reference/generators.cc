// Operators that make values from little: constants, ranges, running sums.
#include <algorithm>
#include <array>
#include <cmath>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"

namespace vlaq::backend {
namespace {

Result<Tensors> Constant(const Call& call) {
  for (const auto& [name, value] : call.node().attributes) {
    if (const auto* tensor = std::get_if<Tensor>(&value)) return Tensors{*tensor};
    if (const auto* real = std::get_if<float>(&value)) return Tensors{Tensor::Scalar(*real)};
    if (const auto* integer = std::get_if<int64_t>(&value)) return Tensors{Tensor::Scalar(*integer)};
    if (const auto* reals = std::get_if<std::vector<float>>(&value)) {
      return Tensors{Tensor::From<float>({static_cast<int64_t>(reals->size())}, *reals)};
    }
    if (const auto* integers = std::get_if<std::vector<int64_t>>(&value)) {
      return Tensors{Tensor::From<int64_t>({static_cast<int64_t>(integers->size())}, *integers)};
    }
  }
  return Refuse("has no numeric value");
}

Result<Tensors> ConstantOfShape(const Call& call) {
  VLAQ_ASSIGN_OR_RETURN(const Shape shape, call.Integers(0));
  const Tensor zero = Tensor::Scalar(0.0F);
  const Tensor* given = call.node().TensorAttribute("value");
  if (given == nullptr) given = &zero;
  if (given->size() != 1) return Refuse("its value must have one element");
  VLAQ_ASSIGN_OR_RETURN(Tensor out, NewTensor(given->dtype(), shape));
  const size_t item = DTypeBits(given->dtype()) / 8;
  for (size_t at = 0; at < out.bytes().size(); at += item) {
    std::copy_n(given->bytes().data(), item, out.mutable_bytes().data() + at);
  }
  return Tensors{out};
}

// start, start + delta, ... below limit (above for a negative delta).
Result<Tensors> Range(const Call& call) {
  const DType dtype = call.In(0).dtype();
  for (size_t i = 0; i < 3; ++i) {
    if (call.In(i).dtype() != dtype || call.In(i).size() != 1) return Refuse("takes three scalars of one type");
  }
  if (!IsReal(dtype) && dtype != DType::kI32 && dtype != DType::kI64 && dtype != DType::kI16) {
    return Refuse(fmt::format("does not take {} values", DTypeName(dtype)));
  }
  const double start = ToDoubles(call.In(0))[0];
  const double delta = ToDoubles(call.In(2))[0];
  const double steps = std::ceil((ToDoubles(call.In(1))[0] - start) / delta);
  if (delta == 0 || std::isnan(steps) || steps > 0x1p40) return Refuse("has no end");
  const auto count = static_cast<int64_t>(std::max(steps, 0.0));
  VLAQ_RETURN_IF_ERROR(NewTensor(dtype, {count}));
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(start + static_cast<double>(i) * delta);
  if (IsReal(dtype)) return Tensors{FromDoubles(dtype, {count}, values)};
  return Tensors{FromIntegers(dtype, {count}, std::vector<int64_t>(values.begin(), values.end()))};
}

template <typename T>
std::vector<T> RunningSums(const std::vector<T>& in, int64_t outer, int64_t extent, int64_t inner, bool exclusive,
                           bool reverse) {
  std::vector<T> out(in.size());
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      T sum = 0;
      for (int64_t k = 0; k < extent; ++k) {
        const int64_t position = reverse ? extent - 1 - k : k;
        const auto at = static_cast<size_t>((o * extent + position) * inner + i);
        out[at] = exclusive ? sum : sum + in[at];
        sum += in[at];
      }
    }
  }
  return out;
}

Result<Tensors> CumSum(const Call& call) {
  const Tensor& x = call.In(0);
  VLAQ_ASSIGN_OR_RETURN(const auto given, call.Integers(1));
  if (given.size() != 1) return Refuse("its axis must be one number");
  VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(given[0], x.shape().size()));
  const auto sums = [&](const auto& values) {
    return RunningSums(values, Product(x.shape(), 0, axis), x.shape()[axis],
                       Product(x.shape(), axis + 1, x.shape().size()), call.node().Int("exclusive", 0) != 0,
                       call.node().Int("reverse", 0) != 0);
  };
  if (IsReal(x.dtype())) return Tensors{FromDoubles(x.dtype(), x.shape(), sums(ToDoubles(x)))};
  if (x.dtype() != DType::kI32 && x.dtype() != DType::kI64) {
    return Refuse(fmt::format("does not take {} values", DTypeName(x.dtype())));
  }
  return Tensors{FromIntegers(x.dtype(), x.shape(), sums(ToIntegers(x)))};
}

constexpr std::array kGeneratorOperators{Operator{"Constant", 0, 0, Constant},
                                         Operator{"ConstantOfShape", 1, 1, ConstantOfShape},
                                         Operator{"Range", 3, 3, Range}, Operator{"CumSum", 2, 2, CumSum}};

}  // namespace

std::span<const Operator> GeneratorOperators() { return kGeneratorOperators; }

}  // namespace vlaq::backend

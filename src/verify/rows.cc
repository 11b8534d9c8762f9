#include "verify/rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "tensor/difference.h"

namespace vlaq::verify {
namespace {

Tensor WithoutBatchAxis(const Tensor& value, const Tensor& like) {
  const Shape& shape = value.shape();
  if (shape.size() != like.shape().size() + 1 || shape[0] != 1) return value;
  return value.Reshaped(Shape(shape.begin() + 1, shape.end()));
}

bool AreComparable(const Tensor& a, const Tensor& b) {
  const bool types = IsFloat(a.dtype()) ? IsFloat(b.dtype()) : a.dtype() == b.dtype();
  return types && a.shape() == b.shape();
}

// Elements of values that are no floats.
struct Equality {
  size_t elements = 0, differing = 0;

  void Add(const Tensor& a, const Tensor& b) {
    const size_t width = std::max<size_t>(1, DTypeBits(a.dtype()) / 8);
    for (size_t at = 0; at + width <= a.bytes().size(); at += width) {
      if (!std::ranges::equal(a.bytes().subspan(at, width), b.bytes().subspan(at, width))) ++differing;
    }
    elements += static_cast<size_t>(a.size());
  }
};

Check JudgeEquality(const Comparison& comparison, const Equality& found) {
  Check check{kNumberRung, comparison.name, found.differing == 0, "", {}, comparison.against};
  check.detail = found.differing == 0 ? "all values are equal"
                                      : fmt::format("{} of {} values differ", found.differing, found.elements);
  check.detail += comparison.remark;
  check.figures = {{"differing", static_cast<double>(found.differing)}, {"limit", 0}};
  return check;
}

}  // namespace

Result<Check> CompareRows(const Comparison& comparison, const Rows& expected, const Rows& actual) {
  const double relative = comparison.bound.relative;
  Difference difference(relative);
  Equality equality;
  for (size_t t = 0; t < std::min(expected.size(), actual.size()); ++t) {
    const auto wanted = expected[t].find(comparison.value), given = actual[t].find(comparison.value);
    if (wanted == expected[t].end() || given == actual[t].end()) continue;
    const Tensor& a = wanted->second;
    const Tensor b = WithoutBatchAxis(given->second, a);
    if (!AreComparable(a, b)) {
      return InputError("", fmt::format("step {} gives {} {} instead of {} {}", t, DTypeName(b.dtype()),
                                        ShapeText(b.shape()), DTypeName(a.dtype()), ShapeText(a.shape())));
    }
    if (!IsFloat(a.dtype())) {
      equality.Add(a, b);
      continue;
    }
    VLAQ_ASSIGN_OR_RETURN(const Difference step, Compare(a, b, relative));
    difference.Merge(step);
  }
  if (equality.elements > 0) return JudgeEquality(comparison, equality);
  return JudgeDifference(comparison.name, difference, comparison.bound, comparison.against, comparison.remark);
}

Check JudgeRows(const Comparison& comparison, const Rows& expected, const Rows& actual) {
  auto check = CompareRows(comparison, expected, actual);
  if (check.ok()) return *std::move(check);
  return {kNumberRung, comparison.name, false, check.error().ToString(), {}, comparison.against};
}

}  // namespace vlaq::verify

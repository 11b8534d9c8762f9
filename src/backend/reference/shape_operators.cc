// Operators that change or ask for the shape and leave the elements where they are.
#include <algorithm>
#include <array>
#include <set>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"

namespace vlaq::backend {
namespace {

Result<Tensors> WithShape(const Tensor& tensor, Shape shape) {
  if (ElementCount(shape) != tensor.size()) {
    return Refuse(fmt::format("{} does not reshape to {}", ShapeText(tensor.shape()), ShapeText(shape)));
  }
  return Tensors{tensor.Reshaped(std::move(shape))};
}

// 0 keeps an extent (unless allowzero), one -1 takes what is left.
Result<Tensors> Reshape(const Call& call) {
  const Tensor& x = call.In(0);
  VLAQ_ASSIGN_OR_RETURN(Shape shape, call.Integers(1));
  const bool allow_zero = call.node().Int("allowzero", 0) != 0;
  int64_t known = 1;
  auto open = shape.end();
  for (auto it = shape.begin(); it != shape.end(); ++it) {
    const auto axis = static_cast<size_t>(it - shape.begin());
    if (*it == 0 && !allow_zero) {
      if (axis >= x.shape().size()) return Refuse(fmt::format("0 at axis {} copies nothing", axis));
      *it = x.shape()[axis];
    }
    if (*it == -1 && open != shape.end()) return Refuse("more than one -1 in the shape");
    if (*it == -1) {
      open = it;
      continue;
    }
    const auto product = CheckedMul(known, *it);
    if (*it < 0 || !product) return Refuse(fmt::format("impossible shape {}", ShapeText(shape)));
    known = *product;
  }
  if (open != shape.end()) {
    if (known == 0) return Refuse("-1 beside an extent of 0");
    *open = x.size() / known;  // WithShape finds a remainder
  }
  return WithShape(x, std::move(shape));
}

Result<Tensors> Flatten(const Call& call) {
  const Tensor& x = call.In(0);
  const size_t rank = x.shape().size();
  const int64_t given = call.node().Int("axis", 1);
  size_t axis = rank;  // one past the last axis is allowed
  if (given != x.rank()) {
    VLAQ_ASSIGN_OR_RETURN(axis, NormalizeAxis(given, rank));
  }
  return WithShape(x, {Product(x.shape(), 0, axis), Product(x.shape(), axis, rank)});
}

Result<Tensors> Squeeze(const Call& call) {
  const Tensor& x = call.In(0);
  std::vector<size_t> axes;
  if (call.Find(1) != nullptr) {
    VLAQ_ASSIGN_OR_RETURN(const auto given, call.Integers(1));
    VLAQ_ASSIGN_OR_RETURN(axes, NormalizeAxes(given, x.shape().size()));
  }
  const auto is_named = [&](size_t axis) { return std::binary_search(axes.begin(), axes.end(), axis); };
  Shape shape;
  for (size_t axis = 0; axis < x.shape().size(); ++axis) {
    const int64_t extent = x.shape()[axis];
    if (is_named(axis) && extent != 1) return Refuse(fmt::format("axis {} of {} is not 1", axis, ShapeText(x.shape())));
    if (is_named(axis) || (axes.empty() && extent == 1)) continue;
    shape.push_back(extent);
  }
  return WithShape(x, std::move(shape));
}

Result<Tensors> Unsqueeze(const Call& call) {
  const Tensor& x = call.In(0);
  VLAQ_ASSIGN_OR_RETURN(const auto given, call.Integers(1));
  VLAQ_ASSIGN_OR_RETURN(const auto axes, NormalizeAxes(given, x.shape().size() + given.size()));
  Shape shape = x.shape();
  for (const size_t axis : axes) shape.insert(shape.begin() + static_cast<ptrdiff_t>(axis), 1);  // ascending
  return WithShape(x, std::move(shape));
}

// Extents [start, end) as int64; both ends are clamped.
Result<Tensors> ShapeOf(const Call& call) {
  const Tensor& x = call.In(0);
  const auto clamp = [&](int64_t axis) { return std::clamp<int64_t>(axis < 0 ? axis + x.rank() : axis, 0, x.rank()); };
  const int64_t start = clamp(call.node().Int("start", 0));
  const int64_t end = std::max(start, clamp(call.node().Int("end", x.rank())));
  const Shape extents(x.shape().begin() + start, x.shape().begin() + end);
  return Tensors{Tensor::From<int64_t>({end - start}, extents)};
}

constexpr std::array kShapeOperators{Operator{"Reshape", 2, 2, Reshape}, Operator{"Flatten", 1, 1, Flatten},
                                     Operator{"Squeeze", 1, 2, Squeeze}, Operator{"Unsqueeze", 2, 2, Unsqueeze},
                                     Operator{"Shape", 1, 1, ShapeOf}};

}  // namespace

std::span<const Operator> ShapeOperators() { return kShapeOperators; }

}  // namespace vlaq::backend

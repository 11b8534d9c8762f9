// Shape rules of operators that ask for shapes, make tensors of them, reduce axes or resize them.
#include <algorithm>
#include <array>
#include <numeric>

#include "base/bytes.h"
#include "onnx/shape_rules.h"

namespace vlaq::onnx {
namespace {

constexpr int64_t kLargestBlock = int64_t{1} << 20U;

double AsValue(int64_t extent) { return extent < 0 ? std::nan("") : static_cast<double>(extent); }

// ---- shapes as numbers, and numbers as shapes ----

void ShapeShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return facts.Set(0, {kUnknownExtent});
  const auto rank = static_cast<int64_t>(data->size());
  const auto bound = [&](std::string_view name, int64_t otherwise) {
    const int64_t at = facts.Number(name, otherwise);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t start = bound("start", 0);
  const int64_t end = bound("end", rank);
  std::vector<double> extents;
  for (int64_t i = start; i < end; ++i) extents.push_back(AsValue((*data)[static_cast<size_t>(i)]));
  const auto count = static_cast<int64_t>(extents.size());
  facts.Set(0, {count}, std::move(extents));
}

void CountShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  int64_t count = data == nullptr ? kUnknownExtent : 1;
  for (size_t i = 0; data != nullptr && i < data->size(); ++i) count = ProductOf(count, (*data)[i]);
  facts.Set(0, {}, std::vector<double>{AsValue(count)});
}

// The shape that an input's numbers are; nullopt if it is not known.
std::optional<Shape> ShapeFromValues(NodeFacts& facts, size_t input) {
  const std::vector<double>* values = facts.ValuesOf(input);
  if (values == nullptr) {
    const Shape* list = facts.ShapeOf(input);
    const bool ranked = list != nullptr && list->size() == 1 && list->front() >= 0 && list->front() <= kMaxKnownValues;
    return ranked ? std::optional(Shape(static_cast<size_t>(list->front()), kUnknownExtent)) : std::nullopt;
  }
  Shape shape;
  for (const double value : *values) {
    shape.push_back(std::isnan(value) ? kUnknownExtent : AsInteger(value));
    if (!std::isnan(value) && (shape.back() < 0 || shape.back() > kLargestExtent)) {
      facts.Refuse("an impossible shape");
      return std::nullopt;
    }
  }
  return shape;
}

double FirstValue(const Tensor& tensor) {
  if (tensor.dtype() == DType::kI64 && tensor.bytes().size() >= sizeof(int64_t)) {
    return static_cast<double>(LoadLittle<int64_t>(tensor.bytes(), 0));
  }
  if (tensor.dtype() == DType::kF32 && tensor.bytes().size() >= sizeof(float)) {
    return static_cast<double>(LoadLittle<float>(tensor.bytes(), 0));
  }
  if (tensor.dtype() == DType::kBool && !tensor.bytes().empty()) return static_cast<double>(tensor.bytes()[0]);
  return std::nan("");
}

void FilledShapes(NodeFacts& facts) {
  const auto shape = ShapeFromValues(facts, 0);
  if (!shape) return;
  if (!IsSmall(*shape)) return facts.Set(0, *shape);
  const Tensor* value = facts.node().TensorAttribute("value");
  const auto count = static_cast<size_t>(ElementCount(*shape).value_or(0));
  facts.Set(0, *shape, std::vector<double>(count, value == nullptr ? 0 : FirstValue(*value)));
}

void AttributeShapes(NodeFacts& facts) { facts.Set(0, facts.Numbers("shape")); }

void RangeShapes(NodeFacts& facts) {
  const std::vector<double>* start = facts.ValuesOf(0);
  const std::vector<double>* limit = facts.ValuesOf(1);
  const std::vector<double>* delta = facts.ValuesOf(2);
  const auto one = [](const std::vector<double>* v) {
    return v != nullptr && v->size() == 1 && !std::isnan(v->front());
  };
  if (!one(start) || !one(limit) || !one(delta)) return facts.Set(0, {kUnknownExtent});
  if (delta->front() == 0) return facts.Refuse("steps by 0");
  const double steps = std::ceil((limit->front() - start->front()) / delta->front());
  const int64_t count = std::max<int64_t>(0, AsInteger(steps));
  if (count > kLargestExtent) return facts.Refuse("an impossible length");
  std::vector<double> values;
  for (int64_t i = 0; i < std::min(count, kMaxKnownValues); ++i) {
    values.push_back(start->front() + static_cast<double>(i) * delta->front());
  }
  facts.Set(0, {count}, std::move(values));
}

void NonZeroShapes(NodeFacts& facts) {
  if (const Shape* data = facts.ShapeOf(0)) facts.Set(0, {static_cast<int64_t>(data->size()), kUnknownExtent});
}

void SelectedBoxesShapes(NodeFacts& facts) { facts.Set(0, {kUnknownExtent, 3}); }

// ---- fewer axes ----

void SetReduced(NodeFacts& facts, const std::vector<int64_t>& axes, bool keeps) {
  const Shape& data = *facts.ShapeOf(0);
  std::vector<bool> reduced(data.size(), axes.empty());
  for (const int64_t axis : axes) {
    const auto found = AxisOf(axis, data.size());
    if (!found) return facts.Refuse("has no axis " + std::to_string(axis) + " in " + ShapeText(data));
    reduced[*found] = true;
  }
  Shape shape;
  for (size_t i = 0; i < data.size(); ++i) {
    if (!reduced[i]) shape.push_back(data[i]);
    if (reduced[i] && keeps) shape.push_back(1);
  }
  facts.Set(0, std::move(shape));
}

// A reduction of all numbers of a small tensor, as graphs multiply extents.
std::optional<double> ReducedValue(std::string_view op_type, const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  double result = values.front();
  for (size_t i = 1; i < values.size(); ++i) {
    if (op_type == "ReduceProd") result *= values[i];
    if (op_type == "ReduceSum") result += values[i];
    if (std::isnan(values[i])) return std::nullopt;
    if (op_type == "ReduceMax") result = std::max(result, values[i]);
    if (op_type == "ReduceMin") result = std::min(result, values[i]);
  }
  const bool known =
      op_type == "ReduceProd" || op_type == "ReduceSum" || op_type == "ReduceMax" || op_type == "ReduceMin";
  return known ? std::optional(result) : std::nullopt;
}

void ReduceShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const auto axes = facts.AttributeOrInput("axes", 1);
  if (data == nullptr) return;
  const bool keeps = facts.Number("keepdims", 1) != 0;
  if (!axes) return keeps ? facts.Set(0, Shape(data->size(), kUnknownExtent)) : void();
  if (axes->empty() && facts.Number("noop_with_empty_axes", 0) != 0) return facts.Set(0, *data);
  SetReduced(facts, *axes, keeps);
  const std::vector<double>* values = facts.ValuesOf(0);
  if (values == nullptr || facts.results().empty() || !facts.results()[0].shape) return;
  const Shape shape = *facts.results()[0].shape;
  if (ElementCount(shape) != int64_t{1}) return;
  if (const auto value = ReducedValue(facts.node().op_type, *values)) facts.Set(0, shape, std::vector<double>{*value});
}

void ArgShapes(NodeFacts& facts) {
  if (facts.ShapeOf(0) != nullptr) SetReduced(facts, {facts.Number("axis", 0)}, facts.Number("keepdims", 1) != 0);
}

void TopKShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return;
  const auto axis = AxisOf(facts.Number("axis", -1), data->size());
  if (!axis) return facts.Refuse("has no such axis in " + ShapeText(*data));
  const auto k = facts.Given(1) ? facts.IntegersOf(1) : std::optional(std::vector<int64_t>{facts.Number("k", -1)});
  Shape shape = *data;
  shape[*axis] = k && k->size() == 1 && k->front() >= 0 ? std::min(k->front(), kLargestExtent) : kUnknownExtent;
  facts.Set(0, shape);
  facts.Set(1, std::move(shape));
}

// ---- more axes, and other extents ----

void OneHotShapes(NodeFacts& facts) {
  const Shape* indices = facts.ShapeOf(0);
  if (indices == nullptr) return;
  const auto axis = AxisOf(facts.Number("axis", -1), indices->size() + 1);
  if (!axis) return facts.Refuse("has no such axis");
  const auto depth = facts.IntegersOf(1);
  Shape shape = *indices;
  const bool known = depth && depth->size() == 1 && depth->front() >= 0 && depth->front() <= kLargestExtent;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(*axis), known ? depth->front() : kUnknownExtent);
  facts.Set(0, std::move(shape));
}

int64_t Quotient(int64_t a, int64_t b) { return a < 0 || b <= 0 ? kUnknownExtent : a / b; }

void BlockShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const int64_t block = facts.Number("blocksize", 0);
  if (block < 1 || block > kLargestBlock) {
    return facts.Refuse("its attribute blocksize is not from 1 to " + std::to_string(kLargestBlock));
  }
  if (data == nullptr || data->size() != 4) return;
  const Shape& x = *data;
  if (facts.node().op_type == "DepthToSpace") {
    facts.Set(0, {x[0], Quotient(x[1], block * block), ProductOf(x[2], block), ProductOf(x[3], block)});
  } else {
    facts.Set(0, {x[0], ProductOf(x[1], block * block), Quotient(x[2], block), Quotient(x[3], block)});
  }
}

void ResizeShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return;
  const bool old = facts.node().op_type == "Upsample" || facts.opset() < 11;
  const size_t scales_at = old ? 1 : 2;
  Shape shape = *data;
  std::vector<size_t> axes;
  for (const int64_t axis : facts.Numbers("axes")) {
    const auto found = AxisOf(axis, data->size());
    if (!found) return facts.Refuse("has no axis " + std::to_string(axis));
    axes.push_back(*found);
  }
  if (axes.empty()) {
    axes.resize(data->size());
    std::iota(axes.begin(), axes.end(), size_t{0});
  }
  const bool stretches = facts.node().String("keep_aspect_ratio_policy", "stretch") == "stretch";
  const bool by_size = !old && facts.Given(3);
  const std::vector<double>* numbers = facts.ValuesOf(by_size ? 3 : scales_at);
  std::vector<double> attribute;
  if (const auto found = facts.node().attributes.find("scales");
      !facts.Given(scales_at) && !by_size && found != facts.node().attributes.end()) {
    const auto* floats = std::get_if<std::vector<float>>(&found->second);
    if (floats != nullptr) attribute.assign(floats->begin(), floats->end());
    numbers = &attribute;
  }
  const bool usable = numbers != nullptr && stretches && numbers->size() == axes.size();
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t& extent = shape[axes[i]];
    const double number = usable ? (*numbers)[i] : std::nan("");
    const double size = by_size ? number : std::floor(static_cast<double>(extent) * number);
    const bool known = !std::isnan(size) && size >= 0 && size <= 1e12 && (by_size || extent >= 0);
    extent = known ? AsInteger(size) : kUnknownExtent;
  }
  facts.Set(0, std::move(shape));
}

// X [N, C, ...] and grid [N, ..., 2 or 3].
void GridSampleShapes(NodeFacts& facts) {
  const Shape* x = facts.ShapeOf(0);
  const Shape* grid = facts.ShapeOf(1);
  if (x == nullptr || grid == nullptr || x->size() < 3 || grid->size() != x->size()) return;
  Shape shape{(*x)[0], (*x)[1]};
  shape.insert(shape.end(), grid->begin() + 1, grid->end() - 1);
  facts.Set(0, std::move(shape));
}

// theta [N, 2 or 3, 3 or 4] and the size of a picture [N, C, ...] -> a place for each of its points.
void AffineGridShapes(NodeFacts& facts) {
  const auto size = ShapeFromValues(facts, 1);
  if (!size || size->size() < 4 || size->size() > 5) return;
  Shape shape{(*size)[0]};
  shape.insert(shape.end(), size->begin() + 2, size->end());
  shape.push_back(static_cast<int64_t>(size->size()) - 2);
  facts.Set(0, std::move(shape));
}

// The extents that an input gives, of all axes or of those named.
void CenterCropPadShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const auto extents = ShapeFromValues(facts, 1);
  if (data == nullptr || !extents) return;
  Shape shape = *data;
  const std::vector<int64_t> axes = facts.Numbers("axes");
  if (extents->size() != (axes.empty() ? shape.size() : axes.size()))
    return facts.Refuse("gives another number of axes");
  for (size_t i = 0; i < extents->size(); ++i) {
    const auto axis = axes.empty() ? std::optional(i) : AxisOf(axes[i], shape.size());
    if (!axis) return facts.Refuse("has no axis " + std::to_string(axes[i]));
    shape[*axis] = (*extents)[i];
  }
  facts.Set(0, std::move(shape));
}

void RoiAlignShapes(NodeFacts& facts) {
  const Shape* x = facts.ShapeOf(0);
  const Shape* rois = facts.ShapeOf(1);
  if (x == nullptr || rois == nullptr || x->size() != 4 || rois->empty()) return;
  facts.Set(0, {(*rois)[0], (*x)[1], facts.Number("output_height", 1), facts.Number("output_width", 1)});
}

constexpr std::array kSizeShapes = {
    ShapeRow{"AffineGrid", AffineGridShapes},
    ShapeRow{"ArgMax", ArgShapes},
    ShapeRow{"ArgMin", ArgShapes},
    ShapeRow{"CenterCropPad", CenterCropPadShapes},
    ShapeRow{"ConstantOfShape", FilledShapes},
    ShapeRow{"DepthToSpace", BlockShapes},
    ShapeRow{"GridSample", GridSampleShapes},
    ShapeRow{"NonMaxSuppression", SelectedBoxesShapes},
    ShapeRow{"NonZero", NonZeroShapes},
    ShapeRow{"OneHot", OneHotShapes},
    ShapeRow{"RandomNormal", AttributeShapes},
    ShapeRow{"RandomUniform", AttributeShapes},
    ShapeRow{"Range", RangeShapes},
    ShapeRow{"ReduceL1", ReduceShapes},
    ShapeRow{"ReduceL2", ReduceShapes},
    ShapeRow{"ReduceLogSum", ReduceShapes},
    ShapeRow{"ReduceLogSumExp", ReduceShapes},
    ShapeRow{"ReduceMax", ReduceShapes},
    ShapeRow{"ReduceMean", ReduceShapes},
    ShapeRow{"ReduceMin", ReduceShapes},
    ShapeRow{"ReduceProd", ReduceShapes},
    ShapeRow{"ReduceSum", ReduceShapes},
    ShapeRow{"ReduceSumSquare", ReduceShapes},
    ShapeRow{"Resize", ResizeShapes},
    ShapeRow{"RoiAlign", RoiAlignShapes},
    ShapeRow{"Shape", ShapeShapes},
    ShapeRow{"Size", CountShapes},
    ShapeRow{"SpaceToDepth", BlockShapes},
    ShapeRow{"TopK", TopKShapes},
    ShapeRow{"Upsample", ResizeShapes},
};

}  // namespace

std::span<const ShapeRow> SizeShapes() { return kSizeShapes; }

}  // namespace vlaq::onnx

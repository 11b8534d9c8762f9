#include "onnx/shape_rules.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vlaq::onnx {
namespace {

constexpr double kLargestInteger = 4e18;

}  // namespace

std::optional<size_t> AxisOf(int64_t axis, size_t end) {
  const auto size = static_cast<int64_t>(end);
  if (axis < -size || axis >= size) return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + size : axis);
}

int64_t AsInteger(double value) { return static_cast<int64_t>(std::clamp(value, -kLargestInteger, kLargestInteger)); }

int64_t ProductOf(int64_t a, int64_t b) {
  int64_t product = 0;
  const bool known = a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, &product) && product <= kLargestExtent;
  return known ? product : kUnknownExtent;
}

bool AllKnown(const Shape& shape) {
  return std::ranges::all_of(shape, [](int64_t extent) { return extent >= 0; });
}

std::optional<Shape> Broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t one = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t other = i < b.size() ? b[b.size() - 1 - i] : 1;
    const bool known = one >= 0 && other >= 0;
    if (known && one != other && one != 1 && other != 1) return std::nullopt;
    int64_t& extent = out[out.size() - 1 - i];
    if (known) {
      extent = one == 1 ? other : one;
    } else {  // what is known decides, unless it is 1
      extent = std::max(one, other) > 1 ? std::max(one, other) : kUnknownExtent;
    }
  }
  return out;
}

const Facts& NodeFacts::In(size_t input) const {
  static const Facts nothing;
  return Given(input) ? *inputs_[input] : nothing;
}

const Shape* NodeFacts::ShapeOf(size_t input) const {
  const auto& shape = In(input).shape;
  return shape ? &*shape : nullptr;
}

const std::vector<double>* NodeFacts::ValuesOf(size_t input) const {
  const auto& values = In(input).values;
  return values ? &*values : nullptr;
}

std::optional<std::vector<int64_t>> NodeFacts::IntegersOf(size_t input) const {
  const std::vector<double>* values = ValuesOf(input);
  if (values == nullptr) return std::nullopt;
  std::vector<int64_t> integers;
  for (const double value : *values) {
    if (std::isnan(value)) return std::nullopt;
    integers.push_back(AsInteger(value));
  }
  return integers;
}

std::optional<std::vector<int64_t>> NodeFacts::AttributeOrInput(std::string_view name, size_t input) const {
  if (Given(input)) return IntegersOf(input);
  return node_.Ints(name);
}

int64_t NodeFacts::Number(std::string_view name, int64_t otherwise) {
  const int64_t number = node_.Int(name, otherwise);
  if (number >= -kLargestNumber && number <= kLargestNumber) return number;
  Refuse(std::string(name) + " = " + std::to_string(number));
  return otherwise;
}

std::vector<int64_t> NodeFacts::Numbers(std::string_view name) {
  std::vector<int64_t> numbers = node_.Ints(name);
  for (int64_t& number : numbers) {
    if (number >= -kLargestNumber && number <= kLargestNumber) continue;
    Refuse(std::string(name) + " holds " + std::to_string(number));
    number = 1;
  }
  return numbers;
}

void NodeFacts::Set(size_t output, Shape shape) { Set(output, std::move(shape), std::nullopt); }

void NodeFacts::Set(size_t output, Shape shape, std::optional<std::vector<double>> values) {
  if (output >= outputs_.size()) return;
  Facts& facts = outputs_[output];
  if (values && IsSmall(shape) && ElementCount(shape) == static_cast<int64_t>(values->size())) {
    facts.values = std::move(values);
  }
  facts.shape = std::move(shape);
}

bool IsSmall(const Shape& shape) {
  return AllKnown(shape) && ElementCount(shape).value_or(kLargestExtent) <= kMaxKnownValues;
}

int64_t StretchedPlace(const Shape& at, const Shape& shape) {
  int64_t place = 0;
  const size_t skipped = at.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) place = place * shape[i] + (shape[i] == 1 ? 0 : at[skipped + i]);
  return place;
}

ShapeRule FindShapeRule(const Node& node) {
  if (!node.domain.empty() && node.domain != "com.microsoft") return nullptr;
  for (const auto rows : {ElementwiseShapes(), MovementShapes(), SizeShapes(), ProductShapes()}) {
    const auto row = std::ranges::find(rows, node.op_type, &ShapeRow::op_type);
    if (row != rows.end()) return row->rule;
  }
  return nullptr;
}

}  // namespace vlaq::onnx

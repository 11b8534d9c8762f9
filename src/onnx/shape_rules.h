// What is known of a value before anything runs, and the rules by which operators pass it on: extents, and the numbers
// of small tensors, since graphs compute shapes from shapes. Private to this module. Numbers of a file may be anything:
// rules look at each before they use it. Pure functions; not aware of: files, subgraphs (shapes.cc).
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/graph.h"

namespace vlaq::onnx {

inline constexpr int64_t kUnknownExtent = -1;
// Beyond them no model is real, and sums and products of a few cannot overflow.
inline constexpr int64_t kLargestExtent = int64_t{1} << 40U;
inline constexpr int64_t kLargestNumber = int64_t{1} << 31U;  // of an attribute
// Shapes are computed from small tensors; of larger ones only the shape matters.
inline constexpr int64_t kMaxKnownValues = 1024;

struct Facts {
  std::optional<DType> dtype;
  std::optional<Shape> shape;  // kUnknownExtent where one is not known
  // The values of a small tensor whose extents are all known; NaN where a number is not. Integers up to 2^53 are exact;
  // larger ones stand for "to the end".
  std::optional<std::vector<double>> values;
};

// An attribute or input that says where: from the back if negative. nullopt outside of 0 to `end` - 1.
std::optional<size_t> AxisOf(int64_t axis, size_t end);
// Clamped to what fits; for a number that is known.
int64_t AsInteger(double value);
int64_t ProductOf(int64_t a, int64_t b);  // kUnknownExtent if one is unknown or it is too large
bool AllKnown(const Shape& shape);
// Extents of two operands that are stretched to each other; nullopt if they contradict.
std::optional<Shape> Broadcast(const Shape& a, const Shape& b);

// One node as its rule sees it: what is known of its inputs, and room for what follows for its outputs.
class NodeFacts {
 public:
  // `inputs` has a place for each of the node's, null for one that is left out.
  NodeFacts(const Node& node, int64_t opset, std::vector<const Facts*> inputs, std::vector<Facts> outputs)
      : node_(node), opset_(opset), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

  const Node& node() const { return node_; }
  int64_t opset() const { return opset_; }
  size_t inputs() const { return inputs_.size(); }
  size_t outputs() const { return outputs_.size(); }
  bool Given(size_t input) const { return input < inputs_.size() && inputs_[input] != nullptr; }
  const Facts& In(size_t input) const;
  // Null if it is not known.
  const Shape* ShapeOf(size_t input) const;
  const std::vector<double>* ValuesOf(size_t input) const;
  // All of an input's numbers, if they are known.
  std::optional<std::vector<int64_t>> IntegersOf(size_t input) const;
  // The attribute of that name or, from `since` on, an input: as axes became one. nullopt: given, but not known.
  // Empty: not given.
  std::optional<std::vector<int64_t>> AttributeOrInput(std::string_view name, size_t input) const;

  // An attribute within +-kLargestNumber; others are refused.
  int64_t Number(std::string_view name, int64_t otherwise);
  std::vector<int64_t> Numbers(std::string_view name);

  std::optional<DType> TypeOfOutput(size_t output) const { return outputs_[output].dtype; }
  // Nothing happens if the node has no such output.
  void Set(size_t output, Shape shape);
  // `values` are dropped if there are too many or the shape is not wholly known.
  void Set(size_t output, Shape shape, std::optional<std::vector<double>> values);

  // The graph contradicts itself here. The first reason counts.
  void Refuse(std::string why) {
    if (refused_.empty()) refused_ = std::move(why);
  }
  const std::string& refused() const { return refused_; }
  std::vector<Facts>& results() { return outputs_; }

 private:
  const Node& node_;
  int64_t opset_;
  std::vector<const Facts*> inputs_;
  std::vector<Facts> outputs_;
  std::string refused_;
};

using ShapeRule = void (*)(NodeFacts&);
struct ShapeRow {
  std::string_view op_type;
  ShapeRule rule;
};
// The rule of an operator of ai.onnx, or of ONNX Runtime's own; null for others.
ShapeRule FindShapeRule(const Node& node);

// Letters of each operand of an Einsum, then of its result; nullopt for an equation that is not one of plain letters.
std::optional<std::vector<std::string>> EinsumTerms(std::string equation);

// The rows of one file each.
std::span<const ShapeRow> ElementwiseShapes();
std::span<const ShapeRow> MovementShapes();
std::span<const ShapeRow> SizeShapes();
std::span<const ShapeRow> ProductShapes();

// Values picked one by one: `place_of` gives the flat place in `from` of the element at some index of `shape`.
template <typename PlaceOf>
std::vector<double> PickValues(const std::vector<double>& from, const Shape& shape, PlaceOf place_of) {
  std::vector<double> picked;
  Shape at(shape.size(), 0);
  const int64_t count = ElementCount(shape).value_or(0);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t place = place_of(at);
    const bool inside = place >= 0 && place < static_cast<int64_t>(from.size());
    picked.push_back(inside ? from[static_cast<size_t>(place)] : std::nan(""));
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++at[axis] < shape[axis]) break;
      at[axis] = 0;
    }
  }
  return picked;
}
// Whether values of this shape are kept at all.
bool IsSmall(const Shape& shape);
// The flat place in a tensor of shape `shape` for an index of a larger one that it is stretched to.
int64_t StretchedPlace(const Shape& at, const Shape& shape);

}  // namespace vlaq::onnx

// What an operator sees of its node, and the table of operators. Private to this module.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"
#include "tensor/tensor.h"

namespace vlaq::backend {

using Tensors = std::vector<Tensor>;

// One evaluation of one node. The evaluator has checked the number of inputs against the operator's row.
class Call {
 public:
  Call(const onnx::Node& node, std::span<const Tensor* const> inputs) : node_(node), inputs_(inputs) {}

  const onnx::Node& node() const { return node_; }
  size_t input_count() const { return inputs_.size(); }
  // A required input.
  const Tensor& In(size_t i) const { return *inputs_[i]; }
  // An optional input, nullptr if left out.
  const Tensor* Find(size_t i) const { return i < inputs_.size() ? inputs_[i] : nullptr; }
  // A required input of type int32 or int64 and rank 0 or 1, such as axes or a shape.
  Result<std::vector<int64_t>> Integers(size_t i) const;

 private:
  const onnx::Node& node_;
  std::span<const Tensor* const> inputs_;
};

struct Operator {
  std::string_view name;  // with its domain before a dot where that is not ai.onnx
  size_t least_inputs;    // these must be given
  size_t most_inputs;
  Result<Tensors> (*evaluate)(const Call&);
};
constexpr size_t kAnyNumber = static_cast<size_t>(-1);

// One table per family of operators.
std::span<const Operator> ElementwiseOperators();
std::span<const Operator> ConvolutionOperators();
std::span<const Operator> GeneratorOperators();
std::span<const Operator> MatMulOperators();
std::span<const Operator> MovementOperators();
std::span<const Operator> NormalizationOperators();
std::span<const Operator> QuantizedOperators();
std::span<const Operator> RecurrentOperators();
std::span<const Operator> ReductionOperators();
std::span<const Operator> ShapeOperators();

// kBackend without a place; the evaluator adds the node.
Error Refuse(std::string what);

}  // namespace vlaq::backend

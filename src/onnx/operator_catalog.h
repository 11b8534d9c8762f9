// The operators that have weights: one row each, with all that depends on the operator and on nothing else.
// Calibration, planning, rewriting, costs and checks look here, so that an operator that one of them knows all of them
// know.
//
// In scope: operators of ai.onnx with weights of their own, and where a node has them. Not aware of: formats, targets,
// how a form is built (passes), what a quantized graph looks like. `verification/operator_reading` keeps a reading of
// its own, since it is the witness. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/graph_index.h"
#include "tensor/typed_shape.h"

namespace vlaq::onnx {

// Multiply-accumulates by the shapes of a node's inputs and outputs; nullopt where these do not say.
using MacsRule = std::optional<int64_t> (*)(std::span<const TypedShape> inputs, std::span<const TypedShape> outputs);

struct OperatorRow {
  std::string_view op_type;
  // Places among the inputs. An operator that may have its weight in two places has two rows.
  size_t weight = 1;
  std::optional<size_t> second_weight = std::nullopt;  // of a loop: what the state is multiplied with
  std::optional<size_t> activation = 0;                // what the weight multiplies; absent: rows of it are taken
  std::optional<size_t> bias = std::nullopt;
  // Axes of the weight, from the back if negative: of its outputs (each has a scale of its own), and the one that is
  // summed over.
  int64_t output_axis = 0, summed_axis = 1;
  // The last axis of the activation is the one that the weight sums over.
  bool sums_last_axis = false;
  MacsRule macs = nullptr;  // null: it multiplies nothing
  // What its attributes change about a node's places, or null. False: this node has no weight in this sense.
  bool (*adjust)(const Node& node, const Initializer& weight, OperatorRow& row) = nullptr;
  // Why this node has no form that computes with integers; empty: it has one.
  std::string (*no_integers)(const Node& node, const Initializer& weight) = nullptr;
};
std::span<const OperatorRow> OperatorCatalog();
// The first row of an operator of ai.onnx; null for one that has no weights.
const OperatorRow* FindInCatalog(std::string_view op_type);

// A node with the weights that it has.
struct WeightedNode {
  const Node* node = nullptr;
  OperatorRow row;                          // as the node's attributes make it; axes count from the front
  std::vector<const Initializer*> weights;  // one, or two of a loop
  std::string no_integers;                  // why it cannot compute with integers; empty: it can

  const Initializer& weight() const { return *weights.front(); }
  // The value that the weight multiplies; null for an operator that takes rows.
  const std::string* activation() const { return row.activation ? &node->inputs[*row.activation] : nullptr; }
};

// A node whose weights are initializers of floating-point numbers in `index` (that of its graph, or of the graph around
// it); nullopt for others. One whose activation depends on no input has no form with
// integers.
std::optional<WeightedNode> FindWeighted(const Node& node, const GraphIndex& index);

}  // namespace vlaq::onnx

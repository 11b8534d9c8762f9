#include "onnx/operator_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "onnx/products.h"

namespace vlaq::onnx {
namespace {

std::string NeedsTwoAxes(const Initializer& weight) {
  return weight.shape.size() == 2 ? "" : fmt::format("its weight has {} axes, not 2", weight.shape.size());
}

std::string RefuseMatMul(const Node& /*node*/, const Initializer& weight) { return NeedsTwoAxes(weight); }

std::string RefuseReversedMatMul(const Node& /*node*/, const Initializer& /*weight*/) {
  return "its weight is the first operand of the product";
}

std::string RefuseGemm(const Node& node, const Initializer& weight) {
  const bool plain = node.Float("alpha", 1) == 1 && node.Float("beta", 1) == 1 && node.Int("transA", 0) == 0;
  return plain ? NeedsTwoAxes(weight) : "a Gemm with an alpha, beta or transA of its own";
}

std::string RefuseLstm(const Node& node, const Initializer& weight) {
  constexpr size_t kPeepholes = 7;
  const bool plain = weight.shape.size() == 3 && weight.shape[0] == 1 && node.Int("layout", 0) == 0 &&
                     (node.inputs.size() <= kPeepholes || node.inputs[kPeepholes].empty());
  return plain ? "" : "an LSTM of both directions, with peepholes or with the batch in front";
}

std::string RefuseAll(const Node& node, const Initializer& /*weight*/) {
  return fmt::format("there is no {} with integer weights", node.op_type);
}

std::string RefuseGroupsOfConvTranspose(const Node& node, const Initializer& /*weight*/) {
  return node.Int("group", 1) == 1 ? "" : "a ConvTranspose in groups";
}

bool TurnGemm(const Node& node, const Initializer& /*weight*/, OperatorRow& row) {
  if (node.Int("transB", 0) != 0) std::swap(row.output_axis, row.summed_axis);
  row.sums_last_axis = node.Int("transA", 0) == 0;
  return true;
}

bool IsTable(const Node& node, const Initializer& weight, OperatorRow& /*row*/) {
  return weight.shape.size() == 2 && node.Int("axis", 0) == 0;
}

// A row of a loop over time: weights of the input and of the state, [directions, gates, inputs].
constexpr OperatorRow Loop(std::string_view op_type, MacsRule macs,
                           std::string (*no_integers)(const Node&, const Initializer&)) {
  return {.op_type = op_type,
          .second_weight = 2,
          .bias = 3,
          .output_axis = 1,
          .summed_axis = 2,
          .sums_last_axis = true,
          .macs = macs,
          .no_integers = no_integers};
}

constexpr std::array kCatalog = {
    OperatorRow{.op_type = "Conv", .bias = 2, .output_axis = 0, .summed_axis = 1, .macs = ConvMacs},
    OperatorRow{.op_type = "ConvTranspose",
                .bias = 2,
                .output_axis = 1,
                .summed_axis = 0,
                .macs = TransposedConvMacs,
                .no_integers = RefuseGroupsOfConvTranspose},
    OperatorRow{.op_type = "Gather",
                .weight = 0,
                .activation = std::nullopt,
                .output_axis = 0,
                .summed_axis = 1,
                .adjust = IsTable},
    OperatorRow{.op_type = "Gemm",
                .bias = 2,
                .output_axis = 1,
                .summed_axis = 0,
                .macs = MatMulMacs,
                .adjust = TurnGemm,
                .no_integers = RefuseGemm},
    Loop("GRU", ThreeGateMacs, RefuseAll),
    Loop("LSTM", FourGateMacs, RefuseLstm),
    OperatorRow{.op_type = "MatMul",
                .output_axis = -1,
                .summed_axis = -2,
                .sums_last_axis = true,
                .macs = MatMulMacs,
                .no_integers = RefuseMatMul},
    OperatorRow{.op_type = "MatMul",
                .weight = 0,
                .activation = 1,
                .output_axis = -2,
                .summed_axis = -1,
                .macs = MatMulMacs,
                .no_integers = RefuseReversedMatMul},
    Loop("RNN", OneGateMacs, RefuseAll),
};

// Null for what is left out or no weight.
const Initializer* WeightAt(const Node& node, size_t input, const GraphIndex& index) {
  const Initializer* found = input < node.inputs.size() ? index.FindInitializer(node.inputs[input]) : nullptr;
  return found != nullptr && IsFloat(found->dtype) ? found : nullptr;
}

// A vector has one axis for both.
void CountFromTheFront(int64_t& axis, size_t rank) {
  if (axis < 0) axis = std::max<int64_t>(0, axis + static_cast<int64_t>(rank));
}

std::optional<WeightedNode> AsIn(const OperatorRow& row, const Node& node, const GraphIndex& index) {
  WeightedNode found{&node, row, {}, ""};
  for (const auto place : {std::optional(row.weight), row.second_weight}) {
    if (!place) continue;
    const Initializer* weight = WeightAt(node, *place, index);
    if (weight == nullptr) return std::nullopt;
    found.weights.push_back(weight);
  }
  const bool given = !row.activation || (*row.activation < node.inputs.size() && !node.inputs[*row.activation].empty());
  if (!given) return std::nullopt;
  if (row.adjust != nullptr && !row.adjust(node, found.weight(), found.row)) return std::nullopt;
  for (int64_t* axis : {&found.row.output_axis, &found.row.summed_axis}) {
    CountFromTheFront(*axis, found.weight().shape.size());
  }
  if (row.no_integers != nullptr) found.no_integers = row.no_integers(node, found.weight());
  if (row.activation && index.IsFixed(node.inputs[*row.activation])) {
    found.no_integers = "it reads constants only, so it is computed once, when the graph is opened";
  }
  return found;
}

}  // namespace

std::span<const OperatorRow> OperatorCatalog() { return kCatalog; }

const OperatorRow* FindInCatalog(std::string_view op_type) {
  const auto row = std::ranges::find(kCatalog, op_type, &OperatorRow::op_type);
  return row == kCatalog.end() ? nullptr : &*row;
}

std::optional<WeightedNode> FindWeighted(const Node& node, const GraphIndex& index) {
  if (!node.domain.empty()) return std::nullopt;
  for (const OperatorRow& row : kCatalog) {
    if (row.op_type != node.op_type) continue;
    if (auto found = AsIn(row, node, index)) return found;
  }
  return std::nullopt;
}

}  // namespace vlaq::onnx

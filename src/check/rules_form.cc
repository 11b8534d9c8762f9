// Rules about the form of single operators: attributes, and inputs that must be constants.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "check/graph_view.h"
#include "check/rule.h"

namespace vlaq::check {
namespace {

using target::k10;
using target::kBefore103;
using target::kBoth;

constexpr int64_t kMaxK = 3839;

// Inputs that must be known when the engine is built.
struct ConstantInput {
  std::string_view op_type;
  size_t input;
  Applies applies;
  int64_t since_opset;  // before it the values are an attribute, or the input is something else
};
constexpr std::array kConstantInputs = {
    ConstantInput{"CumSum", 1, kBoth, 11},     ConstantInput{"Pad", 3, k10, 18},
    ConstantInput{"ReduceL1", 1, k10, 18},     ConstantInput{"ReduceL2", 1, k10, 18},
    ConstantInput{"ReduceLogSum", 1, k10, 18}, ConstantInput{"ReduceLogSumExp", 1, k10, 18},
    ConstantInput{"ReduceMax", 1, k10, 18},    ConstantInput{"ReduceMean", 1, k10, 18},
    ConstantInput{"ReduceMin", 1, k10, 18},    ConstantInput{"ReduceProd", 1, k10, 18},
    ConstantInput{"ReduceSum", 1, k10, 13},    ConstantInput{"ReduceSumSquare", 1, k10, 18},
    ConstantInput{"Slice", 3, kBefore103, 10}, ConstantInput{"Squeeze", 1, kBoth, 13},
    ConstantInput{"Unsqueeze", 1, kBoth, 13},
};

void ComputedAxes(const GraphView& view, const onnx::Node& node, Findings& findings) {
  for (const ConstantInput& row : kConstantInputs) {
    const bool asked = row.op_type == node.op_type && node.domain.empty() && row.applies(view.version());
    if (!asked || view.opset() < row.since_opset || !Given(node, row.input)) continue;
    if (!view.IsConstant(node.inputs[row.input])) findings.Add(node, node.inputs[row.input], "its axes are computed");
  }
}

void LayerNormForm(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const auto used = std::count_if(node.outputs.begin(), node.outputs.end(), [](const auto& o) { return !o.empty(); });
  if (used > 1) findings.Add(node, node.outputs.back(), "its mean or deviation is an output");
  if (!Given(node, 1)) findings.Add(node, "", "has no scale");
}

void LayerNormBias(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (!Given(node, 2)) findings.Add(node, "", "has no bias");
}

const onnx::Node* MadeBy(const GraphView& view, const onnx::Node* node, size_t input) {
  return node == nullptr ? nullptr : view.Producer(InputName(*node, input));
}
bool Is(const onnx::Node* node, std::string_view op_type) { return node != nullptr && node->op_type == op_type; }

// mean((x - mean(x))^2): the middle of a LayerNormalization in pieces.
void LayerNormInPieces(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const onnx::Node* square = MadeBy(view, &node, 0);
  const bool squares = Is(square, "Pow") || (Is(square, "Mul") && InputName(*square, 0) == InputName(*square, 1));
  const onnx::Node* difference = squares ? MadeBy(view, square, 0) : nullptr;
  if (!Is(difference, "Sub")) return;
  const onnx::Node* mean = MadeBy(view, difference, 1);
  if (Is(mean, "ReduceMean") && InputName(*mean, 0) == InputName(*difference, 0)) {
    findings.Add(node, InputName(*difference, 0), "the variance of a LayerNormalization in pieces");
  }
}

void EinsumForm(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const std::string equation = node.String("equation", "");
  std::set<char> in_term;
  for (const char c : equation) {
    if (c == ',' || c == '-') in_term.clear();
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    const bool repeated = letter && !in_term.insert(c).second;
    if (c != '.' && !repeated && !(letter && std::isupper(static_cast<unsigned char>(c)) != 0)) continue;
    findings.Add(node, "", fmt::format("equation {}", equation));
    return;
  }
}

void UnsortedTopK(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (node.Int("sorted", 1) == 0) findings.Add(node, "", "sorted = 0");
}

void LargeTopK(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto k = view.Integers(InputName(node, 1));
  if (k && k->size() == 1 && k->front() > kMaxK)
    findings.Add(node, InputName(node, 1), fmt::format("K = {}", k->front()));
}

void ComputedDepth(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (!view.IsConstant(InputName(node, 1))) findings.Add(node, InputName(node, 1), "its depth is computed");
}

void PoolRank(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const size_t rank = node.Ints("kernel_shape").size();
  if (rank > 3) findings.Add(node, "", fmt::format("pools over {} axes", rank));
}

void PoolIndices(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (node.outputs.size() > 1 && !node.outputs[1].empty()) findings.Add(node, node.outputs[1], "gives indices");
}

void PoolDilations(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const std::vector<int64_t> dilations = node.Ints("dilations");
  if (std::any_of(dilations.begin(), dilations.end(), [](int64_t d) { return d != 1; }))
    findings.Add(node, "", "is dilated");
}

constexpr std::array kFormChecks = {
    Check{.rule = "TRT-G10a", .operators = {"LayerNormalization"}, .node = LayerNormForm},
    Check{.rule = "TRT-G10b", .operators = {"LayerNormalization"}, .node = LayerNormBias},
    Check{.rule = "TRT-G11", .operators = {"ReduceMean"}, .node = LayerNormInPieces},
    Check{.rule = "TRT-G12", .operators = {"Einsum"}, .node = EinsumForm},
    Check{.rule = "TRT-G13", .node = ComputedAxes},
    Check{.rule = "TRT-G14a", .operators = {"TopK"}, .node = UnsortedTopK},
    Check{.rule = "TRT-G14b", .operators = {"TopK"}, .node = LargeTopK},
    Check{.rule = "TRT-G14c", .operators = {"OneHot"}, .node = ComputedDepth},
    Check{.rule = "TRT-G15a", .operators = {"AveragePool", "MaxPool"}, .node = PoolRank},
    Check{.rule = "TRT-G15b", .operators = {"MaxPool"}, .node = PoolIndices},
    Check{.rule = "TRT-G15c", .operators = {"AveragePool", "LpPool", "MaxPool"}, .node = PoolDilations},
};

}  // namespace

std::span<const Check> FormChecks() { return kFormChecks; }

}  // namespace vlaq::check

// Rules about the form of single operators: attributes, and inputs that must be constants.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "preflight/rule.h"
#include "preflight/scene.h"

namespace vlaq::preflight {
namespace {

constexpr int64_t kMostK = 3839;

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

void ComputedAxes(const Scene& scene, const onnx::Node& node, Findings& findings) {
  for (const ConstantInput& row : kConstantInputs) {
    const bool asked = row.op_type == node.op_type && node.domain.empty() && row.applies.To(scene.version());
    if (!asked || scene.opset() < row.since_opset || !Given(node, row.input)) continue;
    if (!scene.IsConstant(node.inputs[row.input])) findings.Add(node, node.inputs[row.input], "its axes are computed");
  }
}

void LayerNormForm(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  const auto used = std::count_if(node.outputs.begin(), node.outputs.end(), [](const auto& o) { return !o.empty(); });
  if (used > 1) findings.Add(node, node.outputs.back(), "its mean or deviation is an output");
  if (!Given(node, 1)) findings.Add(node, "", "has no scale");
}

void LayerNormBias(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  if (!Given(node, 2)) findings.Add(node, "", "has no bias");
}

const onnx::Node* MadeBy(const Scene& scene, const onnx::Node* node, size_t input) {
  return node == nullptr ? nullptr : scene.Producer(InputName(*node, input));
}
bool Is(const onnx::Node* node, std::string_view op_type) { return node != nullptr && node->op_type == op_type; }

// mean((x - mean(x))^2): the middle of a LayerNormalization in pieces.
void LayerNormInPieces(const Scene& scene, const onnx::Node& node, Findings& findings) {
  const onnx::Node* square = MadeBy(scene, &node, 0);
  const bool squares = Is(square, "Pow") || (Is(square, "Mul") && InputName(*square, 0) == InputName(*square, 1));
  const onnx::Node* difference = squares ? MadeBy(scene, square, 0) : nullptr;
  if (!Is(difference, "Sub")) return;
  const onnx::Node* mean = MadeBy(scene, difference, 1);
  if (Is(mean, "ReduceMean") && InputName(*mean, 0) == InputName(*difference, 0)) {
    findings.Add(node, InputName(*difference, 0), "the variance of a LayerNormalization in pieces");
  }
}

void EinsumForm(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
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

void UnsortedTopK(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  if (node.Int("sorted", 1) == 0) findings.Add(node, "", "sorted = 0");
}

void LargeTopK(const Scene& scene, const onnx::Node& node, Findings& findings) {
  const auto k = scene.Integers(InputName(node, 1));
  if (k && k->size() == 1 && k->front() > kMostK)
    findings.Add(node, InputName(node, 1), fmt::format("K = {}", k->front()));
}

void ComputedDepth(const Scene& scene, const onnx::Node& node, Findings& findings) {
  if (!scene.IsConstant(InputName(node, 1))) findings.Add(node, InputName(node, 1), "its depth is computed");
}

void PoolRank(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  const size_t rank = node.Ints("kernel_shape").size();
  if (rank > 3) findings.Add(node, "", fmt::format("pools over {} axes", rank));
}

void PoolIndices(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  if (node.outputs.size() > 1 && !node.outputs[1].empty()) findings.Add(node, node.outputs[1], "gives indices");
}

void PoolDilations(const Scene& /*scene*/, const onnx::Node& node, Findings& findings) {
  const std::vector<int64_t> dilations = node.Ints("dilations");
  if (std::any_of(dilations.begin(), dilations.end(), [](int64_t d) { return d != 1; }))
    findings.Add(node, "", "is dilated");
}

constexpr std::array kFormRules = {
    Rule{.id = "TRT-G10a",
         .applies = kBoth,
         .reason = "LayerNormalization gives its first output only, and a missing scale counts as 0 in 10.1",
         .cure = "scale and bias given, only the first output",
         .source = kOperatorTable,
         .operators = {"LayerNormalization"},
         .node = LayerNormForm},
    Rule{.id = "TRT-G10b",
         .applies = kBoth,
         .severity = Severity::kWarning,
         .reason = "a LayerNormalization without bias takes the importer's fallback, which differs by version",
         .cure = "a bias of zeros",
         .source = "onnx-tensorrt 8.6-GA and 10.1-GA",
         .operators = {"LayerNormalization"},
         .node = LayerNormBias},
    Rule{.id = "TRT-G11",
         .applies = kBoth,
         .severity = Severity::kWarning,
         .reason = "with FP16 the squares of a LayerNormalization in pieces overflow",
         .cure = "the operator LayerNormalization (opset 17)",
         .source = "NVIDIA/TensorRT issues 2564, 3101, 4493",
         .operators = {"ReduceMean"},
         .node = LayerNormInPieces},
    Rule{.id = "TRT-G12",
         .applies = kOnly86,
         .reason = "Einsum has no ellipsis, no diagonal and only the letters a to z",
         .cure = "Transpose and MatMul",
         .source = kOperatorTable,
         .operators = {"Einsum"},
         .node = EinsumForm},
    Rule{.id = "TRT-G13",
         .applies = kBoth,
         .reason = "axes must be known when the engine is built",
         .cure = "axes as an initializer",
         .source = kOperatorTable,
         .node = ComputedAxes},
    Rule{.id = "TRT-G14a",
         .applies = kBoth,
         .severity = Severity::kWarning,
         .reason = "TopK sorts, whatever it is asked for",
         .cure = "sorted = 1",
         .source = kOperatorTable,
         .operators = {"TopK"},
         .node = UnsortedTopK},
    Rule{.id = "TRT-G14b",
         .applies = k10,
         .reason = "TopK gives fewer than 3840 values",
         .cure = "a smaller K",
         .source = kOperatorTable,
         .operators = {"TopK"},
         .node = LargeTopK},
    Rule{.id = "TRT-G14c",
         .applies = k10,
         .reason = "OneHot's depth must be known when the engine is built",
         .cure = "depth as an initializer",
         .source = kOperatorTable,
         .operators = {"OneHot"},
         .node = ComputedDepth},
    Rule{.id = "TRT-G15a",
         .applies = kBoth,
         .reason = "pools over at most 3 axes",
         .cure = "ReduceMax or ReduceMean",
         .source = kOperatorTable,
         .operators = {"AveragePool", "MaxPool"},
         .node = PoolRank},
    Rule{.id = "TRT-G15b",
         .applies = kBoth,
         .reason = "MaxPool gives no indices",
         .cure = "ReduceMax, ArgMax",
         .source = kOperatorTable,
         .operators = {"MaxPool"},
         .node = PoolIndices},
    Rule{.id = "TRT-G15c",
         .applies = kBoth,
         .reason = "pools without dilations",
         .cure = "Slice with steps before the pool",
         .source = kOperatorTable,
         .operators = {"AveragePool", "LpPool", "MaxPool"},
         .node = PoolDilations},
};

}  // namespace

std::span<const Rule> FormRules() { return kFormRules; }

}  // namespace vlaq::preflight

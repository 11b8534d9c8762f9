#include "quantize/rewrite/opset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace vlaq::rewrite {
namespace {

constexpr std::array<std::string_view, 9> kAxesBecameAnInput{"ReduceL1",        "ReduceL2",   "ReduceLogSum",
                                                             "ReduceLogSumExp", "ReduceMax",  "ReduceMean",
                                                             "ReduceMin",       "ReduceProd", "ReduceSumSquare"};

// The file format that came with an opset.
struct FormatRow {
  int64_t opset, ir_version;
};
constexpr std::array kFormats{FormatRow{21, 10}, FormatRow{19, 9}, FormatRow{0, 8}};

void MoveAxes(onnx::Graph& graph) {
  for (onnx::Node& node : graph.nodes) {
    const bool moves =
        std::find(kAxesBecameAnInput.begin(), kAxesBecameAnInput.end(), node.op_type) != kAxesBecameAnInput.end();
    const std::vector<int64_t> axes = node.Ints("axes");
    if (!moves || axes.empty() || node.inputs.size() > 1) continue;
    const std::string name = node.name + "/axes";
    const Tensor values = Tensor::From<int64_t>({static_cast<int64_t>(axes.size())}, axes);
    graph.initializers.push_back({name, DType::kI64, values.shape(), values});
    node.inputs.push_back(name);
    node.attributes.erase("axes");
  }
}

// What foreign graphs may hold that 18 to 21 say in another way than is done here.
Status CheckRaisable(const onnx::Graph& graph) {
  for (const onnx::Node& node : graph.nodes) {
    const bool subgraph = std::any_of(node.attributes.begin(), node.attributes.end(), [](const auto& attribute) {
      return std::holds_alternative<std::shared_ptr<const onnx::Graph>>(attribute.second);
    });
    const bool parts = node.op_type == "Split" && node.inputs.size() < 2;
    if (!subgraph && !parts && node.op_type != "GridSample" && node.op_type != "DFT") continue;
    return InputError(fmt::format("node '{}'", node.name),
                      fmt::format("a {} is said in another way in opset 18 and later", node.op_type),
                      "take a precision that needs no newer opset, or export the graph in opset 18 or later");
  }
  return {};
}

}  // namespace

int64_t FormatOf(int64_t opset) {
  const auto* row =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const FormatRow& r) { return opset >= r.opset; });
  return row->ir_version;
}

Status RaiseOpset(onnx::Model& model, int64_t opset) {
  const auto found = model.opsets.find("");
  const int64_t now = found == model.opsets.end() ? 1 : found->second;
  if (now == opset) return {};
  if (opset < now || opset > kNewestOpset) {
    return InputError("opset", fmt::format("cannot turn a graph of opset {} into one of {}", now, opset),
                      fmt::format("vlaq knows opsets up to {}", kNewestOpset));
  }
  if (now < 18 && opset >= 18) {
    VLAQ_RETURN_IF_ERROR(CheckRaisable(model.graph));
    MoveAxes(model.graph);
  }
  model.opsets[""] = opset;
  model.ir_version = std::max(model.ir_version, FormatOf(opset));
  return {};
}

}  // namespace vlaq::rewrite

#include "onnx/summary.h"

#include <set>

namespace vlaq::onnx {
namespace {

void AddWeight(Summary& summary, DType dtype, const Shape& shape, bool external) {
  const uint64_t bytes = ByteCount(dtype, shape).value_or(0);
  for (WeightBytes* weights : {&summary.weights[dtype], &summary.total}) {
    ++weights->tensors;
    weights->elements += ElementCount(shape).value_or(0);
    (external ? weights->external_bytes : weights->inline_bytes) += bytes;
  }
}

void AddGraph(Summary& summary, const Graph& graph) {
  for (const Initializer& initializer : graph.initializers) {
    AddWeight(summary, initializer.dtype, initializer.shape, initializer.is_external());
  }
  for (const Node& node : graph.nodes) {
    ++summary.nodes;
    ++summary.operators[node.domain.empty() ? node.op_type : node.domain + "." + node.op_type];
    for (const auto& [name, value] : node.attributes) {
      if (const auto* tensor = std::get_if<Tensor>(&value)) AddWeight(summary, tensor->dtype(), tensor->shape(), false);
      if (const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&value)) AddGraph(summary, **subgraph);
    }
  }
}

}  // namespace

Summary Summarize(const Model& model) {
  Summary summary;
  AddGraph(summary, model.graph);
  std::set<std::string_view> initializers;
  for (const Initializer& initializer : model.graph.initializers) initializers.insert(initializer.name);
  for (const ValueInfo& input : model.graph.inputs) {
    if (initializers.count(input.name) == 0) summary.inputs.push_back(input);
  }
  summary.outputs = model.graph.outputs;
  return summary;
}

}  // namespace vlaq::onnx

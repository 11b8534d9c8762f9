#include "onnx/reachability.h"

#include "onnx/graph_index.h"

namespace vlaq::onnx {

Reachability ReachableFrom(const GraphIndex& index, std::span<const std::string> values) {
  const Graph& graph = index.graph();
  Reachability reached;
  reached.nodes.assign(graph.nodes.size(), false);
  std::set<std::string> seen;
  std::vector<std::string> open(values.begin(), values.end());
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (name.empty() || !seen.insert(name).second) continue;
    const Node* producer = index.Producer(name);
    if (producer == nullptr) continue;
    const auto at = static_cast<size_t>(producer - graph.nodes.data());
    if (reached.nodes[at]) continue;
    reached.nodes[at] = true;
    open.insert(open.end(), producer->inputs.begin(), producer->inputs.end());
    for (const std::string& captured : Captured(*producer)) open.push_back(captured);
  }
  for (const ValueInfo& input : graph.inputs) {
    if (seen.count(input.name) > 0) reached.inputs.insert(input.name);
  }
  for (const Initializer& initializer : graph.initializers) {
    if (seen.count(initializer.name) == 0) continue;
    reached.initializers.insert(initializer.name);
    reached.parameters += ElementCount(initializer.shape).value_or(0);
    reached.bytes += initializer.bytes();
  }
  return reached;
}

Reachability ReachableFrom(const Graph& graph, std::span<const std::string> values) {
  return ReachableFrom(GraphIndex(graph), values);
}

Reachability ReachableFromOutputs(const Graph& graph) {
  std::vector<std::string> outputs;
  for (const ValueInfo& output : graph.outputs) outputs.push_back(output.name);
  return ReachableFrom(graph, outputs);
}

std::map<std::string, int64_t, std::less<>> PackedWeights(const Graph& graph) {
  std::map<std::string, int64_t, std::less<>> packed;
  for (const Node& node : graph.nodes) {
    if (node.op_type != "MatMulNBits" || node.inputs.size() < 2) continue;
    packed[node.inputs[1]] = ElementCount(Shape{node.Int("K", 0), node.Int("N", 0)}).value_or(0);
  }
  return packed;
}

}  // namespace vlaq::onnx

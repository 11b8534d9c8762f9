#include "onnx/reachability.h"

#include <unordered_map>

namespace vlaq::onnx {
namespace {

// Names that a subgraph mentions; those it defines itself do no harm, since SSA keeps them apart from outer names.
void CollectMentioned(const Graph& graph, std::vector<std::string>& names);

void CollectMentioned(const Node& node, std::vector<std::string>& names) {
  names.insert(names.end(), node.inputs.begin(), node.inputs.end());
  for (const auto& [key, value] : node.attributes) {
    const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&value);
    if (subgraph != nullptr) CollectMentioned(**subgraph, names);
  }
}

void CollectMentioned(const Graph& graph, std::vector<std::string>& names) {
  for (const Node& node : graph.nodes) CollectMentioned(node, names);
  for (const ValueInfo& output : graph.outputs) names.push_back(output.name);
}

std::unordered_map<std::string_view, size_t> Producers(const Graph& graph) {
  std::unordered_map<std::string_view, size_t> producers;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (!output.empty()) producers.emplace(output, i);
    }
  }
  return producers;
}

}  // namespace

Reachability ReachableFrom(const Graph& graph, std::span<const std::string> values) {
  Reachability reached;
  reached.nodes.assign(graph.nodes.size(), false);
  const auto producers = Producers(graph);
  std::set<std::string> seen;
  std::vector<std::string> open(values.begin(), values.end());
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (name.empty() || !seen.insert(name).second) continue;
    const auto producer = producers.find(name);
    if (producer == producers.end() || reached.nodes[producer->second]) continue;
    reached.nodes[producer->second] = true;
    CollectMentioned(graph.nodes[producer->second], open);
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

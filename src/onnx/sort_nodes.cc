#include "onnx/sort_nodes.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace vlaq::onnx {
namespace {

using ::onnx::GraphProto;
using ::onnx::NodeProto;
using Makers = std::unordered_map<std::string_view, int>;  // value -> index of the node that makes it

// What a node's subgraphs read may come from the graph around them.
void AddReads(const NodeProto& node, const Makers& makers, std::unordered_set<int>& waits_for) {
  const auto add = [&](const std::string& value) {
    const auto maker = makers.find(value);
    if (maker != makers.end()) waits_for.insert(maker->second);
  };
  for (const std::string& input : node.input()) add(input);
  for (const auto& attribute : node.attribute()) {
    if (!attribute.has_g()) continue;
    for (const NodeProto& inner : attribute.g().node()) AddReads(inner, makers, waits_for);
    for (const auto& output : attribute.g().output()) add(output.name());
  }
}

// The indices of the nodes in order, the lowest that can run first; shorter than the graph if some never can.
std::vector<int> Order(const GraphProto& graph) {
  Makers makers;
  for (int i = 0; i < graph.node_size(); ++i) {
    for (const std::string& output : graph.node(i).output()) {
      if (!output.empty()) makers.emplace(output, i);
    }
  }
  const auto count = static_cast<size_t>(graph.node_size());
  std::vector<size_t> waits(count, 0);
  std::vector<std::vector<int>> readers(count);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < graph.node_size(); ++i) {
    std::unordered_set<int> waits_for;
    AddReads(graph.node(i), makers, waits_for);
    waits[static_cast<size_t>(i)] = waits_for.size();
    for (const int maker : waits_for) readers[static_cast<size_t>(maker)].push_back(i);
    if (waits_for.empty()) ready.push(i);
  }
  std::vector<int> order;
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const int reader : readers[static_cast<size_t>(next)]) {
      if (--waits[static_cast<size_t>(reader)] == 0) ready.push(reader);
    }
  }
  return order;
}

}  // namespace

bool SortNodes(GraphProto& graph) {
  bool moved = false;
  for (NodeProto& node : *graph.mutable_node()) {
    for (auto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) moved = SortNodes(*attribute.mutable_g()) || moved;
    }
  }
  const std::vector<int> order = Order(graph);
  if (order.size() < static_cast<size_t>(graph.node_size())) return moved;
  if (std::is_sorted(order.begin(), order.end())) return moved;
  google::protobuf::RepeatedPtrField<NodeProto> sorted;
  sorted.Reserve(graph.node_size());
  for (const int index : order) sorted.Add()->Swap(graph.mutable_node(index));
  graph.mutable_node()->Swap(&sorted);
  return true;
}

}  // namespace vlaq::onnx

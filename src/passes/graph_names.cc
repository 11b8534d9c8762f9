#include "passes/graph_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::passes {
namespace {

void CollectGraphs(const std::vector<policy::Step>& steps, std::vector<std::string>& graphs) {
  for (const policy::Step& step : steps) {
    const bool known = std::find(graphs.begin(), graphs.end(), step.graph) != graphs.end();
    if (step.kind == policy::StepKind::kRun && !known) graphs.push_back(step.graph);
    CollectGraphs(step.steps, graphs);
  }
}

void CollectMentioned(const onnx::Graph& graph, std::set<std::string, std::less<>>& names) {
  for (const onnx::Node& node : graph.nodes) {
    names.insert(node.inputs.begin(), node.inputs.end());
    names.merge(Captured(node));
  }
  for (const onnx::ValueInfo& output : graph.outputs) names.insert(output.name);
}

// What a graph's names stand for.
struct Meanings {
  std::map<std::string, const onnx::Node*, std::less<>> nodes;
  std::map<std::string, const onnx::Node*, std::less<>> values;  // with the node that makes it; null: an input
};

Meanings MeaningsOf(const onnx::Graph& graph) {
  Meanings meanings;
  for (const onnx::ValueInfo& input : graph.inputs) meanings.values.emplace(input.name, nullptr);
  for (const onnx::Node& node : graph.nodes) {
    meanings.nodes.emplace(node.name, &node);
    for (const std::string& output : node.outputs) {
      if (!output.empty()) meanings.values.emplace(output, &node);
    }
  }
  return meanings;
}

std::vector<std::string> StoredWeights(const onnx::Graph& graph, const onnx::Node& node) {
  std::vector<std::string> weights;
  for (const std::string& input : node.inputs) {
    const onnx::Initializer* found = graph.FindInitializer(input);
    if (found != nullptr && found->is_external()) weights.push_back(input);
  }
  return weights;
}

// The value of the schedule that a graph's port is; null for what is no port of it.
const std::string* BoundTo(const policy::Policy& policy, const std::string& graph, const std::string& value) {
  const auto found = policy.graphs.find(graph);
  if (found == policy.graphs.end()) return nullptr;
  for (const auto* ports : {&found->second.inputs, &found->second.outputs}) {
    const auto port = ports->find(value);
    if (port != ports->end()) return &port->second;
  }
  return nullptr;
}

}  // namespace

std::string WithGraph(std::string_view graph, std::string_view name) { return fmt::format("{}.{}", graph, name); }

std::vector<std::string> GraphsOf(const std::vector<policy::Step>& schedule) {
  std::vector<std::string> graphs;
  CollectGraphs(schedule, graphs);
  return graphs;
}

std::vector<std::string> GraphsInOrder(const policy::Policy& policy) {
  std::vector<std::string> graphs;
  const auto first = policy.schedules.find(policy.default_schedule);
  if (first != policy.schedules.end()) CollectGraphs(first->second, graphs);
  for (const auto& [name, graph] : policy.graphs) {
    if (std::find(graphs.begin(), graphs.end(), name) == graphs.end()) graphs.push_back(name);
  }
  return graphs;
}

std::set<std::string, std::less<>> Captured(const onnx::Node& node) {
  std::set<std::string, std::less<>> names;
  for (const auto& [key, value] : node.attributes) {
    const auto* subgraph = std::get_if<std::shared_ptr<const onnx::Graph>>(&value);
    if (subgraph != nullptr) CollectMentioned(**subgraph, names);
  }
  return names;
}

GraphNames::GraphNames(const policy::Policy& policy, const Graphs& graphs) {
  std::set<std::pair<std::string, std::string>> together;
  for (const auto& [name, schedule] : policy.schedules) {
    const std::vector<std::string> run = GraphsOf(schedule);
    for (const std::string& a : run) {
      for (const std::string& b : run) together.emplace(a, b);
    }
  }
  std::map<std::string, Meanings, std::less<>> meanings;
  for (const auto& [name, model] : graphs) meanings.emplace(name, MeaningsOf(model.graph));
  for (auto a = graphs.begin(); a != graphs.end(); ++a) {
    for (auto b = std::next(a); b != graphs.end(); ++b) {
      const bool apart = together.contains({a->first, b->first});
      const Meanings& other = meanings.at(b->first);
      for (const auto& [name, node] : meanings.at(a->first).nodes) {
        const auto same = other.nodes.find(name);
        if (same == other.nodes.end()) continue;
        const bool differ = node->op_type != same->second->op_type ||
                            StoredWeights(a->second.graph, *node) != StoredWeights(b->second.graph, *same->second);
        if (apart || differ) shared_nodes_.insert(name);
      }
      for (const auto& [name, maker] : meanings.at(a->first).values) {
        const auto same = other.values.find(name);
        if (same == other.values.end()) continue;
        const std::string* here = BoundTo(policy, a->first, name);
        const std::string* there = BoundTo(policy, b->first, name);
        if (here != nullptr && there != nullptr && *here == *there) continue;
        const bool differ = maker != nullptr && same->second != nullptr && maker->op_type != same->second->op_type;
        if (apart || differ) shared_values_.insert(name);
      }
    }
  }
}

std::string GraphNames::Node(std::string_view graph, std::string_view node) const {
  return shared_nodes_.contains(node) ? WithGraph(graph, node) : std::string(node);
}

std::string GraphNames::Value(std::string_view graph, std::string_view value) const {
  return shared_values_.contains(value) ? WithGraph(graph, value) : std::string(value);
}

}  // namespace vlaq::passes

#include "quantize/rewrite/graph_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "onnx/graph_index.h"

namespace vlaq::rewrite {
namespace {

void CollectGraphs(const std::vector<policy::Step>& steps, std::vector<std::string>& graphs) {
  for (const policy::Step& step : steps) {
    const bool known = std::find(graphs.begin(), graphs.end(), step.graph) != graphs.end();
    if (step.kind == policy::StepKind::kRun && !known) graphs.push_back(step.graph);
    CollectGraphs(step.steps, graphs);
  }
}

std::vector<std::string> StoredWeights(const onnx::GraphIndex& index, const onnx::Node& node) {
  std::vector<std::string> weights;
  for (const std::string& input : node.inputs) {
    const onnx::Initializer* found = index.FindInitializer(input);
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

GraphNames::GraphNames(const policy::Policy& policy, const Graphs& graphs) {
  std::set<std::pair<std::string, std::string>> together;
  for (const auto& [name, schedule] : policy.schedules) {
    const std::vector<std::string> run = GraphsOf(schedule);
    for (const std::string& a : run) {
      for (const std::string& b : run) together.emplace(a, b);
    }
  }
  std::map<std::string, onnx::GraphIndex, std::less<>> indices;
  for (const auto& [name, model] : graphs) indices.emplace(name, model.graph);
  for (auto a = indices.begin(); a != indices.end(); ++a) {
    for (auto b = std::next(a); b != indices.end(); ++b) {
      Compare(policy, *a, *b, together.contains({a->first, b->first}));
    }
  }
}

void GraphNames::Compare(const policy::Policy& policy, const Named& a, const Named& b, bool in_one_schedule) {
  for (const onnx::Node& node : a.second.graph().nodes) {
    const onnx::Node* same = b.second.FindNode(node.name);
    if (same == nullptr) continue;
    const bool differ =
        node.op_type != same->op_type || StoredWeights(a.second, node) != StoredWeights(b.second, *same);
    if (in_one_schedule || differ) shared_nodes_.insert(node.name);
  }
  const auto compare = [&](const std::string& value) {
    const onnx::Node* maker = b.second.Producer(value);
    if (maker == nullptr && !b.second.IsInput(value)) return;
    const std::string* here = BoundTo(policy, a.first, value);
    const std::string* there = BoundTo(policy, b.first, value);
    if (here != nullptr && there != nullptr && *here == *there) return;
    const onnx::Node* made_here = a.second.Producer(value);
    const bool differ = made_here != nullptr && maker != nullptr && made_here->op_type != maker->op_type;
    if (in_one_schedule || differ) shared_values_.insert(value);
  };
  for (const onnx::ValueInfo& input : a.second.graph().inputs) compare(input.name);
  for (const onnx::Node& node : a.second.graph().nodes) {
    for (const std::string& output : node.outputs) {
      if (!output.empty()) compare(output);
    }
  }
}

std::string GraphNames::Node(std::string_view graph, std::string_view node) const {
  return shared_nodes_.contains(node) ? WithGraph(graph, node) : std::string(node);
}

std::string GraphNames::Value(std::string_view graph, std::string_view value) const {
  return shared_values_.contains(value) ? WithGraph(graph, value) : std::string(value);
}

std::optional<std::string> GraphNames::LocalValue(std::string_view graph, std::string_view name) const {
  if (!shared_values_.contains(name)) {
    const std::string prefix = WithGraph(graph, "");
    if (!name.starts_with(prefix)) return std::string(name);
    const std::string_view local = name.substr(prefix.size());
    return std::string(shared_values_.contains(local) ? local : name);
  }
  return std::nullopt;  // without its graph it could be anybody's
}

}  // namespace vlaq::rewrite

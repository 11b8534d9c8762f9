#include "onnx/graph_index.h"

#include <algorithm>

namespace vlaq::onnx {
namespace {

void CollectMentioned(const Graph& graph, std::set<std::string, std::less<>>& names) {
  for (const Node& node : graph.nodes) {
    names.insert(node.inputs.begin(), node.inputs.end());
    names.merge(Captured(node));
  }
  for (const ValueInfo& output : graph.outputs) names.insert(output.name);
}

bool IsRandom(const Node& node) {
  return node.op_type.starts_with("Random") || node.op_type == "Bernoulli" || node.op_type == "Multinomial";
}

template <typename Map>
auto FindIn(const Map& map, std::string_view name) -> typename Map::mapped_type {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second;
}

}  // namespace

std::set<std::string, std::less<>> Captured(const Node& node) {
  std::set<std::string, std::less<>> names;
  for (const auto& [key, value] : node.attributes) {
    const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&value);
    if (subgraph != nullptr) CollectMentioned(**subgraph, names);
  }
  return names;
}

GraphIndex::GraphIndex(const Graph& graph) : graph_(&graph), types_(KnownTypes(graph)) {
  for (const auto* infos : {&graph.inputs, &graph.outputs, &graph.values}) {
    for (const ValueInfo& info : *infos) declared_.emplace(info.name, &info);
  }
  for (const ValueInfo& input : graph.inputs) inputs_.insert(input.name);
  for (const ValueInfo& output : graph.outputs) outputs_.insert(output.name);
  for (const Initializer& initializer : graph.initializers) initializers_.emplace(initializer.name, &initializer);
  const auto reads = [this](std::string_view value, const Node& node) {
    if (value.empty()) return;
    std::vector<const Node*>& readers = readers_[value];
    if (readers.empty() || readers.back() != &node) readers.push_back(&node);
  };
  for (const Node& node : graph.nodes) {
    nodes_.emplace(node.name, &node);
    for (const std::string& output : node.outputs) {
      if (!output.empty()) producers_.emplace(output, &node);
    }
    for (const std::string& input : node.inputs) reads(input, node);
    const auto mentioned = Captured(node);
    const bool fixed = !node.inputs.empty() && !IsRandom(node) && mentioned.empty() &&
                       std::all_of(node.inputs.begin(), node.inputs.end(),
                                   [this](const std::string& input) { return input.empty() || IsFixed(input); });
    if (fixed) fixed_.insert(node.outputs.begin(), node.outputs.end());
    // The names stay where captured_ has them, which readers_ refers to.
    for (const std::string& name : mentioned) reads(*captured_.insert(name).first, node);
  }
}

GraphIndex::GraphIndex(const Model& model, const Graph& graph) : GraphIndex(graph) {
  shapes_ = KnownShapes(model, graph);
}

const Node* GraphIndex::Producer(std::string_view value) const { return FindIn(producers_, value); }
const Node* GraphIndex::FindNode(std::string_view name) const { return FindIn(nodes_, name); }
const Initializer* GraphIndex::FindInitializer(std::string_view value) const { return FindIn(initializers_, value); }
const ValueInfo* GraphIndex::Declared(std::string_view value) const { return FindIn(declared_, value); }

const std::vector<const Node*>& GraphIndex::Readers(std::string_view value) const {
  static const std::vector<const Node*> none;
  const auto found = readers_.find(value);
  return found == readers_.end() ? none : found->second;
}

bool GraphIndex::IsConstant(std::string_view value) const {
  if (IsInitializer(value)) return true;
  const Node* node = Producer(value);
  return node != nullptr && node->op_type == "Constant" && node->domain.empty();
}

bool GraphIndex::Has(std::string_view value) const {
  return IsInput(value) || IsInitializer(value) || Producer(value) != nullptr;
}

std::optional<DType> GraphIndex::Type(std::string_view value) const {
  const auto found = types_.find(value);
  return found == types_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Shape> GraphIndex::ShapeOf(std::string_view value) const {
  if (const Initializer* initializer = FindInitializer(value)) return initializer->shape;
  const auto found = shapes_.find(value);
  return found == shapes_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace vlaq::onnx

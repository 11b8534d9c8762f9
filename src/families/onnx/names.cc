#include "families/onnx/names.h"

#include <fmt/format.h>

namespace vlaq::importing {
namespace {

void Count(const onnx::Graph& graph, Definitions& definitions) {
  for (const onnx::ValueInfo& input : graph.inputs) ++definitions[input.name];
  for (const onnx::Initializer& initializer : graph.initializers) ++definitions[initializer.name];
  for (const onnx::Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (!output.empty()) ++definitions[output];
    }
    LookAtSubgraphs(node, [&](const onnx::Graph& subgraph) { Count(subgraph, definitions); });
  }
}

void RenameInNodes(onnx::Graph& graph, const Renames& renames) {
  for (onnx::Node& node : graph.nodes) {
    for (std::string& input : node.inputs) {
      const auto found = renames.find(input);
      if (found != renames.end()) input = found->second;
    }
    static_cast<void>(EditSubgraphs(node, [&](onnx::Graph& subgraph) -> Status {
      Renames inside = renames;
      for (const std::string& own : DefinedBy(subgraph)) inside.erase(own);
      RenameInNodes(subgraph, inside);
      for (onnx::ValueInfo& output : subgraph.outputs) {
        const auto found = inside.find(output.name);
        if (found != inside.end()) output.name = found->second;
      }
      return {};
    }));
  }
}

}  // namespace

Status EditSubgraphs(onnx::Node& node, const std::function<Status(onnx::Graph&)>& edit) {
  for (auto& [name, value] : node.attributes) {
    auto* subgraph = std::get_if<std::shared_ptr<const onnx::Graph>>(&value);
    if (subgraph == nullptr) continue;
    auto changed = std::make_shared<onnx::Graph>(**subgraph);
    VLAQ_RETURN_IF_ERROR(edit(*changed));
    *subgraph = std::move(changed);
  }
  return {};
}

void LookAtSubgraphs(const onnx::Node& node, const std::function<void(const onnx::Graph&)>& look) {
  for (const auto& [name, value] : node.attributes) {
    const auto* subgraph = std::get_if<std::shared_ptr<const onnx::Graph>>(&value);
    if (subgraph != nullptr) look(**subgraph);
  }
}

Definitions DefinitionsOf(const onnx::Graph& graph) {
  Definitions definitions;
  Count(graph, definitions);
  return definitions;
}

std::string FreshNames::Make(std::string_view wanted) {
  std::string name(wanted);
  if (name.empty() || taken_.contains(name)) {
    size_t& number = next_[std::string(wanted)];
    do {
      name = fmt::format("{}_{}", wanted, ++number);
    } while (taken_.contains(name));
  }
  taken_.insert(name);
  return name;
}

std::set<std::string, std::less<>> DefinedBy(const onnx::Graph& graph) {
  std::set<std::string, std::less<>> defined;
  for (const onnx::ValueInfo& input : graph.inputs) defined.insert(input.name);
  for (const onnx::Initializer& initializer : graph.initializers) defined.insert(initializer.name);
  for (const onnx::Node& node : graph.nodes) defined.insert(node.outputs.begin(), node.outputs.end());
  defined.erase("");
  return defined;
}

void RenameUses(onnx::Graph& graph, const Renames& renames) {
  if (!renames.empty()) RenameInNodes(graph, renames);
}

}  // namespace vlaq::importing

#include "families/onnx/tidy.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "families/onnx/names.h"

namespace vlaq::importing {
namespace {

using NameSet = std::set<std::string, std::less<>>;

bool IsOutput(const onnx::Graph& graph, const std::string& name) {
  return std::ranges::find(graph.outputs, name, &onnx::ValueInfo::name) != graph.outputs.end();
}

// `aliases` holds those of the graphs around it; siblings may use one name for different values, so it is a copy.
size_t ResolveIn(onnx::Graph& graph, const NameSet& weights, Renames aliases) {
  size_t resolved = 0;
  std::vector<onnx::Node> kept;
  kept.reserve(graph.nodes.size());
  for (onnx::Node& node : graph.nodes) {
    for (std::string& input : node.inputs) {
      const auto alias = aliases.find(input);
      if (alias != aliases.end()) input = alias->second;
    }
    static_cast<void>(EditSubgraphs(node, [&](onnx::Graph& subgraph) -> Status {
      resolved += ResolveIn(subgraph, weights, aliases);
      for (onnx::ValueInfo& output : subgraph.outputs) {
        const auto alias = aliases.find(output.name);
        if (alias != aliases.end()) output.name = alias->second;
      }
      return {};
    }));
    const bool is_alias = node.op_type == "Identity" && node.domain.empty() && node.inputs.size() == 1 &&
                          node.outputs.size() == 1 && weights.contains(node.inputs[0]) &&
                          !IsOutput(graph, node.outputs[0]);
    if (is_alias) {
      aliases[node.outputs[0]] = node.inputs[0];
      ++resolved;
    } else {
      kept.push_back(std::move(node));
    }
  }
  graph.nodes = std::move(kept);
  return resolved;
}

void CollectReads(const onnx::Graph& graph, NameSet& reads) {
  for (const onnx::ValueInfo& output : graph.outputs) reads.insert(output.name);
  for (const onnx::Node& node : graph.nodes) {
    reads.insert(node.inputs.begin(), node.inputs.end());
    LookAtSubgraphs(node, [&](const onnx::Graph& subgraph) { CollectReads(subgraph, reads); });
  }
}

void CollectNodeNames(const onnx::Graph& graph, NameSet& names) {
  for (const onnx::Node& node : graph.nodes) {
    names.insert(node.name);
    LookAtSubgraphs(node, [&](const onnx::Graph& subgraph) { CollectNodeNames(subgraph, names); });
  }
}

class NodeNamer {
 public:
  explicit NodeNamer(const onnx::Graph& graph) { CollectNodeNames(graph, there_); }

  size_t Name(onnx::Graph& graph) {
    size_t named = 0;
    for (onnx::Node& node : graph.nodes) {
      if (node.name.empty() || !used_.insert(node.name).second) {
        node.name = Next(node.op_type);
        ++named;
      }
    }
    for (onnx::Node& node : graph.nodes) {
      static_cast<void>(EditSubgraphs(node, [&](onnx::Graph& subgraph) -> Status {
        named += Name(subgraph);
        return {};
      }));
    }
    return named;
  }

 private:
  std::string Next(const std::string& op_type) {
    std::string name;
    do {
      name = fmt::format("{}_{}", op_type, numbers_[op_type]++);
    } while (there_.contains(name));
    return name;
  }

  NameSet there_;  // in the file, whichever node has it
  NameSet used_;
  std::map<std::string, size_t> numbers_;
};

}  // namespace

std::vector<std::string> DropFormerInputs(onnx::Graph& graph) {
  NameSet weights;
  for (const onnx::Initializer& initializer : graph.initializers) weights.insert(initializer.name);
  std::vector<std::string> dropped;
  std::erase_if(graph.inputs, [&](const onnx::ValueInfo& input) {
    if (!weights.contains(input.name)) return false;
    dropped.push_back(input.name);
    return true;
  });
  return dropped;
}

size_t ResolveAliases(onnx::Graph& graph) {
  NameSet weights;
  for (const onnx::Initializer& initializer : graph.initializers) weights.insert(initializer.name);
  return ResolveIn(graph, weights, {});
}

std::vector<std::string> DropUnusedWeights(onnx::Graph& graph) {
  NameSet reads;
  CollectReads(graph, reads);
  std::vector<std::string> dropped;
  std::erase_if(graph.initializers, [&](const onnx::Initializer& initializer) {
    if (reads.contains(initializer.name)) return false;
    dropped.push_back(initializer.name);
    return true;
  });
  return dropped;
}

size_t NameNodes(onnx::Graph& graph) { return NodeNamer(graph).Name(graph); }

void DropStaleValues(onnx::Graph& graph) {
  NameSet made;
  for (onnx::Node& node : graph.nodes) {
    made.insert(node.outputs.begin(), node.outputs.end());
    static_cast<void>(EditSubgraphs(node, [](onnx::Graph& subgraph) -> Status {
      DropStaleValues(subgraph);
      return {};
    }));
  }
  std::erase_if(graph.values, [&](const onnx::ValueInfo& value) { return !made.contains(value.name); });
}

}  // namespace vlaq::importing

// Names inside a graph and all its subgraphs: which there are, new ones, and uses renamed. Private to this module.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::importing {

using Renames = std::map<std::string, std::string, std::less<>>;  // old -> new

// A node's subgraphs, one after the other, to be changed in place.
Status EditSubgraphs(onnx::Node& node, const std::function<Status(onnx::Graph&)>& edit);
// The same to look at.
void LookAtSubgraphs(const onnx::Node& node, const std::function<void(const onnx::Graph&)>& look);

// How often each value is defined, as input, initializer or output of a node, in a graph and its subgraphs.
using Definitions = std::map<std::string, size_t, std::less<>>;
Definitions DefinitionsOf(const onnx::Graph& graph);

// Makes names that are not taken: the wanted one, else with the first free number: "name_1".
class FreshNames {
 public:
  void Take(std::string name) { taken_.insert(std::move(name)); }
  bool IsTaken(std::string_view name) const { return taken_.contains(name); }
  // Never the wanted name itself if it is taken; the result is taken then.
  std::string Make(std::string_view wanted);

 private:
  std::set<std::string, std::less<>> taken_;
  std::map<std::string, size_t, std::less<>> next_;
};

// Values that the graph itself defines, not its subgraphs.
std::set<std::string, std::less<>> DefinedBy(const onnx::Graph& graph);

// Everything that reads an old name reads the new one: nodes, in subgraphs too, and what subgraphs hand out. The
// graph's own outputs keep their names.
void RenameUses(onnx::Graph& graph, const Renames& renames);

}  // namespace vlaq::importing

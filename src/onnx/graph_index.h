// One graph as everything that works on graphs asks about it: which node makes a value, which nodes read it, whether it
// is an input, an output or a weight, its type and shape where they are known. Whoever needs to look something up in a
// graph does it here.
//
// In scope: one graph; of a subgraph, what its own nodes say. Not aware of: numbers in weights, other graphs. Built
// once for a graph, which must outlive the index and stay as it is. Immutable, so safe to read from several threads.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/graph.h"
#include "onnx/shapes.h"
#include "onnx/types.h"

namespace vlaq::onnx {

// Names outside of a node that its subgraphs (If, Loop, Scan) mention, and those of their own, which no value outside
// bears.
std::set<std::string, std::less<>> Captured(const Node& node);

class GraphIndex {
 public:
  // Types, but no shapes except those of initializers.
  explicit GraphIndex(const Graph& graph);
  // Shapes, too, as far as they follow without numbers for the inputs' extents (KnownShapes). `graph`: the model's or
  // one of its subgraphs.
  GraphIndex(const Model& model, const Graph& graph);
  GraphIndex(GraphIndex&&) = default;
  GraphIndex& operator=(GraphIndex&&) = default;
  GraphIndex(const GraphIndex&) = delete;  // readers are kept by names that lie in the index itself
  GraphIndex& operator=(const GraphIndex&) = delete;
  ~GraphIndex() = default;

  const Graph& graph() const { return *graph_; }

  // The node that makes a value; null for inputs, initializers and what the graph does not have.
  const Node* Producer(std::string_view value) const;
  // The nodes that read a value, themselves or by a subgraph, in graph order, each once.
  const std::vector<const Node*>& Readers(std::string_view value) const;
  // Null if there is none of that name.
  const Node* FindNode(std::string_view name) const;
  const Initializer* FindInitializer(std::string_view value) const;
  // An input's, output's or intermediate value's declaration; null if it has none.
  const ValueInfo* Declared(std::string_view value) const;

  bool IsInput(std::string_view value) const { return inputs_.contains(value); }
  bool IsOutput(std::string_view value) const { return outputs_.contains(value); }
  // Read by a subgraph of some node, under this very name.
  bool IsCaptured(std::string_view value) const { return captured_.contains(value); }
  bool IsInitializer(std::string_view value) const { return FindInitializer(value) != nullptr; }
  // An initializer or the output of a Constant node.
  bool IsConstant(std::string_view value) const;
  // Depends on no input: constants, and what nodes make of nothing else, which an engine computes once.
  bool IsFixed(std::string_view value) const { return IsConstant(value) || fixed_.contains(value); }
  // Whether the graph has a value of this name.
  bool Has(std::string_view value) const;

  // nullopt where it is not known.
  std::optional<DType> Type(std::string_view value) const;
  // -1 where an extent is not known; nullopt where nothing is.
  std::optional<Shape> ShapeOf(std::string_view value) const;

 private:
  const Graph* graph_;
  std::unordered_map<std::string_view, const Node*> producers_, nodes_;
  std::unordered_map<std::string_view, std::vector<const Node*>> readers_;
  std::unordered_map<std::string_view, const Initializer*> initializers_;
  std::unordered_map<std::string_view, const ValueInfo*> declared_;
  std::unordered_set<std::string_view> inputs_, outputs_, fixed_;
  std::set<std::string, std::less<>> captured_;
  ValueTypes types_;
  PartialShapes shapes_;
};

}  // namespace vlaq::onnx

// What the outputs of a graph depend on. A graph whose outputs do not reach the checkpoint's weights is not the policy:
// `verify` prints the fraction that this reaches. Not aware of: files and values. Pure functions.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "onnx/graph.h"

namespace vlaq::onnx {

class GraphIndex;

struct Reachability {
  std::set<std::string> inputs;        // graph inputs
  std::set<std::string> initializers;  // names
  std::vector<bool> nodes;             // by index into Graph::nodes

  // Elements and bytes of the reached initializers.
  int64_t parameters = 0;
  uint64_t bytes = 0;
};

// Walks back from `values` (names of outputs or of intermediate values). A node with subgraphs depends on every outer
// value that they mention. Unknown names reach nothing.
Reachability ReachableFrom(const GraphIndex& index, std::span<const std::string> values);
Reachability ReachableFrom(const Graph& graph, std::span<const std::string> values);
// From all outputs of the graph.
Reachability ReachableFromOutputs(const Graph& graph);

// Weights packed in blocks of bits (MatMulNBits): initializer -> how many numbers it stands for.
std::map<std::string, int64_t, std::less<>> PackedWeights(const Graph& graph);

}  // namespace vlaq::onnx

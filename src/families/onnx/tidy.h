// Small cleanings of a graph whose weights are all initializers of its own. Private to this module.
#pragma once

#include <string>
#include <vector>

#include "onnx/graph.h"

namespace vlaq::importing {

// Inputs with a weight of the same name (files of IR version 3, and exporters asked for it) are inputs no more. Their
// names.
std::vector<std::string> DropFormerInputs(onnx::Graph& graph);

// An Identity of an initializer goes; what read it reads the initializer. One that makes an output stays. How many
// went.
size_t ResolveAliases(onnx::Graph& graph);

// Initializers that nothing reads go. Their names.
std::vector<std::string> DropUnusedWeights(onnx::Graph& graph);

// Nodes without a name and further ones of a name, subgraphs included, are called OPERATOR_NUMBER. How many.
size_t NameNodes(onnx::Graph& graph);

// Declared types and shapes of values that no node makes any more go.
void DropStaleValues(onnx::Graph& graph);

}  // namespace vlaq::importing

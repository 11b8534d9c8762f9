// Weights wherever they stand become initializers of the main graph. Private to this module.
#pragma once

#include <map>
#include <string>

#include "onnx/graph.h"

namespace vlaq::importing {

struct Lifted {
  size_t constants = 0;                        // Constant nodes that became initializers
  size_t brought_out = 0;                      // initializers of subgraphs, those constants included
  std::map<std::string, std::string> origins;  // initializer -> its name in the file, where it got another
};

// Tensors of Constant nodes and initializers of subgraphs become initializers of the main graph under their names; one
// whose name is taken or is an output of its graph gets another, and an Identity then makes that output. Constants that
// hold text stay nodes.
Lifted LiftWeights(onnx::Graph& graph);

}  // namespace vlaq::importing

// Where the time of a step goes, by the engine's own profile, and what a step is made of.
#pragma once

#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "onnx/graph.h"
#include "tensor/tensor.h"

namespace vlaq::bench {

// Time and work of all nodes of one operator type and arithmetic, of one run.
struct OperatorWork {
  std::string op_type;    // as executed
  std::string precision;  // "float32", "int8", ...; "" for what multiplies no matrices
  double calls = 0, ns = 0, macs = 0;
};
// The nodes of `runs` equal runs, the longest first.
std::vector<OperatorWork> WorkByOperator(const std::vector<backend::ExecutedNode>& nodes, int runs);

// Parameters that the graph's outputs depend on, whatever they are stored as: elements of the initializers that are
// reached; of weights packed in blocks of bits what they stand for.
int64_t ReachedParameters(const onnx::Graph& graph);

}  // namespace vlaq::bench

// What one run of a graph costs by arithmetic, before anything has run: multiply-accumulates, weights, memory between
// its operators. From shapes alone. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "onnx/cost.h"
#include "onnx/graph.h"
#include "onnx/shapes.h"

namespace vlaq::onnx {

// The nodes of one operator and arithmetic.
struct OperatorMacs {
  std::string op_type;
  Arithmetic arithmetic = Arithmetic::kFloat32;
  int64_t nodes = 0, macs = 0;
};

// The weights of one type.
struct StoredAs {
  DType dtype = DType::kF32;
  int64_t tensors = 0, parameters = 0;
  uint64_t bytes = 0;
};

struct Work {
  int64_t macs = 0;
  std::vector<OperatorMacs> operators;  // those that multiply, the largest first
  std::vector<StoredAs> stored;         // by type
  // "com.example.Fancy" -> nodes whose cost is not known: an operator that vlaq does not know, one whose shapes do not
  // follow from the inputs, one with a subgraph that multiplies (how often it runs is not known). What they multiply is
  // not in `macs`, which is then the least that a run costs.
  std::map<std::string, int64_t> unknown;
  std::string first_unknown;  // the first of those nodes and why, with where its shapes are lost; empty: there is none
  // Numbers that the weights stand for, scales of quantized ones included: all external data; of a graph without any,
  // every initializer but the integers that shapes and indices are made of. Only what the outputs depend on.
  int64_t parameters = 0;
  // Those that a run reads: of a table that only Gather reads, the rows taken.
  int64_t parameters_read = 0;

  uint64_t stored_bytes() const;
};

// Errors: kInput if the sum overflows, naming the node.
Result<Work> WorkOf(const Graph& graph, const ValueShapes& shapes);
// "3 operators of unknown cost: com.example.Fancy (2), Scan"; empty if there are none.
std::string UnknownText(const std::map<std::string, int64_t>& unknown);

// The multiply-accumulates of one node; 0 for what multiplies no matrices. Errors: kInput, why its cost is not known.
Result<int64_t> MacsOf(const Node& node, const ValueShapes& shapes);

// The most that the values between the operators take at any time, if each is made where its node stands, is freed
// after its last reader, and floats take `float_bytes` each. Engines that fuse or work in place need less.
struct PeakMemory {
  uint64_t bytes = 0;
  std::string node;     // at which
  int64_t unknown = 0;  // values whose shape is not known, which were not counted
};
PeakMemory PeakActivations(const Graph& graph, const ValueShapes& shapes, uint64_t float_bytes);

}  // namespace vlaq::onnx

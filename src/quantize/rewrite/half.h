// Turns float32 computations of a graph into float16, with float32 islands where they are asked for or needed.
//
// Inputs and outputs of the graph stay float32. Weights become float16 initializers of the shared file; nothing is
// clamped: small constants that float16 cannot hold leave their node in float32 (a mask's huge negative number becomes
// -10000 instead), and both are reported. Where the two types meet, one Cast a value is shared by all its readers.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"
#include "quantize/rewrite/new_weights.h"

namespace vlaq::rewrite {

struct HalfOptions {
  bool everything = false;           // all float nodes but keep_float; else only the nodes in `half`
  std::set<std::string> half;        // nodes by name
  std::set<std::string> keep_float;  // nodes by name; stronger than the others
};

struct HalfReport {
  int64_t half_nodes = 0, float_nodes = 0;
  std::vector<std::string> notes;  // "node 'x' stays float32: its constant 1e-12 is 0 in float16"
};

// `model`: its external initializers are names placed in `weights`, which gets the float16 ones. Nodes whose values
// have types that are not known, and nodes with subgraphs, stay float32.
Result<HalfReport> ConvertToHalf(onnx::Model& model, NewWeights& weights, const Sources& sources,
                                 const HalfOptions& options);

}  // namespace vlaq::rewrite

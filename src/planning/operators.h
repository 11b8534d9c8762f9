// The operators with weights of a policy's graphs, as planning sees them.
#pragma once

#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "onnx/graph.h"
#include "onnx/shapes.h"

namespace vlaq::planning {

struct WeightedOperator {
  std::string node;
  std::string op_type;               // "MatMul", "Conv", "Gather", "LSTM"
  std::string group;                 // operators that share their input are one group
  std::string input;                 // the activation
  std::vector<std::string> weights;  // initializers: one; W and R of an LSTM
  Shape shape;                       // of the first
  bool in_head = false;
  bool makes_actions = false;  // the head's last linear
  int64_t macs = 0;            // for one frame of the encoder, one window of the head
};

struct PolicyOperators {
  std::vector<WeightedOperator> operators;  // encoder's, then head's, in graph order
  // Nodes whose values float16 might not hold: LayerNormalization, Softmax, ReduceL2, and the Adds of two activations
  // (residual connections), with the value they make.
  struct Sensitive {
    std::string node, op_type, value;
  };
  std::vector<Sensitive> sensitive;
  // LayerNormalizations whose result only MatMuls with weights read: value -> those nodes.
  std::vector<std::pair<std::string, std::vector<std::string>>> smoothable;
};

// Numbers for the named extents of a bundle's graphs: one item, the policy's window and prompt.
onnx::Extents ExtentsOf(const policy::PolicySpec& spec);

// Errors: kInput if a graph cannot be read or holds no operators with weights (a bundle that is quantised already).
Result<PolicyOperators> ReadOperators(const bundle::Bundle& bundle);

}  // namespace vlaq::planning

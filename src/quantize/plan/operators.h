// The operators with weights of a policy's graphs, as planning sees them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/bundle.h"
#include "onnx/graph.h"
#include "onnx/shapes.h"
#include "quantize/rewrite/graph_names.h"

namespace vlaq::plan {

struct WeightedOperator {
  std::string node;                  // as plans call it (rewrite::GraphNames)
  std::string op_type;               // "MatMul", "Gemm", "Conv", "ConvTranspose", "Gather", "LSTM", "GRU", "RNN"
  std::string group;                 // linears that read one value are one group, any other operator is one of its own
  std::string input;                 // the activation, by its name in the graph
  std::string seen_as;               // the same as statistics call it
  std::vector<std::string> weights;  // initializers: one; W and R of an LSTM
  Shape shape;                       // of the first
  int64_t channel_axis = 1;          // of the first: its outputs
  int64_t channel_groups = 1;        // of a convolution: the parts that its channels are cut into
  int64_t rows = 0;                  // that it gives, at batch 1; 0: not known
  // A product and the sum with a bias that ONNX Runtime makes one Gemm of: of two axes, or of any where all extents of
  // the graph are fixed.
  bool joins_bias = false;
  bool makes_actions = false;  // an output of the policy comes from it, with no operator with weights between
  int64_t macs = 0;            // of one run of its graph
  int64_t opset = 0;           // of its graph
  std::string no_integers;     // why it has no form with integers; empty: it has
};

struct PolicyOperators {
  // Those of the default schedule's graphs in the order in which they run, then what only other graphs have; in graph
  // order.
  std::vector<WeightedOperator> operators;
  // Nodes whose values float16 might not hold: LayerNormalization, Softmax, ReduceL2, and the Adds of two activations
  // (residual connections), with the value they make; both as plans and statistics call them.
  struct Sensitive {
    std::string node, op_type, value;
  };
  std::vector<Sensitive> sensitive;
  // LayerNormalizations whose result only MatMuls with weights read, all with weights of their own: value -> those
  // nodes.
  std::vector<std::pair<std::string, std::vector<std::string>>> smoothable;
  // Graphs whose multiply-accumulates are not known, as an error says why.
  std::vector<std::string> not_counted;
  // Operators with weights that stay as they are: in subgraphs (If, Loop, Scan); of another type than float32.
  int64_t in_subgraphs = 0, of_other_types = 0;

  int64_t macs() const;
};

// Errors: kInput if a graph cannot be read or holds no operators with weights (a bundle that is quantized already).
Result<PolicyOperators> ReadOperators(const bundle::Bundle& bundle);

}  // namespace vlaq::plan

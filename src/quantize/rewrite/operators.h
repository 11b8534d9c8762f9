// How one operator with weights is rewritten into the form that the plan gives it. One function a form; each adds the
// nodes that take the operator's place and keeps the name of its result.
#pragma once

#include "base/status.h"
#include "onnx/graph.h"
#include "quantize/numerics/plan.h"
#include "quantize/rewrite/graph_editor.h"

namespace vlaq::rewrite {

// What the target's rules say about the graph's form (from target/, given by the caller as plain data).
struct GraphStyle {
  // Weights of static_int8 stay float32 before a QuantizeLinear, as TensorRT 8.6 takes them; else int8 is stored.
  bool float_weights_before_quantize = false;
  // A stored table passes a DequantizeLinear before its rows are gathered: TensorRT takes int8 constants only there.
  // Else the rows are gathered first, which reads less.
  bool dequantize_tables_first = false;
  int64_t opset = 17;  // of ai.onnx
  // Each reader of a static activation has its Q/DQ pair, with constants of its own. ONNX Runtime makes an integer
  // kernel of one reader of a shared int8 pair only, and merges pairs that share constants. TensorRT wants one pair.
  bool quantize_for_each_reader = false;
  // com.microsoft operators may be used.
  bool contrib_operators = false;
};

// Rewrites `node` as `choice` says. Errors: kInput naming node, form and what does not go together (an LSTM in Q/DQ, a
// weight that is not the node's, MatMulNBits for a target without contrib operators).
Status RewriteOperator(const numerics::OperatorChoice& choice, const onnx::Node& node, const GraphStyle& style,
                       GraphEditor& editor);

}  // namespace vlaq::rewrite

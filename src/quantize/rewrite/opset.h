// A graph of opset 17 for a newer one, and a newer one's for an older one.
#pragma once

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::rewrite {

// The newest opset of ai.onnx that RaiseOpset knows.
inline constexpr int64_t kNewestOpset = 21;

// The file format (IR version) that came with an opset, 8 at least.
int64_t FormatOf(int64_t opset);

// Makes `model` one of `opset` (17 to 21): what changed meaning since 17 among the operators that vlaq writes is
// rewritten (the axes of reductions are an input since 18), and the file format is the one that has it. Nothing happens
// if the model has that opset already. Errors: kInput for an opset that it does not know or that is older than the
// model's, and naming a node that the newer opset says in another way (Split without its parts, subgraphs).
Status RaiseOpset(onnx::Model& model, int64_t opset);

// Makes `model`, of any opset from 13 on, one of the older `opset` (13 to 22) if everything in it can be said there:
// axes that became inputs become attributes again, attributes that only repeat the default are left out. Errors: kInput
// naming the first operator that the older opset does not have, or not in this form; the model is then unchanged.
Status LowerOpset(onnx::Model& model, int64_t opset);

}  // namespace vlaq::rewrite

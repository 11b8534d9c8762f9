// The reference back end: a slow, obvious evaluator of the operators that vlaq's own graphs use, with the meaning of
// ONNX opset 13 to 21. Arithmetic is done in float64 and rounded once per operator to the declared type, so it is the
// yardstick that faster back ends are compared with. It shares no code with ONNX Runtime and needs no library.
//
// In scope: one operator after the other on one thread. Not aware of: control flow (If, Loop), optimization, devices.
// Functions here are thread-safe; an opened model is used from one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "onnx/graph.h"

namespace vlaq::backend {

std::unique_ptr<Backend> MakeReferenceBackend();

// Runs one node, e.g. to fold constants. `inputs` holds one pointer per node input, nullptr for an optional one left
// out; the result has one tensor per node output. Errors: kBackend naming the node: an operator, attribute or element
// type that is not supported, or shapes that do not fit.
Result<std::vector<Tensor>> EvaluateNode(const onnx::Node& node, std::span<const Tensor* const> inputs);

// True if EvaluateNode knows the operator (standard domain only).
bool HasReferenceOperator(std::string_view op_type, std::string_view domain);

}  // namespace vlaq::backend

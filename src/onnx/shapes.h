// The shapes of all values of a graph once its inputs' named extents have numbers: libonnx's shape inference, and what
// it lacks (ONNX Runtime's own operators that vlaq writes). Not aware of: what a graph costs.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "onnx/graph.h"
#include "tensor/typed_shape.h"

namespace vlaq::onnx {

using Extents = std::map<std::string, int64_t, std::less<>>;  // {"batch", 1}
using ValueShapes = std::map<std::string, TypedShape, std::less<>>;

// Types and shapes of inputs, initializers and every value of the main graph whose shape could be found; the others
// are left out. Weights are not read. Subgraphs are not entered.
// Errors: kInput naming the input and its extent that has no number in `extents`, or a node with an attribute that no
// inference survives.
Result<ValueShapes> InferShapes(const Model& model, const Extents& extents);

}  // namespace vlaq::onnx

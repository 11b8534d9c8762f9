// Do two graphs compute the same, operator by operator? Names of nodes and of values between them may differ, as
// another version of vlaq would choose them; operators, attributes, constants and which weight goes where may not. What
// a subgraph reads from outside must be the counterpart of what it should read. Not aware of: the bytes of weights that
// lie in files. Pure functions.
#pragma once

#include <functional>
#include <string>

#include "onnx/graph.h"

namespace vlaq::verify {

// Empty if every output of `actual` is computed from inputs, constants and named weights exactly as in `expected`, and
// nothing else stands in it; else where they part, in words.
std::string FirstDifference(const onnx::Graph& expected, const onnx::Graph& actual);

// Two initializers that nodes read in the same place.
using WeightPair = std::function<void(const onnx::Initializer& expected, const onnx::Initializer& actual)>;
// The same for graphs whose weights lie elsewhere and have other names, several of one content perhaps once: `pair` is
// called for each two that stand in one another's place, once, and judges them. Nodes that nothing reads must be in
// both, under the same name of what they make.
std::string FirstDifference(const onnx::Graph& expected, const onnx::Graph& actual, const WeightPair& pair);

}  // namespace vlaq::verify

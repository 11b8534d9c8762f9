// Do two graphs compute the same, operator by operator? Names of nodes and of values between them may differ, as
// another version of vlaq would choose them; operators, attributes, constants and which weight goes where may not. Not
// aware of: the bytes of weights that lie in files. Pure functions.
#pragma once

#include <string>

#include "onnx/graph.h"

namespace vlaq::verification {

// Empty if every output of `actual` is computed from inputs, constants and named weights exactly as in `expected`, and
// nothing else stands in it; else where they part, in words.
std::string FirstDifference(const onnx::Graph& expected, const onnx::Graph& actual);

}  // namespace vlaq::verification

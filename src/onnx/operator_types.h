// Whether the operators of a graph take the element types that they are given.
#pragma once

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

// Holds each node against the schema that its operator had in the model's opset: the operator exists, its inputs have
// types that it takes, and those that must be alike are. Values whose type is not known, operators of other domains and
// of opsets that libonnx does not know are passed over; that an operator exists is known up to opset 24. Subgraphs
// included. Errors: kInput naming the node, without the file.
Status CheckOperatorTypes(const Model& model);

}  // namespace vlaq::onnx

// Nodes in an order in which they can run. Private to this module.
#pragma once

#include <onnx/onnx_pb.h>

namespace vlaq::onnx {

// Puts every node behind those that make what it or its subgraphs read, else as they stood; subgraphs too. Nodes that
// wait for each other are left as they are. True if anything moved.
bool SortNodes(::onnx::GraphProto& graph);

}  // namespace vlaq::onnx

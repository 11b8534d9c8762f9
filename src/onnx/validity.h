// Whether a graph is one at all: what every reader of a file may rely on. In scope: names, order, arity. Not aware of:
// shapes, what a back end or a target takes.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <string>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

// Each value is made once, before it is read; each node makes something and names its operator; the graph's outputs are
// made. Subgraphs included. Errors: kInput naming node and value, without the file.
Status CheckStructure(const Graph& graph);

// Domains of operators besides ai.onnx are among those that the model imports. Errors: kInput naming node and domain.
Status CheckDomains(const Graph& graph, const std::map<std::string, int64_t>& opsets);

// Inputs of a model have types that ONNX has. Errors: kInput.
Status CheckInputTypes(const Graph& graph);

// A node against the schema that its operator had in this opset of ai.onnx: how many inputs and outputs, which
// attributes of which type. What libonnx does not know (newer opsets, other domains) is held against the newest
// schema's smallest numbers, or not at all. Errors: kInput without a place.
Status CheckSchema(const ::onnx::NodeProto& node, int64_t opset);

}  // namespace vlaq::onnx

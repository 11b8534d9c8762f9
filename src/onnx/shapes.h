// The shapes of all values of a graph, followed from its inputs: also through the integers that graphs compute from
// shapes. By rules of our own, which look at every number of a file before they use it, and know operators of all
// opsets (docs/decisions/0016-shapes-by-our-own-rules.md). Not aware of: what a graph costs.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "onnx/graph.h"
#include "onnx/model_file.h"
#include "tensor/typed_shape.h"

namespace vlaq::onnx {

// Numbers for extents without one: of a name ("batch"), or of an input's axis ("x:0").
using Extents = std::map<std::string, int64_t, std::less<>>;
using ValueShapes = std::map<std::string, TypedShape, std::less<>>;

// Types and shapes of inputs, initializers and every value of the main graph whose shape could be found; the others
// are left out. Where no rule knows a node, what the file declares of its outputs counts. Of weights only small ones
// are read, which shapes are computed from: from `files` where they are external, and not at all without it. Errors:
// kInput naming every input's extent that has no number in `extents`; a graph that is not one or that contradicts
// itself, with the node.
Result<ValueShapes> InferShapes(const Model& model, const Extents& extents, WeightFiles* files = nullptr);

// Shapes as far as they follow without numbers for the inputs' extents: -1 where an extent is not known. Of one graph
// of the model; what lies outside of a subgraph is not known to it. Contradictions are passed over.
using PartialShapes = std::map<std::string, Shape, std::less<>>;
PartialShapes KnownShapes(const Model& model, const Graph& graph);

// Whether the shapes that follow contradict each other or what is declared. Errors: kInput naming the node or output.
Status CheckShapes(const Model& model);

}  // namespace vlaq::onnx

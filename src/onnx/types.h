// The element types of the values of a graph, found by walking it. Not aware of: shapes.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

using ValueTypes = std::map<std::string, DType, std::less<>>;

// Types of inputs, initializers and all values that nodes make. Knows the operators that vlaq writes and their common
// kin; subgraphs are not entered. Errors: kInput naming a node whose operator is not known.
Result<ValueTypes> InferTypes(const Graph& graph);

// The type that a number of ONNX's TensorProto.DataType stands for; nullopt for one without a DType.
std::optional<DType> DTypeOfNumber(int64_t number);

// The same as far as it goes: what declared types and known operators say, values of other operators left out.
ValueTypes KnownTypes(const Graph& graph);

}  // namespace vlaq::onnx

// Changes what a model gives out without changing what it computes: extra outputs for comparing intermediate values,
// and other names. Subgraphs are not entered.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

// Makes intermediate values outputs too. Type and shape are the declared ones (Graph::values) where there are any, else
// the type that InferTypes() finds (float32 if it does not know the operators) and no shape. Names that are outputs
// already are left alone. Errors: kUsage for a name that no node makes.
Status AddOutputs(Model& model, const std::vector<std::string>& names);

// Renames an output and every use of it. Errors: kUsage if there is no output `from` or `to` is taken.
Status RenameOutput(Model& model, const std::string& from, const std::string& to);

}  // namespace vlaq::onnx

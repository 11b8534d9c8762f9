// A model's own functions, put in the place of their calls. Private to this module.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "base/status.h"

namespace vlaq::onnx {

struct InlinedFunctions {
  std::vector<std::string> functions;  // those that were called: "my.ops::Dense", each once
  size_t calls = 0;
};

// Replaces every call, in subgraphs and in functions too, and removes the functions. Opsets that only functions import
// become the model's. Errors: kInput without the file, as ReadForeignModel says.
Result<InlinedFunctions> InlineFunctions(::onnx::ModelProto& model);

}  // namespace vlaq::onnx

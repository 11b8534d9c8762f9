// ONNX Runtime's own profile, a Chrome trace, as a list of executed nodes. Private to this module.
//
// In scope: the events "<node>_kernel_time" of category Node. Not aware of: what the operators mean.
#pragma once

#include <string_view>
#include <vector>

#include "backend/backend.h"

namespace vlaq::backend {

// `text`: the JSON document; `where` stands in errors. Errors: kBackend if it is not such a trace or a node in it lacks
// its operator, provider or shapes.
Result<std::vector<ExecutedNode>> ParseOrtProfile(std::string_view text, const std::string& where);

// "CUDAExecutionProvider" -> "cuda"
std::string ShortProviderName(std::string provider);

}  // namespace vlaq::backend

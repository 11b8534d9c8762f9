// An ONNX model of one node, EPContext, that names a finished engine: ONNX Runtime's TensorRT provider runs it without
// building anything.
//
// In scope: the model's bytes. Not aware of: whether a library that can run it is there. Pure but for reading the
// graph.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "bundle/bundle.h"
#include "engine/version.h"

namespace vlaq::engine {

// Whether there is an ONNX Runtime that vlaq loads and that pairs with this TensorRT: 1.21 or newer, so none for 8.6.
bool CanWrap(const Version& version);

// With the inputs and outputs of the bundle's graph; `engine_file` is a name beside the model. Errors: kInput.
Result<std::string> WrapEngine(const bundle::Bundle& bundle, std::string_view graph, const std::string& engine_file,
                               const Version& version);

}  // namespace vlaq::engine

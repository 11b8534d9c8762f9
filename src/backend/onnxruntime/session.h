// One model opened in ONNX Runtime. Private to this module.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "backend/onnxruntime/library.h"

namespace vlaq::backend {

// The library must be loaded. Errors: kBackend.
Result<std::unique_ptr<OpenedModel>> OpenOrtSession(const OrtLibrary& library, const ModelSource& source,
                                                    const OpenOptions& options);

// Names of the execution providers that the loaded library has, as OpenOptions::provider spells them.
std::vector<std::string> OrtProviders();
// Errors: kBackend naming those that there are, and how to get this one.
Status FindOrtProvider(std::string_view provider);

}  // namespace vlaq::backend

// From protobuf's message to the Model value. Private to this module.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

// As ReadModelBytes, of a message that is there already and must not change any more: tensors look at its bytes.
Result<Model> ModelOf(const std::shared_ptr<::onnx::ModelProto>& proto, const std::filesystem::path& folder,
                      const std::string& name);

}  // namespace vlaq::onnx

// The one way from bytes on disk to libonnx's ModelProto. Private to this module.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace vlaq::onnx {

// Sends protobuf's own log, which would go to stderr, nowhere; errors reach the caller as Status. Idempotent.
void QuietProtobuf();

// Parses a serialized model. Never prints: protobuf's log goes nowhere. Errors: kInput naming `name`.
Result<std::shared_ptr<::onnx::ModelProto>> ParseModelProto(Bytes bytes, const std::string& name);
Result<std::shared_ptr<::onnx::ModelProto>> ParseModelFile(const std::filesystem::path& path);

}  // namespace vlaq::onnx

// Which external-data locations are allowed. Private to this module.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

// Success if `location` names something inside the model's folder: relative, not empty, without "..".
Status CheckLocation(const std::string& location);

// Success if the initializer's range has exactly its size and lies inside a file of `file_bytes` bytes.
Status CheckRange(const Initializer& initializer, const ExternalData& external, uint64_t file_bytes);

}  // namespace vlaq::onnx

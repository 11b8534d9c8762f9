// libonnx and protobuf, for `doctor`.
#pragma once

#include "base/libraries.h"

namespace vlaq::onnx {
std::vector<LibraryVersion> Libraries();
}  // namespace vlaq::onnx

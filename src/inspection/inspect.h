// What a file is, as one JSON document ("vlaq.inspect/1"): a checkpoint, an ONNX model or a bundle. Reads headers and
// names, not weights (unless hashes are asked for). Not aware of: printing.
#pragma once

#include <filesystem>

#include "base/json_fwd.h"
#include "base/log.h"
#include "base/status.h"

namespace vlaq::inspection {

struct InspectOptions {
  bool tensors = false;  // list every tensor
  bool hash = false;     // SHA-256 of every file (reads them whole)
};

// Errors: kInput as the readers of the three kinds give them.
Result<Json> Inspect(const std::filesystem::path& path, const InspectOptions& options, Log& log);

}  // namespace vlaq::inspection

// What a file is, as one JSON document ("vlaq.inspect/1"): a checkpoint, an ONNX model, a bundle, recorded episodes,
// a recording (MCAP), or one of vlaq's own documents. Content decides, not the name. Reads headers and names, not
// weights (unless hashes are asked for); of episodes all commands and a sample of frames. Not aware of: printing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/log.h"
#include "base/status.h"
#include "image/preprocess.h"
#include "policy/assumption.h"

namespace vlaq::inspection {

struct InspectOptions {
  bool tensors = false;  // list every tensor
  bool hash = false;     // SHA-256 of every file (reads them whole), of episodes of their content; weights that are not
                         // finite, by name
  std::string state_dict = {};  // of a checkpoint: the key of the state dict to describe; empty: the well-known one
  // For episodes only.
  bool skip_bad = false;                                            // list broken files instead of failing
  std::optional<image::ChannelOrder> channel_order = std::nullopt;  // of their frames; default: RGB
};

// Errors: kInput as the readers of these kinds give them, and naming what anything else is; kUsage for an option that
// the kind has no use for.
Result<Json> Inspect(const std::filesystem::path& path, const InspectOptions& options, Log& log);

// What was assumed of a policy of `family`, a row each: setting, value, text and whether a wrong guess can hurt.
Json AssumptionsAsJson(const std::string& family, const std::vector<policy::Assumption>& assumptions);

}  // namespace vlaq::inspection

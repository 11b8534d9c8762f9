// How far a calibration has come, as a file beside its output: so that an interrupted one goes on.
#pragma once

#include <filesystem>
#include <optional>

#include "base/json_fwd.h"
#include "base/status.h"
#include "quantize/calibrate/activation_observer.h"

namespace vlaq::calibrate {

struct Progress {
  int64_t pass = 0;  // over the samples
  int64_t done = 0;  // samples of that pass
  RunningStatsByValue stats;
};

// `key`: an object that says which calibration it is; only an equal one goes on. Written whole or not at all.
Status WriteProgress(const std::filesystem::path& path, const Json& key, int64_t pass, int64_t done,
                     const RunningStatsByValue& stats);
// nullopt if there is no such file. Errors: kUsage naming what differs if it is another calibration's; kInput if it is
// damaged.
Result<std::optional<Progress>> ReadProgress(const std::filesystem::path& path, const Json& key);

}  // namespace vlaq::calibrate

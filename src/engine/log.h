// What a trtexec said, read: which version it is, whether it passed, and if not, why.
//
// In scope: its log as text. The causes are a table of words that NVIDIA's tools use, the most telling first. Not aware
// of: running it, engines. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/run_program.h"
#include "base/status.h"
#include "engine/version.h"

namespace vlaq::engine {

struct ToolLog {
  std::optional<Version> version;  // of its banner
  std::optional<bool> passed;      // its last word; absent: it did not come to one
  std::optional<double> build_seconds;
  std::optional<double> engine_mib;           // as it says it made or loaded
  std::optional<double> managed_mib;          // of weights and activations, as TensorRT says once an engine can run
  std::string device;                         // "Orin"
  std::vector<std::string> errors, warnings;  // without time and severity, each once
  bool stand_in = false;                      // it declares itself test equipment
};
ToolLog ReadLog(std::string_view text);

// What test equipment prints so that nothing it says can be taken for a measurement.
inline constexpr std::string_view kStandInMark = "vlaq stand-in";

// Why a run failed, or success. `doing`: "building policy_fp16.trt". Errors: by the cause; kInput for what the
// bundle or the disk must change, else kBackend. `free_bytes`: of the disk that an engine was written to.
Status JudgeRun(const ProgramRun& run, const ToolLog& log, const std::string& doing,
                std::optional<uint64_t> free_bytes = {});

}  // namespace vlaq::engine

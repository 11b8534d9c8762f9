// An engine run by trtexec for its time, with the board's state watched meanwhile; and run on given values for its
// outputs.
//
// In scope: one engine at a time. Whether the figures may be called measured is board.h's question, asked with the log
// that stands in them. The watching is a thread that ends with the call.
#pragma once

#include <vector>

#include "engine/build.h"

namespace vlaq::engine {

struct Timing {
  RunTimes times;
  // Taken while inference ran (its warm-up of 0.2 s included), by what trtexec's log says: from "Starting inference"
  // until the times are counted. Loading the engine, which takes seconds of another clock and power, is not in them.
  // Empty if the log never said so.
  std::vector<BoardReading> readings;
  uint64_t peak_resident_bytes = 0;  // of trtexec
  ToolLog log;
};
// Runs it for `seconds`; `timeout_s` is for all that comes before and after. `root`: "/" but in tests. Errors: kBackend
// by the cause in the log, which stays as FILE.log.
Result<Timing> TimeEngine(const EnginePlan& plan, const Builder& builder, double seconds, double timeout_s,
                          const std::filesystem::path& root);

// The outputs of one run over `input`, float32 values of the engine's only input with `batch` in front. Errors: as
// above.
Result<std::vector<double>> RunEngine(const EnginePlan& plan, const Builder& builder, const Tensor& input,
                                      double timeout_s);

}  // namespace vlaq::engine

// One fault, injected once, and what became of it.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/status.h"

namespace vlaq::faults {

enum class Expected { kStops, kGoesOn, kEither };

struct Trial {
  double stopped_ms = std::numeric_limits<double>::quiet_NaN();  // from the fault to the first zero command; NaN: none
  bool stopped = false;
  bool moved_by_itself = false;  // after it had stopped, before the operator's word
  bool runs_again = false;       // after the operator's word
  std::string problem = {};      // what else is wrong
};

struct Row {
  std::string name;
  std::string injected;
  Expected expected = Expected::kStops;
  double limit_ms = 0;         // that the settings give, without the tick
  std::string state = "HOLD";  // that it stops in
  bool slow = false;           // tried less often
  bool ends = false;           // the program ends by it, so nothing can resume
};

using RunTrials = std::function<Result<std::vector<Trial>>(const Row& row, int trials)>;
struct RunnableRow {
  Row row;
  RunTrials run;
};

// What all rows are driven with; the limits follow from these.
inline constexpr double kTickMs = 20, kInferenceMs = 50, kCameraMs = 50;
// Long, so that a chunk outlasts every other limit: SAFE-02 would stop the robot in place of the rule that a row is
// about.
inline constexpr double kActionMs = 1000;
inline constexpr double kCommandTimeoutMs = 100, kObservationAgeMs = 100, kRangeTimeoutMs = 200;
inline constexpr double kInferenceTimeoutMs = kInferenceMs + kCommandTimeoutMs;
// The longest until inference begins again: a new picture is needed, too.
inline constexpr double kNextInferenceMs = kInferenceMs + kCameraMs;
// What a machine that does other things meanwhile may add.
inline constexpr double kSlackMs = 150;

// Rows with an inference of the bench's own in this process, and those with `vlaq` as it is, in `folder`.
std::vector<RunnableRow> LoopRows();
std::vector<RunnableRow> ProgramRows(const std::string& vlaq, const std::string& folder, int domain);

}  // namespace vlaq::faults

// Stage 1 of a policy by itself: it runs, and its schedules agree. Any policy: what its numbers mean is
// number_bounds.h.
#pragma once

#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "verify/difference_check.h"
#include "verify/play.h"
#include "verify/report.h"
#include "verify/step_inputs.h"

namespace vlaq::verify {

// Options of all checks that play a policy.
struct NumberOptions {
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;
  Tolerance tolerance = {};
};

// Adds "runs": every output of the default schedule is made and finite; then for each other schedule "DEFAULT", or
// "DEFAULT against SCHEDULE" where there are several, and with several outputs one ", OUTPUT" for each: both give the
// same. Untestable are noise that graphs of any kind do not take, and a schedule whose graphs have no engine where
// engines run. Errors: those of `inputs.read`; what another provider than the CPU says of graphs that it does not open.
Status CheckRuns(const bundle::Bundle& bundle, const StepInputs& inputs, const NumberOptions& options, Log& log,
                 Report& report);

// ---- its parts, for checks that look at the same play ----

// Plays the default schedule and adds "runs".
Result<Played> CheckDefaultSchedule(const bundle::Bundle& bundle, const StepInputs& inputs,
                                    const std::vector<WatchedValue>& watched, const NumberOptions& options, Log& log,
                                    Report& report);
// The other schedules. `by_default`: what the default one made of all steps of `inputs`.
Status CheckSchedules(const bundle::Bundle& bundle, const StepInputs& inputs, const Played& by_default,
                      const NumberOptions& options, Log& log, Report& report);
// `played` was stopped: the check `name` fails by that. Errors: what stopped it, if it says nothing of the policy.
Status ReportStop(const std::string& name, const Played& played, const NumberOptions& options, Report& report);
// `played` was stopped, and `who` ("the source does") may be right all the same: `name` is untestable.
void ReportNotRun(const std::string& name, const std::string& who, const bundle::Bundle& bundle, const Played& played,
                  const StepInputs& inputs, Report& report);

}  // namespace vlaq::verify

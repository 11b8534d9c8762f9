// Stage 1 against golden data: does the bundle compute what the policy computed? Each tensor of a golden file that the
// policy has is compared, from pictures to actions. Not aware of: how the golden file came about.
//
// A golden file is a .safetensors with any of, by name (golden_places.h): the policy's inputs, [T, ...], or for its
// only camera frames.u8 uint8 [T, H, W, 3]; values of its text input, int64 [1, N]; values on the way and stages that
// the bundle names, [T, ...] without batch axis; outputs [T, ...] (step t sees the newest min(t + 1, window) steps);
// and window_OUTPUT [W, ...], of the first steps.
#pragma once

#include <filesystem>

#include "base/log.h"
#include "bundle/bundle.h"
#include "verify/report.h"
#include "verify/runs_check.h"

namespace vlaq::verify {

// Adds "pixels" where the file holds pictures and what comes of them, "runs", a check for each tensor of the file that
// the policy has, in the order in which a step makes them, and the other schedules (CheckRuns); after a stage that
// departs the later ones are still made. A tensor fails that the policy's family knows as a stage
// (Family::GoldenStages) and policy.json names no value for; one that the family does not know either is a note.
// Errors: kInput if the golden file cannot be read or does not fit the policy, or the settings are no family's; as
// CheckRuns.
Status CheckAgainstGolden(const bundle::Bundle& bundle, const std::filesystem::path& golden,
                          const NumberOptions& options, Log& log, Report& report);

}  // namespace vlaq::verify

// Rung 1: does the bundle compute what the policy computed? Each tensor of a golden file that the policy has is
// compared, from pictures to actions, and all schedules are compared with the default one. Not aware of: how the golden
// file came about.
//
// A golden file is a .safetensors with any of, by name (golden_values.h): the policy's inputs, [T, ...], or for its
// only camera frames.u8 uint8 [T, H, W, 3]; values of its text input, int64 [1, N]; values on the way and stages that
// the bundle names, [T, ...] without batch axis; outputs [T, ...] (step t sees the newest min(t + 1, window) steps);
// and window_OUTPUT [W, ...], of the first steps.
#pragma once

#include <filesystem>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "verification/difference_check.h"
#include "verification/report.h"

namespace vlaq::verification {

// Limits with their reasons. float32 through 48 layers accumulates a relative error of some 1e-6 to 1e-5 between two
// implementations that sum in other orders; the last layers damp it.
struct NumberLimits {
  double pixels = 1e-6;     // absolute; one float32 rounding of values up to 2.7
  double features = 2e-5;   // relative to the largest value of the stage; also hidden states and image rows
  double actions = 1e-5;    // absolute, actions in [-1, 1]
  double streaming = 1e-6;  // absolute, a schedule against the default one: the same arithmetic in another batch
};
// The limits that fit how a bundle computes (precision_bounds.h has their reasons). Errors: kInput for an unknown
// precision.
Result<NumberLimits> LimitsFor(const std::string& precision);

struct NumberOptions {
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;
  std::filesystem::path golden;  // empty: only schedules against each other
  Tolerance tolerance;
  uint64_t seed = 0;  // of the inputs that are made when there is no golden file
};

// Adds the checks of rung 1 to `report`; after a stage that departs the later ones are still made. Errors: kInput if
// the golden file cannot be read or does not fit the policy; kBackend.
Status CheckNumbers(const bundle::Bundle& bundle, const NumberOptions& options, Log& log, Report& report);

}  // namespace vlaq::verification

// Rung 1: does the bundle compute what the policy computed? Each stage of a golden file is compared, from pixels to
// actions, and streaming is compared with the whole-policy graph. Not aware of: how the golden file came about.
//
// A golden file is a .safetensors with any of: frames.u8 uint8 [T, H, W, 3]; pixel_values [T, 3, S, S]; input_ids,
// attention_mask int64 [1, N]; vision_last_hidden, image_embeds, text_last_hidden [T, ...]; features [T, D]; actions
// [T, chunk, action_dim] (step t sees the newest min(t + 1, window) frames); window_actions [W, chunk, action_dim].
#pragma once

#include <filesystem>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "verification/difference_check.h"
#include "verification/report.h"

namespace vlaq::verification {

// Limits with their reasons. float32 through 48 layers accumulates a relative error of some 1e-6 to 1e-5 between two
// implementations that sum in other orders; the final tanh and four LSTM layers damp it.
struct NumberLimits {
  double pixels = 1e-6;     // absolute; one float32 rounding of values up to 2.7
  double features = 2e-5;   // relative to the largest value of the stage; also hidden states and image rows
  double actions = 1e-5;    // absolute, actions in [-1, 1]
  double streaming = 1e-6;  // absolute, streaming against whole graph: the same arithmetic in another batch
};
// The limits that fit how a bundle computes (precision_bounds.h has their reasons).
NumberLimits LimitsFor(const std::string& precision);

struct NumberOptions {
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;
  std::filesystem::path golden;  // empty: only streaming against whole
  Tolerance tolerance;
  uint64_t seed = 0;  // of the frames that are made when there is no golden file
};

// Adds the checks of rung 1 to `report`; after a stage that departs the later ones are still made. Errors: kInput if
// the golden file cannot be read or does not fit the policy; kBackend.
Status CheckNumbers(const bundle::Bundle& bundle, const NumberOptions& options, Log& log, Report& report);

}  // namespace vlaq::verification

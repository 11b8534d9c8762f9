// Runs a policy over samples and keeps what was seen of its values: one streaming pass, in memory that does not grow
// with the number of samples, and that can go on after an interruption.
//
// In scope: which frames run in which batches, when progress is written. Not aware of: how ranges follow from it
// (quantization). Statistics depend on bundle, samples and seed; not on threads, and on the batch only as far as the
// engine's own arithmetic does.
#pragma once

#include <filesystem>

#include "backend/backend.h"
#include "base/log.h"
#include "base/status.h"
#include "bundle/bundle.h"
#include "calibration/material.h"
#include "calibration/sample_source.h"
#include "quantization/statistics.h"

namespace vlaq::calibration {

struct CalibrationOptions {
  int64_t samples = 256;  // frames
  uint64_t seed = 0;
  int64_t batch = 1;  // frames of one prompt that run at once
  // The values that one run gives out may take this much; where they do not fit, they are taken in several passes over
  // the samples. A first run on one frame takes them all, to see how large they are.
  uint64_t memory_bytes = uint64_t{512} << 20U;
  backend::OpenOptions open;
  // Where to keep progress; empty: nowhere. The caller removes it once the result is safe.
  std::filesystem::path progress_file;
  double save_every_s = 30;
};

// Errors: kInput if there are too few frames or samples, if the bundle is quantised already, or if a value is NaN or
// infinite (naming it and the frame); kUsage if the progress file is another calibration's; those of bundle, back end
// and frames.
Result<quantization::ActivationStatistics> Calibrate(const bundle::Bundle& bundle, const backend::Backend& backend,
                                                     SampleSource& source, const PromptMaker& prompt_for,
                                                     const CalibrationOptions& options, Log& log);

// Who a bundle is, for statistics and plans.
quantization::PlanSource IdentityOf(const bundle::Bundle& bundle);

}  // namespace vlaq::calibration

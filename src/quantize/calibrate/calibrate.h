// Runs a policy over samples and keeps what was seen of its values: one streaming pass, in memory that does not grow
// with the number of samples, and that can go on after an interruption.
//
// In scope: which steps run in which batches, when progress is written. Not aware of: how ranges follow from it
// (quantization), how a schedule runs (runtime). Statistics depend on bundle, samples and seed; not on threads, and on
// the batch only as far as the engine's own arithmetic does.
#pragma once

#include <filesystem>

#include "backend/backend.h"
#include "base/log.h"
#include "base/status.h"
#include "bundle/bundle.h"
#include "quantize/calibrate/sample_source.h"
#include "quantize/numerics/statistics.h"
#include "runtime/text_encoder.h"

namespace vlaq::calibrate {

struct CalibrationOptions {
  int64_t samples = 256;  // steps; 0: every one, in order
  uint64_t seed = 0;
  // Steps of one instruction that run at once, as far as they do not depend on others: what is kept for later steps is
  // made of one step alone.
  int64_t batch = 1;
  // The values that one run gives out may take this much; where they do not fit, they are taken in several passes over
  // the samples. A first step takes them all, to see how large they are.
  uint64_t memory_bytes = uint64_t{512} << 20U;
  backend::OpenOptions open;
  // Where to keep progress; empty: nowhere. The caller removes it once the result is safe.
  std::filesystem::path progress_file;
  double save_every_s = 30;
};

// What runs after a window sees, at a sample, the steps before it as in a control loop. Where graphs before windows are
// of one step alone, those after them run at some samples only (sample_frames.h); else all graphs run at every sample.
// `text`: of the policy's instruction; null: it reads none. Errors: kInput if there are too few steps or samples, if
// the bundle is quantized already, or if a value is NaN or infinite (naming it and the step); kUsage if the progress
// file is another calibration's; those of bundle, back end and samples.
Result<numerics::ActivationStatistics> Calibrate(const bundle::Bundle& bundle, const backend::Backend& backend,
                                                 SampleSource& source, const runtime::TextEncoder* text,
                                                 const CalibrationOptions& options, Log& log);

// Who a bundle is, for statistics and plans.
numerics::PlanSource IdentityOf(const bundle::Bundle& bundle);

}  // namespace vlaq::calibrate

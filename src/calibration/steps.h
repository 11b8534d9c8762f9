// Calibration of any policy on steps as its robot would observe them: the executor carries out the schedule, and what
// operators with weights read is watched on the way.
//
// In scope: which values are watched where, passes where memory does not hold all of them. Not aware of: where steps
// come from. Every step runs, in order, since what a schedule keeps (windows, carried values) follows from those
// before; so one frame at a time, and an interrupted calibration begins anew. Policies of kosmos2_lstm have a faster
// way on recorded frames (calibrate.h). Statistics do not depend on threads.
#pragma once

#include <string>

#include "backend/backend.h"
#include "base/log.h"
#include "base/status.h"
#include "bundle/bundle.h"
#include "calibration/calibrate.h"
#include "quantization/statistics.h"

namespace vlaq::calibration {

class StepSource {
 public:
  struct Step {
    std::string name;                   // for messages: "step 4"
    backend::NamedTensors observation;  // as FeatureReader reads it
    bool begins = false;                // a new episode
  };

  virtual ~StepSource() = default;
  virtual size_t size() const = 0;
  virtual Result<Step> Read(size_t index) = 0;
  virtual std::string name() const = 0;  // "inputs.safetensors"
};

// Of `options` the samples, the batch and the progress file mean nothing here. Values that text inputs make and that no
// step gives are those of the bundle's own instruction. Errors: kInput if the bundle is quantised already, or if a
// value is NaN or infinite (naming it and the step); kUsage if there is no step; those of bundle, back end and steps.
Result<quantization::ActivationStatistics> CalibrateOnSteps(const bundle::Bundle& bundle,
                                                            const backend::Backend& backend, StepSource& source,
                                                            const CalibrationOptions& options, Log& log);

}  // namespace vlaq::calibration

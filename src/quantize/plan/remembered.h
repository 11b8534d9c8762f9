// An evaluator that keeps what it measured in a file, so that an interrupted search goes on where it was: hours, at
// full size. A search is deterministic, so that it asks for the same plans again and is answered from the file.
#pragma once

#include <memory>

#include "base/json_fwd.h"
#include "base/log.h"
#include "base/resume_file.h"
#include "quantize/plan/accuracy.h"

namespace vlaq::plan {

// The file of a search for the plan at `output`.
ResumeFile MeasurementsBeside(const std::filesystem::path& output);

// `key` says of which policy, episodes and program the measurements are; plans are told apart by their text. Errors:
// kUsage if the file is of other work, kInput if it is damaged. A measurement that cannot be written down is an error
// of that measurement.
Result<std::unique_ptr<SensitivityEvaluator>> Remembering(std::unique_ptr<SensitivityEvaluator> inner, ResumeFile file,
                                                          Json key, Log& log);

}  // namespace vlaq::plan

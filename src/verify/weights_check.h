// Stages 0 and 1 of a quantized bundle: is it the source bundle with the plan carried out, and nothing else? Node by
// node against the source's graphs: every operator is there in the form that the plan gives it and reads the same
// values; every constant, read off the graph as numbers again, is the source's within what its format costs; the fixed
// ranges are the plan's; no weight is left over.
//
// Smoothing is undone with the factors that the graph's own normalizations show; a corrected bias may move by what its
// weight's rounding explains. Not aware of: running anything, the code that quantizes.
#pragma once

#include "base/log.h"
#include "bundle/bundle.h"
#include "quantize/numerics/plan.h"
#include "verify/report.h"

namespace vlaq::verify {

// Adds the checks "source", "operators", "accounted" (stage 0), "quantized weights" and "ranges" (stage 1). `plan` is
// null for a bundle that is not quantized: then nothing may differ from the reference but how floats are stored.
// Errors: kInput if the reference cannot be read; what is wrong with the bundle is a failed check.
Status CheckQuantizedWeights(const bundle::Bundle& bundle, const numerics::Plan* plan, const bundle::Bundle& reference,
                             Log& log, Report& report);

}  // namespace vlaq::verify

// Stage 1 against a source bundle: both are shown the same steps, and what one makes of them is held against the
// other's. Not aware of: weights, plans.
#pragma once

#include "base/log.h"
#include "bundle/bundle.h"
#include "verify/report.h"
#include "verify/runs_check.h"
#include "verify/step_inputs.h"

namespace vlaq::verify {

// Adds "NAME against the source", within what the bundle's precision may cost. Of a policy of any graphs for each
// output, by its name. Of a family's policy for each value that a graph of the default schedule makes, by the name that
// golden files have for it ("features", "actions"), and for each stage that both bundles name ("vision_last_hidden")
// over the first steps, since stages are large. The two are run one after the other; that the source does not run
// itself makes it untestable. Errors: kInput if they do not take the same inputs; those of `inputs.read`; what another
// provider than the CPU says of graphs that it does not open.
Status CheckAgainstSource(const bundle::Bundle& bundle, const bundle::Bundle& source, const StepInputs& inputs,
                          const NumberOptions& options, Log& log, Report& report);

}  // namespace vlaq::verify

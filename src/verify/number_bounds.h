// How far numbers of a bundle may be off from a reference's: by its precision, by what its outputs are, and by what the
// user allows. Pure functions.
#pragma once

#include "bundle/bundle.h"
#include "policy/policy.h"
#include "verify/difference_check.h"
#include "verify/report.h"

namespace vlaq::verify {

// Pixels of a preprocessed picture, absolute: one float32 rounding of values up to 2.7.
inline constexpr double kMaxPixelDifference = 1e-6;

struct NumberBounds {
  Bound stages;     // values on the way, relative to the largest of them
  Bound outputs;    // of a family's policies normalized, so absolute (-1 to 1); of any graphs' as stages
  Bound schedules;  // outputs of another schedule against those of the default one
};

// Errors: kInput for an unknown precision.
Result<NumberBounds> BoundsOfNumbers(const bundle::Bundle& bundle, const Tolerance& tolerance);
// Adds these limits, and why they are what they are, to the evidence. Errors: the same.
Status ReportBounds(const bundle::Bundle& bundle, const Tolerance& tolerance, Report& report);

// Whether ONNX files were made into the policy, not a checkpoint of a family: nothing is known of its numbers.
bool IsOfAnyGraphs(const policy::Policy& policy);

}  // namespace vlaq::verify

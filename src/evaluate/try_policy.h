// One step of a policy before the work of hours in which it would be the second one.
#pragma once

#include "evaluate/policy_under_test.h"

namespace vlaq::evaluate {

// Makes a policy, shows it `observation` and lets it go. Errors: those of making it and of its
// first action, with the factory's name.
Status TryPolicy(const PolicyFactory& factory, const Observation& observation);

}  // namespace vlaq::evaluate

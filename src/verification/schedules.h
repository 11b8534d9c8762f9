// What the checks have to know of a policy's schedules, and of what its numbers mean. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"
#include "verification/difference_check.h"

namespace vlaq::verification {

// The most steps that a window holds; 0: there is none.

// The graphs that a schedule runs, in order.
std::vector<std::string> GraphsOf(const std::vector<policy::Step>& schedule);
// Those of the default schedule in the order in which they run, then the others.
std::vector<std::string> GraphsInOrder(const policy::Policy& policy);

// The first window step of a schedule that makes `value`; null: it is made otherwise.
const policy::Step* WindowThatMakes(const std::vector<policy::Step>& schedule, const std::string& value);

// `limit` for differences of the main output as graphs give it, with the unit that its numbers have for a robot.
Bound MainOutputBound(const policy::Policy& policy, double limit, double most_rms = 0);

}  // namespace vlaq::verification

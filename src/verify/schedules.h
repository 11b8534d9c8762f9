// What the checks have to know of a policy's schedules. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace vlaq::verify {

// The graphs that a schedule runs, in order.
std::vector<std::string> GraphsOf(const std::vector<policy::Step>& schedule);
// Those of the default schedule in the order in which they run, then the others.
std::vector<std::string> GraphsInOrder(const policy::Policy& policy);

// The first window step of a schedule that makes `value`; null: it is made otherwise.
const policy::Step* WindowThatMakes(const std::vector<policy::Step>& schedule, const std::string& value);

}  // namespace vlaq::verify

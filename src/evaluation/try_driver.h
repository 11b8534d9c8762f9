// One step of a driver before the work of hours in which it would be the second one.
#pragma once

#include "evaluation/driver.h"

namespace vlaq::evaluation {

// Makes a driver, shows it `observation` and lets it go. Errors: those of making it and of its
// first action, with the factory's name.
Status TryDriver(const DriverFactory& factory, const Observation& observation);

}  // namespace vlaq::evaluation

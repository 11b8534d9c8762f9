// Time as the loop sees it in real time. Simulated time needs no clock: there the loop counts.
#pragma once

#include "robot/time.h"

namespace vlaq::robot {

// CLOCK_MONOTONIC; setting the time of day does not move it.
Time MonotonicNow();
// Returns at `instant` or a little later, at once if it has passed.
void SleepUntil(Time instant);

}  // namespace vlaq::robot

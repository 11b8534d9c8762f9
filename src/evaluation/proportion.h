// How sure a success rate is.
#pragma once

#include <cstdint>

namespace vlaq::evaluation {

struct Interval {
  double low = 0, high = 0;
};

// The 95 % score interval of `successes` of `trials` (Wilson 1927): unlike the normal one it stays within [0, 1] and
// holds near its ends. No trials: [0, 1].
Interval WilsonInterval(int64_t successes, int64_t trials);

}  // namespace vlaq::evaluation

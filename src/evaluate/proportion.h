// How sure a success rate is, and whether two rates over the same trials differ.
#pragma once

#include <cstdint>

#include "base/statistics.h"

namespace vlaq::evaluate {

// The 95 % score interval of `successes` of `trials` (Wilson 1927): unlike the normal one it stays within [0, 1] and
// holds near its ends. No trials: [0, 1].
Interval WilsonInterval(int64_t successes, int64_t trials);

// The same trials under two policies.
struct PairedCounts {
  int64_t both = 0, only_first = 0, only_second = 0, neither = 0;
};

// Two-sided exact McNemar test (McNemar 1947): the probability, if both were equally good, of discordant pairs at least
// as uneven as these. 1 without discordant pairs.
double McNemarP(const PairedCounts& counts);

}  // namespace vlaq::evaluate

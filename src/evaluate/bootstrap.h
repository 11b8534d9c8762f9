// How sure a difference between two policies on the same episodes is.
#pragma once

#include <cstdint>
#include <vector>

#include "evaluate/proportion.h"

namespace vlaq::evaluate {

// One episode's share of a mean over steps: sum of the values, and how many.
struct Share {
  double sum = 0;
  double count = 0;
};

struct Estimate {
  double value = 0;
  Interval interval;  // 95 %
};

// The mean over all steps with its percentile bootstrap interval (Efron 1979). Whole episodes are drawn, since the
// steps of one are no independent samples. Seeded: the same shares give the same interval everywhere. One episode or
// none, or a mean that is no number: the interval is infinite.
Estimate BootstrapMean(const std::vector<Share>& episodes, int resamples = 10'000, uint64_t seed = 0);

}  // namespace vlaq::evaluate

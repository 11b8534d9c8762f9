// Many outcomes as rates with intervals, and two policies on the same seeds against each other.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "evaluate/proportion.h"
#include "evaluate/rollout.h"

namespace vlaq::evaluate {

struct Rate {
  int64_t count = 0;
  int64_t of = 0;
  double fraction() const { return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of); }
  Interval interval() const { return WilsonInterval(count, of); }
};

struct Summary {
  Rate success, reached, collided, timed_out;
  Rate told_side;               // first box passed on the side that was told
  Rate other_side;              // passed on the other one; the rest passed none
  double mean_steps = 0;        // of successes; 0 without any
  double mean_path_length = 0;  // m, of successes
  std::map<std::string, Rate> by_layout;
};

Summary Summarize(const std::vector<Outcome>& outcomes);

// Errors: kUsage unless both hold the same seeds in the same order.
Result<PairedCounts> CompareSuccess(const std::vector<Outcome>& a, const std::vector<Outcome>& b);

}  // namespace vlaq::evaluate

// The verdict of `verify`: one line per check, in the order in which they were made. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "verification/evidence.h"

namespace vlaq::verification {

struct Check {
  int rung = 0;      // 0 identity, 1 numbers, 2 reality, 3 open loop, 4 eyes open, 5 closed loop
  std::string name;  // "weights", "text_last_hidden"
  bool passed = false;
  std::string detail;  // what was found, and in a failure where
  // Figures for programs: name -> value, e.g. {"max_absolute", 3e-7}, {"limit", 1e-5}.
  std::vector<std::pair<std::string, double>> figures;
};

// A check that this policy or these episodes do not allow: neither passed nor failed, and never left out silently.
struct Untestable {
  int rung = 0;
  std::string name;
  std::string reason;
};

struct Report {
  std::vector<Check> checks;
  std::vector<Untestable> untestable;
  // Parameters of the checkpoint (or of the bundle's weights, if none was given) and how many of them the outputs of
  // the whole-policy graph depend on, with contents that were found right.
  int64_t parameters = 0;
  int64_t reached_parameters = 0;
  std::vector<std::string> notes;  // tensors left out, with the reason
  Evidence evidence;

  double reached_fraction() const {
    return parameters == 0 ? 0 : static_cast<double>(reached_parameters) / static_cast<double>(parameters);
  }
  // The first check that failed, or nullptr.
  const Check* first_failure() const {
    for (const Check& check : checks) {
      if (!check.passed) return &check;
    }
    return nullptr;
  }
};

}  // namespace vlaq::verification

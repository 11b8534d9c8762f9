#include "verification/difference_check.h"

#include <fmt/format.h>

namespace vlaq::verification {

Check JudgeDifference(std::string name, const Difference& difference, Measure measure, double limit,
                      const std::string& remark) {
  const double value = measure == Measure::kAbsolute ? difference.max_absolute() : difference.relative();
  Check check{1, std::move(name), value <= limit, "", {}};
  check.detail = fmt::format("{} difference {:.2e} (limit {:.2g}){}",
                             measure == Measure::kAbsolute ? "largest" : "relative", value, limit, remark);
  if (difference.count() == 0) {
    check.passed = false;
    check.detail = "nothing was compared";
  }
  check.figures = {{"max_absolute", difference.max_absolute()},
                   {"relative", difference.relative()},
                   {"signal_to_noise_db", difference.signal_to_noise_db()},
                   {"cosine", difference.cosine()},
                   {"limit", limit}};
  return check;
}

}  // namespace vlaq::verification

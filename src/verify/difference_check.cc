#include "verify/difference_check.h"

#include <fmt/format.h>

namespace vlaq::verify {
namespace {

double ValueOf(const Difference& difference, Measure measure) {
  switch (measure) {
    case Measure::kAbsolute:
      return difference.max_absolute();
    case Measure::kRelative:
      return difference.relative();
    case Measure::kElements:
      return difference.max_excess();
  }
  return 0;
}

std::string DifferenceText(const Difference& difference, const Bound& bound) {
  const double value = ValueOf(difference, bound.measure);
  switch (bound.measure) {
    case Measure::kAbsolute:
      break;
    case Measure::kRelative:
      return fmt::format("relative difference {:.2e} (limit {:.2g})", value, bound.limit);
    case Measure::kElements:
      return fmt::format("largest difference {:.2e}, {:.2e} beyond {:.2g} of the value (limit {:.2g})",
                         difference.max_absolute(), value, bound.relative, bound.limit);
  }
  const std::string unit = bound.unit_name.empty() ? "" : " " + bound.unit_name;
  std::string text =
      fmt::format("largest difference {:.2e}{} (limit {:.2g})", value * bound.unit, unit, bound.limit * bound.unit);
  if (bound.most_rms > 0) {
    text += fmt::format(", RMS {:.2e} (limit {:.2g})", difference.root_mean_square() * bound.unit,
                        bound.most_rms * bound.unit);
  }
  return text;
}

}  // namespace

Bound Tolerance::ForStage(Bound own) const {
  if (!of_stages()) return own;
  own.measure = Measure::kElements;
  own.limit = absolute.value_or(0);
  own.relative = relative.value_or(0);
  own.most_rms = 0;
  return own;
}

Bound Tolerance::ForActions(Bound own) const {
  if (!actions) return ForStage(std::move(own));
  own.measure = Measure::kAbsolute;
  own.limit = *actions / own.unit;
  own.most_rms = 0;
  return own;
}

Check JudgeDifference(std::string name, const Difference& difference, const Bound& bound, Against against,
                      const std::string& remark) {
  const double rms = difference.root_mean_square();
  const bool passed =
      ValueOf(difference, bound.measure) <= bound.limit && !(bound.most_rms > 0 && !(rms <= bound.most_rms));
  Check check{kNumberRung, std::move(name), passed, DifferenceText(difference, bound) + remark, {}, against};
  if (difference.count() == 0) {
    check.passed = false;
    check.detail = "nothing was compared";
  }
  check.figures = {{"max_absolute", difference.max_absolute()},
                   {"rms", rms},
                   {"relative", difference.relative()},
                   {"signal_to_noise_db", difference.signal_to_noise_db()},
                   {"cosine", difference.cosine()},
                   {"limit", bound.limit}};
  if (bound.measure == Measure::kRelative) check.figures.emplace_back("limit_is_relative", 1);
  return check;
}

}  // namespace vlaq::verify

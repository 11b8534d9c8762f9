// A measured difference against a limit, in words and figures. Not aware of: where the numbers come from.
#pragma once

#include <optional>
#include <string>

#include "tensor/difference.h"
#include "verify/report.h"

namespace vlaq::verify {

inline constexpr int kNumberRung = 1;

enum class Measure {
  kAbsolute,  // max |a - b|
  kRelative,  // max |a - b| / max |b|
  kElements,  // max (|a - b| - relative |b|), element by element, as NumPy's allclose
};

// What a difference may be.
struct Bound {
  Measure measure = Measure::kAbsolute;
  double limit = 0;
  double relative = 0;         // of kElements; Differences are made with it
  double most_rms = 0;         // root mean square of a - b; 0: not judged
  double unit = 1;             // what 1 is in `unit_name`, for words
  std::string unit_name = {};  // "m/s"
};

// What the user allows in place of a precision's own limits (precision_bounds.h).
struct Tolerance {
  std::optional<double> absolute, relative;  // --atol, --rtol: of stages, features and actions, element by element
  std::optional<double> actions;             // --max-action-diff, in the action's units

  bool of_stages() const { return absolute || relative; }
  bool of_actions() const { return actions || of_stages(); }
  // `own` unless the user gave absolute or relative.
  Bound ForStage(Bound own) const;
  // The same, where --max-action-diff comes first. `own.unit` is the action's scale.
  Bound ForActions(Bound own) const;
};

// A check of stage 1. Fails above a limit, for no numbers, and where nothing was compared.
Check JudgeDifference(std::string name, const Difference& difference, const Bound& bound, Against against,
                      const std::string& remark = "");

}  // namespace vlaq::verify

// Values by control step, held against each other. Not aware of: where either side comes from.
#pragma once

#include <string>
#include <vector>

#include "backend/backend.h"
#include "verify/difference_check.h"
#include "verify/report.h"

namespace vlaq::verify {

// Values by name, of one control step after the other.
using Rows = std::vector<backend::NamedTensors>;

// How two series of one value are compared.
struct Comparison {
  std::string name;   // of the check
  std::string value;  // in the rows
  Bound bound = {};   // of floats; what is no float must be equal
  Against against = Against::kItself;
  std::string remark = {};  // ends what was found
};

// Compares step by step, where both sides have the value; a batch axis of 1 that only `actual` has does not count.
// Fails where nothing was compared. Errors: kInput naming the step, for values of another type or other extents.
Result<Check> CompareRows(const Comparison& comparison, const Rows& expected, const Rows& actual);
// The same, where such values are the fault of what is checked: the check fails by them.
Check JudgeRows(const Comparison& comparison, const Rows& expected, const Rows& actual);

}  // namespace vlaq::verify

// A measured difference against a limit, in words and figures. Not aware of: where the numbers come from.
#pragma once

#include <string>

#include "tensor/difference.h"
#include "verification/report.h"

namespace vlaq::verification {

enum class Measure { kAbsolute, kRelative };

// A check of rung 1. Fails above the limit, for no numbers, and where nothing was compared.
Check JudgeDifference(std::string name, const Difference& difference, Measure measure, double limit,
                      const std::string& remark = "");

}  // namespace vlaq::verification

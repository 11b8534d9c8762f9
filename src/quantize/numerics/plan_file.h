// plan.json: a Plan as JSON ("vlaq.plan/1") that a person can read, edit and diff, and back.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"
#include "quantize/numerics/plan.h"

namespace vlaq::numerics {

// The same plan always gives the same text; one line for each operator.
std::string PlanText(const Plan& plan);
// Errors: kInput naming `where`, the operator and the key: what is missing, of the wrong type, unknown or impossible
// (an axis below 0, a range that does not hold zero, an operator named twice).
Result<Plan> ParsePlan(std::string_view text, const std::string& where);
Result<Plan> ReadPlan(const std::filesystem::path& path);

}  // namespace vlaq::numerics

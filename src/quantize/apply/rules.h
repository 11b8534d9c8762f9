// What a target forbids, checked before anything is written, whoever wrote the plan.
#pragma once

#include "base/status.h"
#include "quantize/numerics/plan.h"
#include "target/target.h"

namespace vlaq::apply {

// Errors: kInput naming the operator, the id of the rule that it breaks and what to write instead.
Status CheckRules(const numerics::Plan& plan, const target::Target& target);

}  // namespace vlaq::apply

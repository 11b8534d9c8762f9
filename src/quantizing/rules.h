// What a target forbids, checked before anything is written, whoever wrote the plan.
#pragma once

#include "base/status.h"
#include "quantization/plan.h"
#include "target/target.h"

namespace vlaq::quantizing {

// Errors: kInput naming the operator, the id of the rule that it breaks and what to write instead.
Status CheckRules(const quantization::Plan& plan, const target::Target& target);

}  // namespace vlaq::quantizing

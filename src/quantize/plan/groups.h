// Groups of a plan's operators, which are quantized or left alone together, and what may be changed about them.
// Pure functions of plans.
#pragma once

#include <string>
#include <vector>

#include "quantize/numerics/plan.h"

namespace vlaq::plan {

// In plans with rest = float16 that rest counts as a group of this name: norms, sums, softmax.
inline constexpr std::string_view kRestGroup = "(all without weights)";

// Groups with an operator that is not float32, in the plan's order; kRestGroup comes last.
std::vector<std::string> QuantizedGroups(const numerics::Plan& plan);
// The plan in which only `group` is as in `plan`, and everything else is float32.
numerics::Plan OnlyGroup(const numerics::Plan& plan, std::string_view group);
// The plan in which `group` is one step nearer to float32: integers become float16 where the plan computes the rest in
// float16, else float32; float16 becomes float32. `rule` and `reason` stand with the operators that changed.
numerics::Plan Relaxed(const numerics::Plan& plan, std::string_view group, std::string_view rule,
                       const std::string& reason);
// `plan` with the operators of `group` as `from` has them.
numerics::Plan WithGroupOf(const numerics::Plan& plan, const numerics::Plan& from, std::string_view group);
// Multiply-accumulates of the group's operators.
int64_t MacsOf(const numerics::Plan& plan, std::string_view group);
// "dynamic_int8 int8", "half float16": of its first operator that is not float32.
std::string FormatOf(const numerics::Plan& plan, std::string_view group);

}  // namespace vlaq::plan

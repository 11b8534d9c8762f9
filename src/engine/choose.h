// INT8 is a hypothesis: two engines of one policy, FP16 and INT8, their layers timed, and the INT8 plan edited so that
// Q/DQ stay only where they win, with the figures as the reason.
//
// In scope: times of layers and a plan. Not aware of: how the times came about, running anything. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/layers.h"
#include "quantize/numerics/plan.h"

namespace vlaq::engine {

struct ChoiceRules {
  double min_gain = 0.05;  // of FP16's time; less is within what two builds of one engine differ by
  // Mean absolute difference of the actions from fp32's; without both accuracy is not judged here.
  std::optional<double> int8_difference, largest_difference;
  std::string caveat;  // put to each reason, e.g. "not measured: ..."
};

struct GroupChoice {
  std::string group;
  std::optional<double> fp16_ms, int8_ms;  // with the reformats and quantizing layers that belong to it
  bool int8 = true;                        // as edited
  std::string reason;
};

struct Choice {
  numerics::Plan plan;              // edited
  std::vector<GroupChoice> groups;  // those that were INT8, in the plan's order
  double fp16_ms = 0, int8_ms = 0;  // all layers
  size_t fp16_reformats = 0, int8_reformats = 0;
};

// `plan` is the INT8 bundle's. Errors: kInput if the layers of one were not timed, or the plan has no static INT8.
Result<Choice> Choose(const numerics::Plan& plan, const std::vector<Layer>& fp16, const std::vector<Layer>& int8,
                      const ChoiceRules& rules);

}  // namespace vlaq::engine

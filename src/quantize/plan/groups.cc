#include "quantize/plan/groups.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::plan {
namespace {

using numerics::Form;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;

void MakeFloat(OperatorChoice& choice, Form form, NumericType number) {
  choice.form = form;
  choice.activation.reset();
  for (auto& weight : choice.weights) weight = {weight.name, number, {}, 0, 0, {}};
}

// Smoothing is for integers: where none of the readers is one any more, nothing is gained by it.
void DropIdleSmoothing(Plan& plan) {
  std::erase_if(plan.smooth, [&](const numerics::SmoothChoice& smooth) {
    return std::all_of(smooth.nodes.begin(), smooth.nodes.end(), [&](const std::string& node) {
      const OperatorChoice* choice = plan.Find(node);
      return choice == nullptr || choice->form == Form::kFloat || choice->form == Form::kHalf;
    });
  });
}

void MakeRestFloat(Plan& plan) {
  plan.rest = NumericType::kFloat32;
  plan.keep_float.clear();
}

}  // namespace

std::vector<std::string> QuantizedGroups(const Plan& plan) {
  std::vector<std::string> groups;
  for (const OperatorChoice& choice : plan.operators) {
    if (choice.form == Form::kFloat) continue;
    if (std::find(groups.begin(), groups.end(), choice.group) == groups.end()) groups.push_back(choice.group);
  }
  if (plan.rest == NumericType::kFloat16) groups.emplace_back(kRestGroup);
  return groups;
}

Plan OnlyGroup(const Plan& plan, std::string_view group) {
  Plan only = plan;
  for (OperatorChoice& choice : only.operators) {
    if (choice.group != group) MakeFloat(choice, Form::kFloat, NumericType::kFloat32);
  }
  if (group != kRestGroup) MakeRestFloat(only);
  DropIdleSmoothing(only);
  return only;
}

Plan Relaxed(const Plan& plan, std::string_view group, std::string_view rule, const std::string& reason) {
  Plan relaxed = plan;
  if (group == kRestGroup) {
    MakeRestFloat(relaxed);
    return relaxed;
  }
  for (OperatorChoice& choice : relaxed.operators) {
    if (choice.group != group || choice.form == Form::kFloat) continue;
    const bool half = plan.rest == NumericType::kFloat16 && choice.form != Form::kHalf;
    MakeFloat(choice, half ? Form::kHalf : Form::kFloat, half ? NumericType::kFloat16 : NumericType::kFloat32);
    choice.rule = rule;
    choice.reason = reason;
  }
  DropIdleSmoothing(relaxed);
  return relaxed;
}

Plan WithGroupOf(const Plan& plan, const Plan& from, std::string_view group) {
  Plan result = plan;
  if (group == kRestGroup) {
    result.rest = from.rest;
    result.keep_float = from.keep_float;
  }
  for (OperatorChoice& choice : result.operators) {
    if (choice.group != group) continue;
    if (const OperatorChoice* original = from.Find(choice.node)) choice = *original;
  }
  result.smooth = from.smooth;
  DropIdleSmoothing(result);
  return result;
}

int64_t MacsOf(const Plan& plan, std::string_view group) {
  int64_t macs = 0;
  for (const OperatorChoice& choice : plan.operators) macs += choice.group == group ? choice.macs : 0;
  return macs;
}

std::string FormatOf(const Plan& plan, std::string_view group) {
  if (group == kRestGroup) return std::string(NumericTypeName(plan.rest));
  for (const OperatorChoice& choice : plan.operators) {
    if (choice.group != group || choice.form == Form::kFloat) continue;
    return fmt::format("{} {}", FormName(choice.form),
                       choice.weights.empty() ? "" : NumericTypeName(choice.weights[0].number));
  }
  return "float";
}

}  // namespace vlaq::plan

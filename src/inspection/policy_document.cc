// A policy in a few words: what it takes and gives, and what it runs in what order.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "inspection/documents.h"

namespace vlaq::inspection {
namespace {

std::string NormalizationText(const policy::Normalization& normalization) {
  return normalization.mode == policy::NormalizationMode::kIdentity ? ""
                                                                    : std::string(policy::Name(normalization.mode));
}

std::string StepsText(const std::vector<policy::Step>& steps);

// "run encoder", "window feature 8"
std::string StepText(const policy::Step& step) {
  const std::string_view kind = policy::Name(step.kind);
  switch (step.kind) {
    case policy::StepKind::kRun:
      return fmt::format("{} {}", kind, step.graph);
    case policy::StepKind::kWindow:
      return fmt::format("{} {} {}", kind, step.value, step.length);
    case policy::StepKind::kHold:
      return fmt::format("{} while {} stays ({})", kind, fmt::join(step.when, ", "), StepsText(step.steps));
    case policy::StepKind::kCarry:
      return fmt::format("{} {} as {}", kind, step.value, step.as);
    case policy::StepKind::kRepeat:
      return fmt::format("{} {} times ({})", kind, step.times, StepsText(step.steps));
    case policy::StepKind::kSelect:
      return fmt::format("{} {} of {}", kind, step.index, step.value);
    case policy::StepKind::kConcat:
      return fmt::format("{} {}", kind, fmt::join(step.values, ", "));
  }
  return "";
}

std::string StepsText(const std::vector<policy::Step>& steps) {
  std::vector<std::string> texts;
  for (const policy::Step& step : steps) texts.push_back(StepText(step));
  return fmt::format("{}", fmt::join(texts, " -> "));
}

}  // namespace

Json DescribePolicy(const policy::Policy& policy) {
  Json inputs = Json::array(), outputs = Json::array(), schedules = Json::object();
  for (const policy::Input& input : policy.inputs) {
    const bool text = input.type == policy::InputType::kText;
    inputs.push_back({{"name", input.name},
                      {"type", policy::Name(input.type)},
                      {"dtype", text ? "" : std::string(DTypeName(input.dtype))},
                      {"shape", input.shape},
                      {"normalize", NormalizationText(input.normalize)}});
  }
  for (const policy::Output& output : policy.outputs) {
    outputs.push_back({{"name", output.name},
                       {"dtype", DTypeName(output.dtype)},
                       {"shape", output.shape},
                       {"units", output.units},
                       {"unnormalize", NormalizationText(output.unnormalize)}});
  }
  for (const auto& [name, steps] : policy.schedules) schedules[name] = StepsText(steps);
  Json control{{"period_s", policy.control.period_s}, {"n_action_steps", policy.control.n_action_steps}};
  if (policy.control.temporal_ensemble_coeff) {
    control["temporal_ensemble_coeff"] = *policy.control.temporal_ensemble_coeff;
  }
  return {{"inputs", std::move(inputs)},
          {"outputs", std::move(outputs)},
          {"schedules", std::move(schedules)},
          {"default_schedule", policy.default_schedule},
          {"control", std::move(control)}};
}

}  // namespace vlaq::inspection

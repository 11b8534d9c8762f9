// INT8 or FP16: the INT8 bundle's plan, edited by what the layers of both engines took.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/output.h"
#include "deployment/engines.h"
#include "deployment/reference.h"
#include "engine/choose.h"

namespace vlaq::deployment {

struct ChoiceRequest {
  std::filesystem::path output;  // the edited plan
  double min_gain = 0.05;        // share of FP16's time that INT8 must save
  // Largest mean difference of the INT8 engine's actions from fp32's; needs a reference.
  std::optional<double> largest_difference;
};

// Before anything is built: both engines will be there, the plan can be read and the new one written. Errors: kUsage,
// kInput.
Status CheckChoice(const ChoiceRequest& request, const Engines& engines, Existing existing);

struct ChosenPlan {
  engine::Choice choice;
  std::vector<std::string> not_measured;  // why its times are no measurement; empty: they are
};
// Writes the edited plan to request.output. `reference` may be null unless a largest difference is asked. Errors: those
// of engine::Choose and of writing.
Result<ChosenPlan> ChooseByTime(const ChoiceRequest& request, const Engines& engines, const engine::Builder& builder,
                                double timeout_s, Existing existing, Reference* reference, Log& log);

}  // namespace vlaq::deployment

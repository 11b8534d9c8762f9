#include "verify/number_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "families/family.h"
#include "verify/precision_bounds.h"

namespace vlaq::verify {
namespace {

// Absolute: the same arithmetic in another batch.
constexpr double kMaxOfAnotherBatch = 1e-6;

// For differences of the main output as graphs give it, with the unit that its numbers have for a robot.
Bound MainOutputBound(const policy::Policy& policy, const StageBounds& own) {
  Bound bound{.limit = own.actions, .most_rms = own.actions_rms};
  if (policy.outputs.empty()) return bound;
  const policy::Output& output = policy.outputs.front();
  const auto& [mode, a, b] = output.unnormalize;
  if (mode == policy::NormalizationMode::kScale && !a.empty()) {
    for (const double scale : a) bound.unit = std::max(&scale == a.data() ? 0.0 : bound.unit, std::abs(scale));
  }
  if (!output.units.empty()) bound.unit_name = output.units.front();
  return bound;
}

}  // namespace

bool IsOfAnyGraphs(const policy::Policy& policy) { return families::FindOrNull(policy.family) == nullptr; }

Result<NumberBounds> BoundsOfNumbers(const bundle::Bundle& bundle, const Tolerance& tolerance) {
  VLAQ_ASSIGN_OR_RETURN(const StageBounds* own, BoundsOfStages(bundle.precision));
  NumberBounds bounds;
  bounds.stages = tolerance.ForStage({Measure::kRelative, own->features});
  if (IsOfAnyGraphs(bundle.policy)) {
    bounds.outputs = bounds.schedules = bounds.stages;
    return bounds;
  }
  bounds.outputs = tolerance.ForActions(MainOutputBound(bundle.policy, *own));
  bounds.schedules.limit = bundle.plan ? own->actions : kMaxOfAnotherBatch;  // with a plan other scales, too
  return bounds;
}

Status ReportBounds(const bundle::Bundle& bundle, const Tolerance& tolerance, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const StageBounds* own, BoundsOfStages(bundle.precision));
  VLAQ_ASSIGN_OR_RETURN(const NumberBounds bounds, BoundsOfNumbers(bundle, tolerance));
  const auto tell = [&](const char* name, const Bound& bound, bool by_user) {
    report.evidence.limits.push_back(
        {name, bound.limit,
         by_user ? "given on the command line" : fmt::format("{}: {}", own->precision, own->reason)});
  };
  if (IsOfAnyGraphs(bundle.policy)) {
    tell("most_output_difference", bounds.outputs, tolerance.of_stages());
    return {};
  }
  tell("most_feature_difference", bounds.stages, tolerance.of_stages());
  tell("most_action_difference", bounds.outputs, tolerance.of_actions());
  return {};
}

}  // namespace vlaq::verify

#include "verification/schedules.h"

#include <algorithm>
#include <cmath>

namespace vlaq::verification {
namespace {

using policy::Step;
using policy::StepKind;

void CollectGraphs(const std::vector<Step>& schedule, std::vector<std::string>& graphs) {
  for (const Step& step : schedule) {
    const bool is_new = std::ranges::find(graphs, step.graph) == graphs.end();
    if (step.kind == StepKind::kRun && is_new) graphs.push_back(step.graph);
    CollectGraphs(step.steps, graphs);
  }
}

}  // namespace

std::vector<std::string> GraphsOf(const std::vector<Step>& schedule) {
  std::vector<std::string> graphs;
  CollectGraphs(schedule, graphs);
  return graphs;
}

std::vector<std::string> GraphsInOrder(const policy::Policy& policy) {
  std::vector<std::string> graphs;
  const auto first = policy.schedules.find(policy.default_schedule);
  if (first != policy.schedules.end()) CollectGraphs(first->second, graphs);
  for (const auto& [name, graph] : policy.graphs) {
    if (std::ranges::find(graphs, name) == graphs.end()) graphs.push_back(name);
  }
  return graphs;
}

const Step* WindowThatMakes(const std::vector<Step>& schedule, const std::string& value) {
  for (const Step& step : schedule) {
    if (step.kind == StepKind::kWindow && step.as == value) return &step;
    if (const Step* inner = WindowThatMakes(step.steps, value)) return inner;
  }
  return nullptr;
}

Bound MainOutputBound(const policy::Policy& policy, double limit, double most_rms) {
  Bound bound{.limit = limit, .most_rms = most_rms};
  if (policy.outputs.empty()) return bound;
  const policy::Output& output = policy.outputs.front();
  const auto& [mode, a, b] = output.unnormalize;
  if (mode == policy::NormalizationMode::kScale && !a.empty()) {
    for (const double scale : a) bound.unit = std::max(&scale == a.data() ? 0.0 : bound.unit, std::abs(scale));
  }
  if (!output.units.empty()) bound.unit_name = output.units.front();
  return bound;
}

}  // namespace vlaq::verification

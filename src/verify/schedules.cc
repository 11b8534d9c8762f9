#include "verify/schedules.h"

#include <algorithm>

namespace vlaq::verify {
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

}  // namespace vlaq::verify

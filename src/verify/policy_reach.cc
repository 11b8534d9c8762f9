#include "verify/policy_reach.h"

#include <vector>

#include "onnx/reachability.h"

namespace vlaq::verify {
namespace {

using policy::Step;
using policy::StepKind;
using Models = std::map<std::string, onnx::Model, std::less<>>;

// Walks a schedule again and again until nothing more is needed: carried values are made after they are read.
class Walk {
 public:
  Walk(const policy::Policy& policy, const Models& models) : policy_(policy), models_(models) {
    for (const policy::Output& output : policy.outputs) needed_.insert(output.name);
  }

  PolicyReach Run(const std::vector<Step>& steps) {
    size_t before = 0;
    do {
      before = needed_.size();
      Visit(steps);
    } while (needed_.size() > before);
    return std::move(reach_);
  }

 private:
  void Visit(const std::vector<Step>& steps) {
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) Visit(*step);
  }

  void Visit(const Step& step) {
    switch (step.kind) {
      case StepKind::kRun:
        return VisitGraph(step.graph);
      case StepKind::kWindow:
      case StepKind::kCarry:
      case StepKind::kSelect:
        if (needed_.contains(step.as)) needed_.insert(step.value);
        return;
      case StepKind::kHold:
        return Visit(step.steps);
      case StepKind::kRepeat:
        for (const policy::CarriedValue& carried : step.carry) {
          if (needed_.contains(carried.as)) needed_.insert({carried.from, carried.next});
        }
        return Visit(step.steps);
      case StepKind::kConcat:
        if (needed_.contains(step.as)) needed_.insert(step.values.begin(), step.values.end());
        return;
    }
  }

  void VisitGraph(const std::string& name) {
    const auto graph = policy_.graphs.find(name);
    const auto model = models_.find(name);
    if (graph == policy_.graphs.end() || model == models_.end()) return;
    std::vector<std::string> wanted;
    for (const auto& [output, value] : graph->second.outputs) {
      if (needed_.contains(value)) wanted.push_back(output);
    }
    if (wanted.empty()) return;
    reach_.graphs.insert(name);
    const onnx::Reachability reached = onnx::ReachableFrom(model->second.graph, wanted);
    reach_.initializers.insert(reached.initializers.begin(), reached.initializers.end());
    for (const auto& [input, value] : graph->second.inputs) {
      if (reached.inputs.contains(input)) needed_.insert(value);
    }
  }

  const policy::Policy& policy_;
  const Models& models_;
  std::set<std::string, std::less<>> needed_;  // values
  PolicyReach reach_;
};

}  // namespace

PolicyReach ReachOf(const policy::Policy& policy, std::string_view schedule, const Models& models) {
  const auto steps = policy.schedules.find(schedule);
  return steps == policy.schedules.end() ? PolicyReach() : Walk(policy, models).Run(steps->second);
}

}  // namespace vlaq::verify

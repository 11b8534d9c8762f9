#include "bench/schedule_parts.h"

#include <algorithm>

namespace vlaq::bench {
namespace {

using policy::StepKind;

class PartFinder {
 public:
  explicit PartFinder(const policy::Policy& policy) : policy_(policy) {}

  ScheduleParts Find(const std::vector<policy::Step>& steps) {
    Forward(steps, false);
    // What is kept may lie behind what is carried round, so until nothing more is found.
    for (size_t before = kept_.size() + 1; before != kept_.size();) {
      before = kept_.size();
      Backward(steps, false);
    }
    return std::move(found_);
  }

 private:
  int64_t HistoryOf(const std::string& value) {
    found_.reads.insert(value);
    return history_[value];
  }
  int64_t HistoryOf(const std::vector<std::string>& values) {
    int64_t most = 0;
    for (const std::string& value : values) most = std::max(most, HistoryOf(value));
    return most;
  }
  void Give(const std::string& value, int64_t history) {
    history_[value] = std::max(history_[value], history);
    found_.history = std::max(found_.history, history);
  }

  void ForwardRun(const policy::Step& step, bool held) {
    const auto graph = policy_.graphs.find(step.graph);
    if (graph == policy_.graphs.end()) return;
    int64_t history = 0;
    for (const auto& binding : graph->second.inputs) history = std::max(history, HistoryOf(binding.second));
    for (const auto& binding : graph->second.outputs) Give(binding.second, history);
    if (found_.parts.count(step.graph) == 0) found_.graphs.push_back(step.graph);
    found_.parts[step.graph].of_step = history == 0 && !held;
  }

  void ForwardRepeat(const policy::Step& step, bool held) {
    for (const auto& carried : step.carry) Give(carried.as, HistoryOf(carried.from));
    for (int round = 0; round < 2; ++round) {  // what a round makes is what the next reads
      Forward(step.steps, held);
      for (const auto& carried : step.carry) Give(carried.as, HistoryOf(carried.next));
    }
  }

  void Forward(const std::vector<policy::Step>& steps, bool held) {
    for (const policy::Step& step : steps) {
      switch (step.kind) {
        case StepKind::kRun:
          ForwardRun(step, held);
          break;
        case StepKind::kWindow:
          Give(step.as, HistoryOf(step.value) + step.length - 1);
          kept_.insert(step.value);
          break;
        case StepKind::kHold:
          found_.holds = true;
          kept_.insert(step.when.begin(), step.when.end());
          HistoryOf(step.when);
          Forward(step.steps, true);
          break;
        case StepKind::kCarry:
          found_.carries = true;
          found_.reads.insert(step.value);
          kept_.insert(step.value);
          break;
        case StepKind::kRepeat:
          ForwardRepeat(step, held);
          break;
        case StepKind::kSelect:
          Give(step.as, HistoryOf(step.value));
          break;
        case StepKind::kConcat:
          Give(step.as, HistoryOf(step.values));
          break;
      }
    }
  }

  void BackwardRun(const policy::Step& step, bool held) {
    const auto graph = policy_.graphs.find(step.graph);
    if (graph == policy_.graphs.end()) return;
    const auto& outputs = graph->second.outputs;
    const bool kept = held || std::any_of(outputs.begin(), outputs.end(),
                                          [this](const auto& b) { return kept_.count(b.second) > 0; });
    if (!kept) return;
    found_.parts[step.graph].kept = true;
    for (const auto& binding : graph->second.inputs) kept_.insert(binding.second);
  }

  void Backward(const std::vector<policy::Step>& steps, bool held) {
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      if (step->kind == StepKind::kRun) BackwardRun(*step, held);
      if (step->kind == StepKind::kWindow && kept_.count(step->as) > 0) kept_.insert(step->value);
      for (const auto& carried : step->carry) {
        const bool any = kept_.count(carried.as) + kept_.count(carried.next) > 0;
        if (any) kept_.insert({carried.as, carried.from, carried.next});
      }
      Backward(step->steps, held || step->kind == StepKind::kHold);
      if (step->kind == StepKind::kSelect && kept_.count(step->as) > 0) kept_.insert(step->value);
      if (step->kind == StepKind::kConcat && kept_.count(step->as) > 0) {
        kept_.insert(step->values.begin(), step->values.end());
      }
      // What a hold selects or joins stays, too.
      if (held && step->kind == StepKind::kSelect) kept_.insert(step->value);
      if (held && step->kind == StepKind::kConcat) kept_.insert(step->values.begin(), step->values.end());
    }
  }

  const policy::Policy& policy_;
  ScheduleParts found_;
  std::map<std::string, int64_t> history_;  // by value: on how many steps before it depends
  std::set<std::string> kept_;
};

}  // namespace

ScheduleParts PartsOf(const policy::Policy& policy, std::string_view schedule) {
  const auto steps = policy.schedules.find(schedule.empty() ? policy.default_schedule : schedule);
  return steps == policy.schedules.end() ? ScheduleParts() : PartFinder(policy).Find(steps->second);
}

bool KeepsWhatItMakes(const policy::Policy& policy, std::string_view schedule) {
  const ScheduleParts found = PartsOf(policy, schedule);
  return found.carries ||
         std::any_of(found.parts.begin(), found.parts.end(), [](const auto& part) { return part.second.kept; });
}

}  // namespace vlaq::bench

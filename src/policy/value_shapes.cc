#include "policy/value_shapes.h"

#include <algorithm>
#include <utility>

namespace vlaq::policy {
namespace {

// NOLINTNEXTLINE(misc-no-recursion): steps within steps, as deep as the policy's file was allowed to be
void EachStep(const std::vector<Step>& steps, const std::function<void(const Step&)>& see) {
  for (const Step& step : steps) {
    see(step);
    EachStep(step.steps, see);
  }
}

// NOLINTNEXTLINE(misc-no-recursion)
void SetWindowsOf(std::vector<Step>& steps, int64_t length) {
  for (Step& step : steps) {
    if (step.kind == StepKind::kWindow) step.length = length;
    SetWindowsOf(step.steps, length);
  }
}

}  // namespace

ValueShapes::ValueShapes(Policy policy) : policy_(std::move(policy)) {
  for (const Input& input : policy_.inputs) {
    if (input.type == InputType::kText) continue;
    Shape shape = input.shape;
    if (input.batched) {
      shape.insert(shape.begin(), 1);
    } else {
      unbatched_.insert(input.name);
    }
    Set(input.name, std::move(shape));
  }
  FollowAll();
}

void ValueShapes::Tell(std::string_view value, Shape shape) {
  Set(std::string(value), std::move(shape));
  FollowAll();
}

void ValueShapes::Learn(std::string_view graph, const std::function<const Shape*(const std::string&)>& shape_of) {
  const auto found = policy_.graphs.find(graph);
  if (found == policy_.graphs.end()) return;
  for (const auto& binding : found->second.outputs) {
    if (const Shape* shape = shape_of(binding.first)) Set(binding.second, *shape);
  }
  FollowAll();
}

const Shape* ValueShapes::Find(std::string_view value) const {
  const auto found = values_.find(value);
  return found == values_.end() ? nullptr : &found->second;
}

bool ValueShapes::Grows(std::string_view value, size_t axis) const { return axis == 1 && windows_.contains(value); }

bool ValueShapes::IsBatch(std::string_view value, size_t axis) const {
  return axis == 0 && !unbatched_.contains(value);
}

void ValueShapes::Set(const std::string& value, Shape shape) { values_.insert_or_assign(value, std::move(shape)); }

void ValueShapes::FollowAll() {
  for (const auto& schedule : policy_.schedules) Follow(schedule.second);
}

void ValueShapes::Concat(const Step& step) {
  Shape shape;
  int64_t extent = 0;
  for (const std::string& name : step.values) {
    const Shape* part = Find(name);
    if (part == nullptr || step.axis < 0 || step.axis >= static_cast<int64_t>(part->size())) return;
    shape = *part;
    extent += shape[static_cast<size_t>(step.axis)];
  }
  if (shape.empty()) return;
  shape[static_cast<size_t>(step.axis)] = extent;
  Set(step.as, std::move(shape));
}

// What steps make of values that are known; once around a loop is enough, since a value keeps its shape in it.
// NOLINTNEXTLINE(misc-no-recursion)
void ValueShapes::Follow(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    const Shape* source = Find(step.value);
    switch (step.kind) {
      case StepKind::kRun:
        break;
      case StepKind::kWindow:
        windows_.insert(step.as);
        if (source != nullptr && !source->empty()) {
          Shape shape = *source;
          shape.insert(shape.begin() + 1, step.length);
          Set(step.as, std::move(shape));
        }
        break;
      case StepKind::kCarry:
        Set(step.as, step.shape);
        break;
      case StepKind::kSelect:
        if (source != nullptr && step.axis >= 0 && step.axis < static_cast<int64_t>(source->size())) {
          Shape shape = *source;
          shape.erase(shape.begin() + step.axis);
          Set(step.as, std::move(shape));
        }
        break;
      case StepKind::kConcat:
        Concat(step);
        break;
      case StepKind::kRepeat:
        for (const CarriedValue& carried : step.carry) {
          if (const Shape* from = Find(carried.from)) Set(carried.as, Shape(*from));
        }
        for (const ConstantTable& table : step.constants) {
          Set(table.as, table.shape);
          unbatched_.insert(table.as);
        }
        Follow(step.steps);
        break;
      case StepKind::kHold:
        Follow(step.steps);
        break;
    }
  }
}

std::optional<int64_t> LongestWindow(const std::vector<Step>& schedule) {
  std::optional<int64_t> longest;
  EachStep(schedule, [&longest](const Step& step) {
    if (step.kind == StepKind::kWindow) longest = std::max(longest.value_or(0), step.length);
  });
  return longest;
}

std::optional<int64_t> LongestWindow(const Policy& policy) {
  std::optional<int64_t> longest;
  for (const auto& [name, schedule] : policy.schedules) longest = std::max(longest, LongestWindow(schedule));
  return longest;
}

void SetWindows(int64_t length, Policy& policy) {
  for (auto& schedule : policy.schedules) SetWindowsOf(schedule.second, length);
}

std::string ScheduleOfGraphAlone(const Policy& policy, std::string_view graph) {
  for (const auto& [name, steps] : policy.schedules) {
    size_t runs = 0, others = 0;
    EachStep(steps, [&](const Step& step) {
      if (step.kind == StepKind::kRepeat || step.kind == StepKind::kCarry) ++others;  // it is not what one run gives
      if (step.kind == StepKind::kRun) ++(step.graph == graph ? runs : others);
    });
    if (runs == 1 && others == 0) return name;
  }
  return "";
}

std::string GraphAlone(const Policy& policy) {
  const auto found = std::find_if(policy.graphs.begin(), policy.graphs.end(), [&policy](const auto& graph) {
    return !ScheduleOfGraphAlone(policy, graph.first).empty();
  });
  return found == policy.graphs.end() ? std::string() : found->first;
}

}  // namespace vlaq::policy

#include <fmt/format.h>

#include <algorithm>

#include "planning/operators.h"
#include "families/kosmos2_lstm/schema1.h"

namespace vlaq::planning {
namespace {

using policy::Step;
using policy::StepKind;

Shape WithBatch(const Shape& shape, bool batched) {
  Shape result = shape;
  if (batched) result.insert(result.begin(), 1);
  return result;
}

}  // namespace

PolicyExtents::PolicyExtents(const bundle::Bundle& bundle) : bundle_(bundle) {
  for (const policy::Input& input : bundle.policy.inputs) {
    if (input.type != policy::InputType::kText) values_.emplace(input.name, WithBatch(input.shape, input.batched));
  }
  Learn("", {});
}

void PolicyExtents::Learn(std::string_view graph, const onnx::ValueShapes& shapes) {
  const auto found = bundle_.policy.graphs.find(graph);
  if (found != bundle_.policy.graphs.end()) {
    for (const auto& [output, value] : found->second.outputs) {
      const auto shape = shapes.find(output);
      if (shape != shapes.end()) values_.insert_or_assign(value, shape->second.shape);
    }
  }
  for (const auto& [name, steps] : bundle_.policy.schedules) Follow(steps);
}

// What steps make of values that are known; twice around a loop is not needed, since a value keeps its shape in it.
void PolicyExtents::Follow(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    const auto source = values_.find(step.value);
    const bool known = source != values_.end();
    switch (step.kind) {
      case StepKind::kRun:
        break;
      case StepKind::kWindow:
        if (known && !source->second.empty()) {
          Shape shape = source->second;
          shape.insert(shape.begin() + 1, step.length);
          values_.insert_or_assign(step.as, std::move(shape));
        }
        break;
      case StepKind::kCarry:
        values_.insert_or_assign(step.as, step.shape);
        break;
      case StepKind::kSelect:
        if (known && step.axis >= 0 && step.axis < static_cast<int64_t>(source->second.size())) {
          Shape shape = source->second;
          shape.erase(shape.begin() + step.axis);
          values_.insert_or_assign(step.as, std::move(shape));
        }
        break;
      case StepKind::kConcat: {
        Shape shape;
        int64_t extent = 0;
        bool whole = true;
        for (const std::string& name : step.values) {
          const auto part = values_.find(name);
          whole =
              whole && part != values_.end() && step.axis >= 0 && step.axis < static_cast<int64_t>(part->second.size());
          if (!whole) break;
          shape = part->second;
          extent += shape[static_cast<size_t>(step.axis)];
        }
        if (!whole || shape.empty()) break;
        shape[static_cast<size_t>(step.axis)] = extent;
        values_.insert_or_assign(step.as, std::move(shape));
        break;
      }
      case StepKind::kRepeat:
        for (const policy::CarriedValue& carried : step.carry) {
          const auto from = values_.find(carried.from);
          if (from != values_.end()) values_.insert_or_assign(carried.as, Shape(from->second));
        }
        for (const policy::ConstantTable& table : step.constants) values_.insert_or_assign(table.as, table.shape);
        Follow(step.steps);
        break;
      case StepKind::kHold:
        Follow(step.steps);
        break;
    }
  }
}

onnx::Extents PolicyExtents::Of(std::string_view graph) const {
  onnx::Extents extents{{"batch", 1}};
  if (bundle_.policy.family == kosmos2_lstm::kKosmos2Lstm) {
    extents["window"] = bundle_.spec.window;
    extents["tokens"] = std::max<int64_t>(1, static_cast<int64_t>(bundle_.spec.prompt_ids.size()));
    return extents;
  }
  const auto found = bundle_.policy.graphs.find(graph);
  if (found == bundle_.policy.graphs.end()) return extents;
  for (const auto& [input, value] : found->second.inputs) {
    const auto shape = values_.find(value);
    if (shape == values_.end()) continue;
    for (size_t i = 0; i < shape->second.size(); ++i) {
      if (shape->second[i] >= 0) extents[fmt::format("{}:{}", input, i)] = shape->second[i];
    }
  }
  return extents;
}

}  // namespace vlaq::planning

// Stand-ins for graphs, and short words for schedules, for tests of the executor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "policy/policy.h"
#include "runtime/executor.h"

namespace vlaq::runtime::testing {

// A graph as a function, and what it was given.
struct FakeGraph {
  std::vector<backend::Port> inputs, outputs;
  std::function<Result<NamedTensors>(const NamedTensors&)> run;
  std::string description = "fake";
  int opened = 0, runs = 0;
  int fail_after = -1;  // runs that still succeed before one fails; -1: none fails
  bool record = true;
  std::vector<NamedTensors> given;
};

class FakeModel : public backend::OpenedModel {
 public:
  explicit FakeModel(FakeGraph& graph) : graph_(graph) { ++graph_.opened; }
  const std::vector<backend::Port>& inputs() const override { return graph_.inputs; }
  const std::vector<backend::Port>& outputs() const override { return graph_.outputs; }
  std::string Description() const override { return graph_.description; }
  Result<NamedTensors> Run(const NamedTensors& inputs) override {
    VLAQ_RETURN_IF_ERROR(backend::CheckInputs(graph_.inputs, inputs));
    if (graph_.fail_after == 0) {
      graph_.fail_after = -1;
      return Error{ErrorCode::kBackend, "no luck", "", ""};
    }
    if (graph_.fail_after > 0) --graph_.fail_after;
    ++graph_.runs;
    if (graph_.record) graph_.given.push_back(inputs);
    return graph_.run(inputs);
  }

 private:
  FakeGraph& graph_;
};

using FakeGraphs = std::map<std::string, FakeGraph>;

inline GraphOpener OpenerOf(FakeGraphs& graphs) {
  return [&graphs](const std::string& name) -> Result<std::unique_ptr<backend::OpenedModel>> {
    const auto graph = graphs.find(name);
    if (graph == graphs.end()) return InputError("a file", "is not there");
    return std::unique_ptr<backend::OpenedModel>(new FakeModel(graph->second));
  };
}

inline backend::Port F32(std::string name, Shape dims) {
  return {std::move(name), DType::kF32, dims, std::vector<std::string>(dims.size())};
}

inline policy::Input StateInput(std::string name, Shape shape, DType dtype = DType::kF32) {
  policy::Input input;
  input.name = std::move(name);
  input.shape = std::move(shape);
  input.dtype = dtype;
  return input;
}

inline policy::Output ActionOutput(std::string name, Shape shape) {
  policy::Output output;
  output.name = std::move(name);
  output.shape = std::move(shape);
  return output;
}

inline policy::Step RunOf(std::string graph) {
  policy::Step step;
  step.graph = std::move(graph);
  return step;
}
inline policy::Step Window(std::string value, int64_t length, std::string as) {
  policy::Step step;
  step.kind = policy::StepKind::kWindow;
  step.value = std::move(value);
  step.length = length;
  step.as = std::move(as);
  return step;
}
inline policy::Step Hold(std::vector<std::string> when, std::vector<policy::Step> steps) {
  policy::Step step;
  step.kind = policy::StepKind::kHold;
  step.when = std::move(when);
  step.steps = std::move(steps);
  return step;
}
inline policy::Step Carry(std::string value, std::string as, Shape zeros) {
  policy::Step step;
  step.kind = policy::StepKind::kCarry;
  step.value = std::move(value);
  step.as = std::move(as);
  step.shape = std::move(zeros);
  return step;
}
inline policy::Step Repeat(int64_t times, std::vector<policy::CarriedValue> carry,
                           std::vector<policy::ConstantTable> constants, std::vector<policy::Step> steps) {
  policy::Step step;
  step.kind = policy::StepKind::kRepeat;
  step.times = times;
  step.carry = std::move(carry);
  step.constants = std::move(constants);
  step.steps = std::move(steps);
  return step;
}
inline policy::Step Select(std::string value, int64_t axis, int64_t index, std::string as) {
  policy::Step step;
  step.kind = policy::StepKind::kSelect;
  step.value = std::move(value);
  step.axis = axis;
  step.index = index;
  step.as = std::move(as);
  return step;
}
inline policy::Step Concat(std::vector<std::string> values, int64_t axis, std::string as) {
  policy::Step step;
  step.kind = policy::StepKind::kConcat;
  step.values = std::move(values);
  step.axis = axis;
  step.as = std::move(as);
  return step;
}

// A graph that gives the same tensors at every run.
inline auto Always(NamedTensors answer) {
  return [answer = std::move(answer)](const NamedTensors&) -> Result<NamedTensors> { return answer; };
}

// Names in StreamingOfNothing(): a graph that reads a picture, and one that reads a window of what it makes.
inline const std::string kSees = "encoder", kActs = "head", kPicturePort = "pixel_values", kWindowPort = "features";

// A streaming schedule of the first policy's sizes with graphs that return at once, always the same tensors.
inline policy::Policy StreamingOfNothing(FakeGraphs& graphs, int64_t window, int64_t width) {
  FakeGraph& encoder = graphs["encoder"];
  encoder.inputs = {F32("pixel_values", {-1, 3, 224, 224}), {"input_ids", DType::kI64, {-1, -1}, {"", ""}}};
  encoder.outputs = {F32("feature", {-1, width})};
  encoder.run = Always({{"feature", Tensor::Make(DType::kF32, {1, width})}});
  FakeGraph& head = graphs["head"];
  head.inputs = {F32("features", {-1, -1, width})};
  head.outputs = {F32("actions", {-1, 10, 2})};
  head.run = Always({{"actions", Tensor::Make(DType::kF32, {1, 10, 2})}});
  for (auto& graph : graphs) graph.second.record = false;
  policy::Policy policy;
  policy.inputs.resize(2);
  policy.inputs[0] = StateInput("observation.images.front", {3, 224, 224});
  policy.inputs[0].type = policy::InputType::kImage;
  policy.inputs[1].name = "task";
  policy.inputs[1].type = policy::InputType::kText;
  policy.inputs[1].makes = {"input_ids"};
  policy.outputs = {ActionOutput("action", {10, 2})};
  policy.graphs["encoder"] = {"encoder.onnx",
                              {{"pixel_values", "observation.images.front"}, {"input_ids", "task.input_ids"}},
                              {{"feature", "feature"}}};
  policy.graphs["head"] = {"head.onnx", {{"features", "features"}}, {{"actions", "action"}}};
  policy.schedules["streaming"] = {RunOf("encoder"), Window("feature", window, "features"), RunOf("head")};
  policy.default_schedule = "streaming";
  return policy;
}
inline NamedTensors StreamingInputs() {
  return {{"observation.images.front", Tensor::Make(DType::kF32, {3, 224, 224})},
          {"task.input_ids", Tensor::Make(DType::kI64, {77})}};
}

}  // namespace vlaq::runtime::testing

// Policies for tests: one that has every kind of member, and random valid ones.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "policy/policy.h"

namespace vlaq::policy::testing {

inline Step RunStep(std::string graph) {
  Step step;
  step.graph = std::move(graph);
  return step;
}
inline Step WindowStep(std::string value, int64_t length, std::string as) {
  Step step;
  step.kind = StepKind::kWindow;
  step.value = std::move(value);
  step.length = length;
  step.as = std::move(as);
  return step;
}

// Every type of input, every kind of step, two outputs, two schedules; Validate() takes it.
inline Policy FullPolicy() {
  Policy p;
  p.family = "onnx";
  Input front;
  front.name = "observation.images.front";
  front.type = InputType::kImage;
  front.shape = {3, 32, 48};
  front.preprocess.image_size = 48;
  front.preprocess.image_height = 32;
  front.preprocess.statistics = image::Statistics{{0.5, 0.25, 0.125}, {0.5, 1, 2}};
  Input top = front;
  top.name = "observation.images.top";
  top.shape = {-1, -1, 3};
  top.dtype = DType::kU8;
  top.layout = ImageLayout::kHwc;
  top.preprocess = {.resize = image::Filter::kBilinear, .image_size = 24};
  Input state;
  state.name = "observation.state";
  state.shape = {4};
  state.names = {"a", "b", "c", "d"};
  state.units = {"rad", "rad", "rad", "m"};
  state.normalize = {NormalizationMode::kMeanStd, {1, 2, 3, 4}, {0.5, 0.5, 0.5, 2}};
  Input count;
  count.name = "count";
  count.dtype = DType::kI64;
  count.batched = false;
  Input task;
  task.name = "task";
  task.type = InputType::kText;
  task.makes = {"ids", "mask"};
  task.encoder = R"({"tokenizer":"t.model"})";
  Input noise;
  noise.name = "noise";
  noise.type = InputType::kNoise;
  noise.shape = {5, 2};
  noise.noise = NoiseKind::kUniform;
  p.inputs = {front, top, state, count, task, noise};

  Output action;
  action.name = "action";
  action.shape = {5, 2};
  action.names = {"linear_x", "angular_z"};
  action.units = {"m/s", "rad/s"};
  action.unnormalize = {NormalizationMode::kMinMax, {-1}, {1, 2}};
  Output gripper;
  gripper.name = "gripper";
  gripper.dtype = DType::kI64;
  gripper.shape = {-1};
  gripper.batched = false;
  p.outputs = {action, gripper};
  p.control = {0.05, 1, 0.01};

  p.graphs["text"] = {"text.onnx", {{"ids", "task.ids"}, {"mask", "task.mask"}}, {{"out", "words"}}};
  p.graphs["encoder"] = {
      "encoder.onnx",
      {{"front", "observation.images.front"}, {"top", "observation.images.top"}, {"s", "observation.state"}},
      {{"out", "feature"}}};
  p.graphs["denoiser"] = {
      "denoiser.onnx", {{"x", "x"}, {"t", "t"}, {"c", "context"}, {"h", "h0"}}, {{"v", "velocity"}, {"h", "h1"}}};
  p.graphs["head"] = {"head.onnx", {{"x", "x"}, {"last", "last"}, {"n", "count"}}, {{"a", "action"}, {"g", "gripper"}}};
  Step hold;
  hold.kind = StepKind::kHold;
  hold.when = {"task.ids", "task.mask"};
  hold.steps = {RunStep("text")};
  Step select;
  select.kind = StepKind::kSelect;
  select.value = "features";
  select.axis = 1;
  select.index = -1;
  select.as = "last";
  Step concat;
  concat.kind = StepKind::kConcat;
  concat.values = {"words", "last"};
  concat.axis = 1;
  concat.as = "context";
  Step carry;
  carry.kind = StepKind::kCarry;
  carry.value = "kept";
  carry.as = "h0";
  carry.dtype = DType::kF16;
  carry.shape = {1, 6};
  Step repeat;
  repeat.kind = StepKind::kRepeat;
  repeat.times = 3;
  repeat.carry = {{"x", "noise", "velocity"}, {"kept", "h0", "h1"}};
  repeat.constants = {{"t", DType::kF32, {1}, {1, 0.5, 0.25}}};
  repeat.steps = {RunStep("denoiser")};
  p.schedules["streaming"] = {hold,   RunStep("encoder"), WindowStep("feature", 4, "features"), select, concat, carry,
                              repeat, RunStep("head")};
  Step plain_repeat = repeat;
  plain_repeat.carry = {{"x", "noise", "velocity"}, {"kept", "h0", "h1"}};
  p.schedules["unheld"] = {
      RunStep("text"), RunStep("encoder"), WindowStep("feature", 1, "features"), select, concat, carry,
      plain_repeat,    RunStep("head")};
  p.default_schedule = "streaming";
  p.compare = {"feature", "words"};
  p.settings = R"({"own":[1,{"two":2}]})";
  return p;
}

// Makes a policy that Validate() takes: inputs of all types, then steps that read what is there.
class RandomPolicy {
 public:
  explicit RandomPolicy(uint64_t seed) : random_(seed) {}

  Policy Make() {
    policy_.family = "family" + Number();
    const uint64_t inputs = 1 + random_.Below(5);
    for (uint64_t i = 0; i < inputs; ++i) AddInput(i);
    Output action;
    action.name = "action";
    action.shape = {1 + Below(20), 1 + Below(6)};
    action.unnormalize = AnyNormalization(action.shape.back());
    action.dtype = random_.Below(2) == 0 ? DType::kF32 : DType::kF16;
    policy_.outputs = {action};
    policy_.control.period_s = random_.Uniform(0.001, 2);
    policy_.control.n_action_steps = 1 + Below(action.shape[0]);
    if (policy_.control.n_action_steps == 1 && Coin()) policy_.control.temporal_ensemble_coeff = random_.Uniform();
    std::vector<Step> steps;
    for (uint64_t i = random_.Below(6); i > 0; --i) steps.push_back(AnyStep());
    steps.push_back(Reader("action", there_));  // of everything, so that no input is unread
    policy_.schedules["main" + Number()] = steps;
    policy_.default_schedule = policy_.schedules.begin()->first;
    if (Coin()) policy_.compare = {"a" + Number(), "b"};
    return std::move(policy_);
  }

 private:
  bool Coin() { return random_.Below(2) == 0; }
  int64_t Below(int64_t bound) { return static_cast<int64_t>(random_.Below(static_cast<uint64_t>(bound))); }
  std::string Number() { return std::to_string(random_.Below(1000)); }
  std::string Fresh() { return fmt::format("v{}.{}", ++names_, Number()); }
  const std::string& Any() { return there_[random_.Below(there_.size())]; }

  std::vector<double> Numbers(int64_t count, double low, double high) {
    std::vector<double> numbers;
    for (int64_t i = Coin() ? 1 : count; i > 0; --i) numbers.push_back(random_.Uniform(low, high));
    return numbers;
  }
  Normalization AnyNormalization(int64_t width) {
    switch (random_.Below(4)) {
      case 0:
        return {NormalizationMode::kMeanStd, Numbers(width, -3, 3), Numbers(width, 0.1, 2)};
      case 1:
        return {NormalizationMode::kMinMax, Numbers(width, -3, 0), Numbers(width, 0.1, 2)};
      case 2:
        return {NormalizationMode::kScale, Numbers(width, 0.1, 3), {}};
      default:
        return {};
    }
  }
  void AddImage(Input& input) {
    input.type = InputType::kImage;
    input.layout = Coin() ? ImageLayout::kChw : ImageLayout::kHwc;
    const int height = static_cast<int>(1 + Below(300)), width = Coin() ? height : static_cast<int>(1 + Below(300));
    input.preprocess.image_size = width;
    input.preprocess.image_height = height == width ? 0 : height;
    const int64_t h = Coin() ? height : -1;
    const bool bytes = input.layout == ImageLayout::kHwc;
    input.shape = bytes ? Shape{h, width, 3} : Shape{3, h, width};
    if (bytes) input.dtype = DType::kU8;
    if (Coin()) {
      input.preprocess.statistics =
          image::Statistics{{random_.Uniform(), 0, random_.Uniform()}, {1, 0.1 + random_.Uniform(), 2}};
    }
    if (Coin()) input.preprocess.pass_order = image::PassOrder::kPillow13;
  }
  void AddInput(uint64_t number) {
    Input input;
    input.name = fmt::format("observation.{}", number);
    switch (random_.Below(4)) {
      case 0:
        AddImage(input);
        break;
      case 1:
        input.type = InputType::kText;
        for (int64_t i = Below(3); i >= 0; --i) input.makes.push_back(fmt::format("k{}", i));
        break;
      case 2:
        input.type = InputType::kNoise;
        input.shape = {1 + Below(9)};
        input.noise = Coin() ? NoiseKind::kZeros : NoiseKind::kUniform;
        break;
      default:
        input.shape = {-1, 1 + Below(5)};
        input.batched = Coin();
        input.normalize = AnyNormalization(input.shape.back());
        if (Coin()) {
          for (int64_t i = 0; i < input.shape.back(); ++i) input.names.push_back(fmt::format("joint{}", i));
          input.units.assign(input.names.size(), "rad");
        }
    }
    for (std::string& value : ValuesOf(input)) there_.push_back(std::move(value));
    policy_.inputs.push_back(std::move(input));
  }

  // A graph that reads `values` and makes `makes`, and the step that runs it.
  Step Reader(const std::string& makes, const std::vector<std::string>& values) {
    const std::string name = fmt::format("g{}", policy_.graphs.size());
    Graph& graph = policy_.graphs[name];
    graph.file = name + ".onnx";
    for (const std::string& value : values) graph.inputs.emplace(fmt::format("in{}", graph.inputs.size()), value);
    graph.outputs.emplace("out", makes);
    return RunStep(name);
  }
  Step Made(Step step) {
    there_.push_back(step.as);
    return step;
  }
  Step AnyStep() {
    Step step;
    step.as = Fresh();
    switch (random_.Below(7)) {
      case 0:
        return Made(WindowStep(Any(), 1 + Below(20), step.as));
      case 1:
        step.kind = StepKind::kCarry;
        step.value = Any();
        step.shape = {1, 1 + Below(9)};
        step.dtype = Coin() ? DType::kI64 : DType::kF32;
        return Made(step);
      case 2:
        step.kind = StepKind::kSelect;
        step.value = Any();
        step.axis = Below(3);
        step.index = Below(5) - 2;
        return Made(step);
      case 3:
        step.kind = StepKind::kConcat;
        step.values = {Any(), Any()};
        step.axis = Below(3);
        return Made(step);
      case 4: {
        const std::string made = step.as;
        Step hold;
        hold.kind = StepKind::kHold;
        hold.when = {Any()};
        hold.steps = {Reader(made, {Any(), Any()})};
        there_.push_back(made);
        return hold;
      }
      case 5:
        return AnyRepeat();
      default: {
        const std::string made = step.as;
        Step run = Reader(made, {Any(), Any()});
        there_.push_back(made);
        return run;
      }
    }
  }
  Step AnyRepeat() {
    Step step;
    step.kind = StepKind::kRepeat;
    step.times = 1 + Below(5);
    const std::string as = Fresh(), next = Fresh(), constant = Fresh();
    step.carry = {{as, Any(), next}};
    if (Coin()) {
      step.constants = {{constant, DType::kF32, {}, {}}};
      for (int64_t i = 0; i < step.times; ++i) step.constants[0].values.push_back(random_.Uniform(-1, 1));
    }
    step.steps = {Reader(next, {as, Any()})};
    there_.push_back(as);
    return step;
  }

  Random random_;
  Policy policy_;
  std::vector<std::string> there_;
  int names_ = 0;
};

}  // namespace vlaq::policy::testing

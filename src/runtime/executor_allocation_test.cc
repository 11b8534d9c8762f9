// A step of the executor asks for no memory: every kind of step of a schedule, with graphs that ask for none either.
#include <gtest/gtest.h>

#include "base/allocation_guard_testing.h"
#include "runtime/executor.h"
#include "runtime/executor_testing.h"

namespace vlaq::runtime::testing {
namespace {

// Gives the same tensor at every run.
class ConstantModel : public backend::OpenedModel {
 public:
  ConstantModel(std::vector<backend::Port> inputs, backend::Port output)
      : inputs_(std::move(inputs)), outputs_{std::move(output)} {
    Shape shape = outputs_[0].dims;
    for (int64_t& extent : shape) extent = extent < 0 ? 1 : extent;
    tensor_ = Tensor::Make(outputs_[0].dtype, std::move(shape));
  }
  const std::vector<backend::Port>& inputs() const override { return inputs_; }
  const std::vector<backend::Port>& outputs() const override { return outputs_; }
  std::string Description() const override { return "constant"; }
  Result<NamedTensors> Run(const NamedTensors& /*inputs*/) override {
    return NamedTensors{{outputs_[0].name, tensor_}};
  }
  Status RunInto(const NamedTensors& inputs, NamedTensors& outputs) override {
    for (const backend::Port& port : inputs_) {
      if (inputs.at(port.name).rank() != static_cast<int64_t>(port.dims.size())) return UsageError("another rank");
    }
    outputs[outputs_[0].name] = tensor_;
    return {};
  }

 private:
  std::vector<backend::Port> inputs_, outputs_;
  Tensor tensor_;
};

// An input x [width] and a noise input, a schedule that makes y of them, and graphs with ports "a" (and "b") and "y".
struct StepCase {
  std::string name;
  int64_t width = 16;
  std::vector<policy::Step> steps;
  int warm = 1;  // steps until shapes are what they stay, and what is carried has its two places
  std::map<std::string, std::vector<std::string>> graphs = {};  // "g": {"value of port a", "made value"}
  Shape output = {-1};
  std::map<std::string, Shape> ports = {};  // of a graph's port a, where it is not [-1, width]
};

void PrintTo(const StepCase& one, std::ostream* out) { *out << one.name; }

const std::map<std::string, std::vector<std::string>> kOneGraph{{"g", {"x", "y"}}};

std::vector<StepCase> StepCases() {
  return {
      {"Run", 16, {RunOf("g")}, 1, kOneGraph},
      {"Window", 16, {Window("x", 4, "xs"), RunOf("g")}, 4, {{"g", {"xs", "y"}}}, {-1}, {{"g", {-1, -1, 16}}}},
      // Pieces of which not each begins where a tensor does.
      {"WindowOfSmallPieces",
       3,
       {Window("x", 4, "xs"), RunOf("g")},
       4,
       {{"g", {"xs", "y"}}},
       {-1},
       {{"g", {-1, -1, 3}}}},
      // x is another one at each step, and "same" never.
      {"HoldThatRunsAnew",
       16,
       {Hold({"x"}, {RunOf("g")}), RunOf("h")},
       2,
       {{"g", {"x", "held"}}, {"h", {"held", "y"}}}},
      {"HoldThatRests",
       16,
       {Hold({"same"}, {RunOf("g")}), RunOf("h")},
       1,
       {{"g", {"same", "held"}}, {"h", {"held", "y"}}}},
      {"HoldOfAHold",
       16,
       {Hold({"x"}, {Hold({"same"}, {RunOf("g")}), Select("x", 1, 0, "s")}), RunOf("h")},
       3,
       {{"g", {"same", "held"}}, {"h", {"held", "y"}}}},
      {"Carry", 16, {Carry("x", "last", {1, 16}), RunOf("g")}, 2, {{"g", {"last", "y"}}}},
      {"CarryOfAConcat",
       16,
       {Carry("all", "past", {1, 32}), Select("past", 0, 0, "flat"), Concat({"x", "x"}, 1, "all"), RunOf("g")},
       2,
       {{"g", {"all", "y"}}},
       {-1},
       {{"g", {-1, 32}}}},
      {"Repeat",
       16,
       {Repeat(3, {{"s", "x", "t"}}, {{"time", DType::kF32, {1}, {0, 1, 2}}}, {RunOf("g")}), RunOf("h")},
       1,
       {{"g", {"s", "t"}}, {"h", {"s", "y"}}}},
      // A select within a repeat, whose results are carried round.
      {"RepeatOfASelect",
       16,
       {Repeat(4, {{"s", "x", "t"}}, {}, {Concat({"s", "s"}, 0, "pair"), Select("pair", 0, 0, "one"), RunOf("g")}),
        RunOf("h")},
       2,
       {{"g", {"s", "t"}}, {"h", {"s", "y"}}}},
      {"Select", 16, {Select("x", 1, 3, "y")}, 1, {}, {}},
      {"Concat", 16, {Concat({"x", "same"}, 1, "y")}, 1, {}, {32}},
      {"Noise", 16, {Concat({"x", "noise"}, 1, "y")}, 1, {}, {32}},
  };
}

class ExecutorAllocations : public ::testing::TestWithParam<StepCase> {
 protected:
  static policy::Policy PolicyOf(const StepCase& one) {
    policy::Policy policy;
    policy.inputs = {StateInput("x", {one.width}), StateInput("same", {one.width}), StateInput("noise", {one.width})};
    policy.inputs[2].type = policy::InputType::kNoise;
    policy.outputs = {ActionOutput("y", one.output)};
    for (const auto& [name, values] : one.graphs) policy.graphs[name] = {"", {{"a", values[0]}}, {{"y", values[1]}}};
    policy.schedules["a schedule"] = one.steps;
    policy.default_schedule = "a schedule";
    return policy;
  }
  static GraphOpener OpenerOf(const StepCase& one) {
    return [one](const std::string& name) -> Result<std::unique_ptr<backend::OpenedModel>> {
      const auto port = one.ports.find(name);
      const Shape dims = port == one.ports.end() ? Shape{-1, one.width} : port->second;
      return std::unique_ptr<backend::OpenedModel>(new ConstantModel({F32("a", dims)}, F32("y", {1, one.width})));
    };
  }
};

TEST_P(ExecutorAllocations, AStepLikeOneBeforeAsksForNoMemory) {
  const StepCase& one = GetParam();
  auto executor = Executor::Open(PolicyOf(one), "", OpenerOf(one));
  ASSERT_TRUE(executor.ok()) << executor.error().ToString();
  std::vector<NamedTensors> inputs(2, {{"same", Tensor::Make(DType::kF32, {one.width})}});
  for (NamedTensors& step : inputs) step["x"] = Tensor::Make(DType::kF32, {one.width});
  inputs[1]["x"].mutable_data<float>()[0] = 1;
  NamedTensors outputs;
  for (int episode = 0; episode < 2; ++episode) {
    for (int t = 0; t < 40; ++t) {
      const AllocationGuard guard;
      const Status done = executor->StepInto(inputs[static_cast<size_t>(t) % 2], outputs);
      const size_t asked = guard.count();
      ASSERT_TRUE(done.ok()) << done.error().ToString();
      EXPECT_EQ(outputs.at("y").rank(), static_cast<int64_t>(one.output.size()));
      EXPECT_EQ(t < one.warm ? 0U : asked, 0U) << "episode " << episode << ", step " << t;
    }
    executor->Reset();
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, ExecutorAllocations, ::testing::ValuesIn(StepCases()),
                         [](const auto& tested) { return tested.param.name; });

// The count counts: somebody who keeps what a step gave has a step make new ones.
TEST(ExecutorAllocationsAreCounted, WhereOutputsAreKept) {
  const StepCase one{"Concat", 16, {Concat({"x", "same"}, 1, "y")}, 1, {}, {32}};
  policy::Policy policy;
  policy.inputs = {StateInput("x", {16}), StateInput("same", {16})};
  policy.outputs = {ActionOutput("y", {32})};
  policy.schedules["a schedule"] = one.steps;
  policy.default_schedule = "a schedule";
  auto executor = Executor::Open(policy, "", [](const std::string&) -> Result<std::unique_ptr<backend::OpenedModel>> {
    return UsageError("runs no graph");
  });
  ASSERT_TRUE(executor.ok()) << executor.error().ToString();
  const NamedTensors inputs{{"x", Tensor::Make(DType::kF32, {16})}, {"same", Tensor::Make(DType::kF32, {16})}};
  std::vector<NamedTensors> kept(8);
  size_t asked = 0;
  for (NamedTensors& outputs : kept) {
    const AllocationGuard guard;
    ASSERT_TRUE(executor->StepInto(inputs, outputs).ok());
    asked = guard.count();
  }
  EXPECT_GT(asked, 0U);
  for (size_t i = 1; i < kept.size(); ++i) {
    EXPECT_NE(kept[i].at("y").bytes().data(), kept[i - 1].at("y").bytes().data()) << "what is kept never changes";
  }
}

}  // namespace
}  // namespace vlaq::runtime::testing

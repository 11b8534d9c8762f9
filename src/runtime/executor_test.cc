// Schedules with graphs that are functions, so that every number can be told beforehand.
#include "runtime/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "runtime/executor_testing.h"

namespace vlaq::runtime {
namespace {

using policy::InputType;
using policy::NoiseKind;
using testing::ActionOutput;
using ::testing::AllOf;
using testing::Carry;
using testing::Concat;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::F32;
using testing::FakeGraph;
using testing::FakeGraphs;
using ::testing::HasSubstr;
using testing::Hold;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::OpenerOf;
using testing::Repeat;
using testing::RunOf;
using testing::Select;
using testing::StateInput;
using testing::Window;

Tensor Floats(std::vector<float> values, Shape shape = {}) {
  if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
  return Tensor::From<float>(std::move(shape), std::span<const float>(values));
}

std::vector<float> ValuesOf(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

// h = h / 2 + x over the rows' first numbers: order, length and starting state all show.
float Recurrence(std::span<const float> firsts) {
  return std::accumulate(firsts.begin(), firsts.end(), 0.0F, [](float h, float x) { return h / 2 + x; });
}

// y = f(x), elementwise.
FakeGraph Elementwise(const Shape& dims, const std::function<float(float)>& f) {
  FakeGraph graph;
  graph.inputs = {F32("x", dims)};
  graph.outputs = {F32("y", dims)};
  graph.run = [f](const NamedTensors& inputs) -> Result<NamedTensors> {
    Tensor y = Tensor::From<float>(inputs.at("x").shape(), inputs.at("x").data<float>());
    for (float& v : y.mutable_data<float>()) v = f(v);
    return NamedTensors{{"y", y}};
  };
  return graph;
}

// y = a + 10 b, elementwise; shapes are a's.
FakeGraph Sum(const Shape& dims) {
  FakeGraph graph;
  graph.inputs = {F32("a", dims), F32("b", dims)};
  graph.outputs = {F32("y", dims)};
  graph.run = [](const NamedTensors& inputs) -> Result<NamedTensors> {
    Tensor y = Tensor::From<float>(inputs.at("a").shape(), inputs.at("a").data<float>());
    const auto b = inputs.at("b").data<float>();
    for (size_t i = 0; i < b.size(); ++i) y.mutable_data<float>()[i] += 10 * b[i];
    return NamedTensors{{"y", y}};
  };
  return graph;
}

// Keeps what it saw.
class Recorder : public Probe {
 public:
  void See(std::string_view name, const Tensor& value) override { seen.emplace_back(name, value); }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& one : seen) names.push_back(one.first);
    return names;
  }
  std::vector<std::pair<std::string, Tensor>> seen;
};

class ExecutorTest : public ::testing::Test {
 protected:
  ExecutorTest() { policy_.default_schedule = "only"; }

  // Input x of `shape` -> `steps` -> output y.
  void Use(Shape shape, std::vector<policy::Step> steps) {
    policy_.inputs = {StateInput("x", std::move(shape))};
    policy_.outputs = {ActionOutput("y", {-1})};
    policy_.schedules["only"] = std::move(steps);
  }
  void Add(const std::string& name, FakeGraph graph, std::map<std::string, std::string> inputs,
           std::map<std::string, std::string> outputs) {
    graphs_[name] = std::move(graph);
    policy_.graphs[name] = {name + ".onnx", std::move(inputs), std::move(outputs)};
  }
  // A frame x [2] is encoded to its double; the action [2] is the recurrence over the last `length` features.
  void UseStreaming(int64_t length) {
    Use({2}, {RunOf("encoder"), Window("feature", length, "features"), RunOf("head")});
    Add("encoder", Elementwise({-1, 2}, [](float x) { return 2 * x; }), {{"x", "x"}}, {{"y", "feature"}});
    FakeGraph head;
    head.inputs = {F32("features", {-1, -1, 2})};
    head.outputs = {F32("actions", {-1, 2})};
    head.run = [](const NamedTensors& inputs) -> Result<NamedTensors> {
      const auto features = inputs.at("features").data<float>();
      std::vector<float> firsts;
      for (size_t i = 0; i < features.size(); i += 2) firsts.push_back(features[i]);
      return NamedTensors{{"actions", Floats({Recurrence(firsts), features.back()}, {1, 2})}};
    };
    Add("head", std::move(head), {{"features", "features"}}, {{"actions", "y"}});
  }

  Executor Open(uint64_t seed = 0) {
    auto executor = Executor::Open(policy_, "", OpenerOf(graphs_), seed);
    EXPECT_TRUE(executor.ok()) << executor.error().ToString();
    return std::move(*executor);
  }
  std::string OpenError(ErrorCode code = ErrorCode::kInput) {
    const auto executor = Executor::Open(policy_, "", OpenerOf(graphs_));
    EXPECT_FALSE(executor.ok());
    if (executor.ok()) return "";
    EXPECT_EQ(executor.error().code, code);
    return executor.error().ToString();
  }
  static std::vector<float> Step(Executor& executor, std::vector<float> x) {
    const auto outputs = executor.Step({{"x", Floats(std::move(x))}});
    EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
    return outputs.ok() ? ValuesOf(outputs->at("y")) : std::vector<float>();
  }
  static std::string StepError(Executor& executor, const NamedTensors& inputs, ErrorCode code) {
    const auto outputs = executor.Step(inputs);
    EXPECT_FALSE(outputs.ok());
    if (outputs.ok()) return "";
    EXPECT_EQ(outputs.error().code, code) << outputs.error().ToString();
    return outputs.error().ToString();
  }

  policy::Policy policy_;
  FakeGraphs graphs_;
};

TEST_F(ExecutorTest, StreamsFramesThroughAWindow) {
  for (const int64_t length : {1, 3, 8}) {
    UseStreaming(length);
    Executor executor = Open();
    std::deque<float> twin;
    for (int t = 0; t < 12; ++t) {
      const auto x = static_cast<float>(t * t - 3);
      twin.push_back(2 * x);
      if (static_cast<int64_t>(twin.size()) > length) twin.pop_front();
      const std::vector<float> firsts(twin.begin(), twin.end());
      EXPECT_THAT(Step(executor, {x, 7}), ElementsAre(Recurrence(firsts), 14));
    }
    EXPECT_EQ(graphs_["encoder"].runs, 12) << "each frame once";
    EXPECT_EQ(graphs_["encoder"].given[0].at("x").shape(), (Shape{1, 2})) << "with a batch axis";
    EXPECT_EQ(graphs_["head"].given.back().at("features").shape(), (Shape{1, length, 2}));
  }
}

TEST_F(ExecutorTest, OutputsHaveNoBatchAxisUnlessTheyHaveNone) {
  Use({2}, {RunOf("g")});
  policy_.outputs[0].batched = false;
  policy_.outputs[0].shape = {-1, 2};
  policy_.inputs[0].batched = false;
  policy_.inputs[0].shape = {3, 2};
  Add("g", Elementwise({3, 2}, [](float x) { return -x; }), {{"x", "x"}}, {{"y", "y"}});
  Executor executor = Open();
  const auto outputs = executor.Step({{"x", Tensor::Make(DType::kF32, {3, 2})}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
  EXPECT_EQ(outputs->at("y").shape(), (Shape{3, 2}));
}

TEST_F(ExecutorTest, ResetBeginsANewEpisode) {
  UseStreaming(3);
  Executor executor = Open();
  for (int t = 0; t < 4; ++t) Step(executor, {7, 0});
  executor.Reset();
  EXPECT_THAT(Step(executor, {2, 0}), ElementsAre(4, 0));
  EXPECT_EQ(graphs_["head"].given.back().at("features").shape(), (Shape{1, 1, 2}));
}

TEST_F(ExecutorTest, InputsMayBeWindowed) {
  Use({2}, {Window("x", 3, "xs"), RunOf("g")});
  policy_.outputs[0].shape = {-1, 2};
  Add("g", Elementwise({-1, -1, 2}, [](float x) { return x; }), {{"x", "xs"}}, {{"y", "y"}});
  Executor executor = Open();
  Step(executor, {1, 2});
  EXPECT_THAT(Step(executor, {3, 4}), ElementsAre(1, 2, 3, 4));
}

TEST_F(ExecutorTest, HoldsRunWhenAValueHasChanged) {
  Use({1}, {Hold({"task.ids"}, {RunOf("text"), Window("words", 2, "talk")}), RunOf("mix")});
  policy::Input task;
  task.name = "task";
  task.type = InputType::kText;
  task.makes = {"ids", "unread"};
  policy_.inputs.push_back(task);
  Add("text", Elementwise({-1, 1}, [](float x) { return x + 100; }), {{"x", "task.ids"}}, {{"y", "words"}});
  Add("mix", Sum({-1, 1}), {{"a", "x"}, {"b", "words"}}, {{"y", "y"}});
  Executor executor = Open();
  Recorder probe;
  executor.SetProbe(&probe);
  const auto step = [&](float x, float id) {
    const auto outputs = executor.Step({{"x", Floats({x})}, {"task.ids", Floats({id})}});
    EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
    return outputs->at("y").data<float>()[0];
  };
  EXPECT_EQ(step(1, 5), 1051);
  EXPECT_EQ(step(2, 5), 1052) << "equal values in other tensors";
  EXPECT_EQ(graphs_["text"].runs, 1);
  EXPECT_EQ(step(3, 6), 1063);
  EXPECT_EQ(graphs_["text"].runs, 2);
  EXPECT_EQ(probe.seen[probe.seen.size() - 2].first, "talk");
  EXPECT_THAT(ValuesOf(probe.seen[probe.seen.size() - 2].second), ElementsAre(105, 106)) << "a window of held values";
  EXPECT_EQ(step(3, 6), 1063);
  executor.Reset();
  EXPECT_EQ(step(3, 6), 1063);
  EXPECT_EQ(graphs_["text"].runs, 3) << "an episode's start";
}

TEST_F(ExecutorTest, AFailedStepLeavesHoldsAsTheyWere) {
  Use({1}, {Hold({"x"}, {RunOf("twice"), RunOf("next")}), RunOf("last")});
  Add("twice", Elementwise({-1, 1}, [](float x) { return 2 * x; }), {{"x", "x"}}, {{"y", "doubled"}});
  Add("next", Elementwise({-1, 1}, [](float x) { return x + 1; }), {{"x", "doubled"}}, {{"y", "held"}});
  Add("last", Elementwise({-1, 1}, [](float x) { return -x; }), {{"x", "held"}}, {{"y", "y"}});
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1}), ElementsAre(-3));
  for (const char* failing : {"twice", "next", "last"}) {
    graphs_[failing].fail_after = 0;
    EXPECT_THAT(StepError(executor, {{"x", Floats({5})}}, ErrorCode::kBackend), HasSubstr(failing));
    const int runs = graphs_["twice"].runs;
    EXPECT_THAT(Step(executor, {1}), ElementsAre(-3)) << failing;
    EXPECT_EQ(graphs_["twice"].runs, runs) << "what was held before is held again: " << failing;
  }
  EXPECT_THAT(Step(executor, {5}), ElementsAre(-11));
}

TEST_F(ExecutorTest, CarriesWhatAValueWasAtTheEndOfTheLastStep) {
  Use({1}, {Carry("y", "before", {1, 1}), RunOf("g")});
  Add("g", Sum({-1, 1}), {{"a", "x"}, {"b", "before"}}, {{"y", "y"}});
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1}), ElementsAre(1)) << "zeros";
  EXPECT_THAT(Step(executor, {2}), ElementsAre(12));
  graphs_["g"].fail_after = 0;
  EXPECT_THAT(StepError(executor, {{"x", Floats({9})}}, ErrorCode::kBackend), HasSubstr("no luck"));
  EXPECT_THAT(Step(executor, {3}), ElementsAre(123));
  // An episode that begins in the middle is told what was carried; the next step has its own again.
  const auto told = executor.Step({{"x", Floats({1})}, {"before", Floats({5}, {1, 1})}});
  ASSERT_TRUE(told.ok()) << told.error().ToString();
  EXPECT_EQ(told->at("y").data<float>()[0], 51);
  EXPECT_THAT(Step(executor, {2}), ElementsAre(512));
  EXPECT_THAT(StepError(executor, {{"x", Floats({1})}, {"before", Floats({5})}}, ErrorCode::kUsage),
              AllOf(HasSubstr("the carried value 'before' is float32 [1]"), HasSubstr("float32 [1, 1]")));
  executor.Reset();
  EXPECT_THAT(Step(executor, {4}), ElementsAre(4));
}

TEST_F(ExecutorTest, CarriesAnInputAndAGrowingValue) {
  Use({1}, {Carry("x", "last_x", {1, 1}), Carry("all", "past", {1, 0}), Concat({"past", "last_x"}, 1, "all"),
            Select("all", 0, 0, "flat"), Concat({"all"}, 1, "y")});
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1}), ElementsAre(0));
  EXPECT_THAT(Step(executor, {2}), ElementsAre(0, 1));
  EXPECT_THAT(Step(executor, {3}), ElementsAre(0, 1, 2));
}

// As flow policies take their steps: each round adds something that depends on its number.
TEST_F(ExecutorTest, RepeatsWithCarriedValuesAndATable) {
  Use({2}, {Repeat(3, {{"state", "x", "moved"}}, {{"t", DType::kF32, {1, 2}, {1, 2, 3}}}, {RunOf("g")}),
            Concat({"state"}, 1, "y")});
  Add("g", Sum({-1, 2}), {{"a", "state"}, {"b", "t"}}, {{"y", "moved"}});
  Executor executor = Open();
  Recorder probe;
  executor.SetProbe(&probe);
  EXPECT_THAT(Step(executor, {0, 5}), ElementsAre(60, 65));
  EXPECT_THAT(Step(executor, {1, 1}), ElementsAre(61, 61)) << "nothing is left of the step before";
  EXPECT_THAT(std::vector(probe.seen.begin() + 2, probe.seen.begin() + 5),
              ElementsAre(::testing::FieldsAre("t", ::testing::_), ::testing::FieldsAre("moved", ::testing::_),
                          ::testing::FieldsAre("state", ::testing::_)));
}

TEST_F(ExecutorTest, TablesAreOfTheTypeThatTheyName) {
  Use({1}, {Repeat(2, {}, {{"i", DType::kI64, {1}, {-3, 7}}, {"h", DType::kF16, {}, {1, 0.5}}}, {RunOf("g")})});
  FakeGraph graph;
  graph.inputs = {{"i", DType::kI64, {1}, {""}}, {"h", DType::kF16, {}, {}}, F32("x", {1, 1})};
  graph.outputs = {F32("y", {1, 1})};
  graph.run = [](const NamedTensors& in) -> Result<NamedTensors> { return NamedTensors{{"y", in.at("x")}}; };
  Add("g", std::move(graph), {{"i", "i"}, {"h", "h"}, {"x", "x"}}, {{"y", "y"}});
  Executor executor = Open();
  Step(executor, {4});
  EXPECT_EQ(graphs_["g"].given[0].at("i").data<int64_t>()[0], -3);
  EXPECT_EQ(graphs_["g"].given[1].at("i").data<int64_t>()[0], 7);
  EXPECT_EQ(LoadLittle<uint16_t>(graphs_["g"].given[1].at("h").bytes(), 0), 0x3800) << "0.5";
}

TEST_F(ExecutorTest, CarriedValuesOfARepeatMoveAllAtOnce) {
  policy_.inputs = {StateInput("x", {1}), StateInput("z", {1})};
  policy_.outputs = {ActionOutput("y", {1}), ActionOutput("w", {1})};
  // Two values that change places in every round.
  policy_.schedules["only"] = {Repeat(3, {{"a", "x", "b"}, {"b", "z", "a"}}, {}, {RunOf("g")}), Concat({"a"}, 1, "y"),
                               Concat({"b"}, 1, "w")};
  Add("g", Elementwise({-1, 1}, [](float x) { return x; }), {{"x", "a"}}, {{"y", "unread"}});
  Executor executor = Open();
  const auto outputs = executor.Step({{"x", Floats({1})}, {"z", Floats({2})}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
  EXPECT_THAT(ValuesOf(outputs->at("y")), ElementsAre(2));
  EXPECT_THAT(ValuesOf(outputs->at("w")), ElementsAre(1));
}

TEST_F(ExecutorTest, RepeatsNestAndHoldWithinRepeatsAndTheOtherWayRound) {
  // Outer: twice; inner: three times + 1, beginning with the outer's value; the hold within runs for another outer
  // value only.
  Use({1}, {Hold({"x"}, {Repeat(2, {{"outer", "x", "inner"}}, {},
                                {Hold({"outer"}, {RunOf("slow")}),
                                 Repeat(3, {{"inner", "outer", "more"}}, {}, {RunOf("one")}), RunOf("with")})}),
            Concat({"result"}, 1, "y")});
  Add("slow", Elementwise({-1, 1}, [](float x) { return 100 * x; }), {{"x", "outer"}}, {{"y", "slowly"}});
  Add("one", Elementwise({-1, 1}, [](float x) { return x + 1; }), {{"x", "inner"}}, {{"y", "more"}});
  Add("with", Sum({-1, 1}), {{"a", "inner"}, {"b", "slowly"}}, {{"y", "result"}});
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1}), ElementsAre(7 + 10 * 400));  // outer 1, then 4
  EXPECT_EQ(graphs_["one"].runs, 6);
  EXPECT_EQ(graphs_["slow"].runs, 2);
  EXPECT_THAT(Step(executor, {1}), ElementsAre(4007));
  EXPECT_EQ(graphs_["one"].runs, 6) << "held";
  graphs_["one"].fail_after = 4;  // in the second round
  EXPECT_THAT(StepError(executor, {{"x", Floats({2})}}, ErrorCode::kBackend), HasSubstr("no luck"));
  const int runs = graphs_["one"].runs;
  EXPECT_THAT(Step(executor, {1}), ElementsAre(4007));
  EXPECT_EQ(graphs_["one"].runs, runs) << "put back through both holds";
  EXPECT_THAT(Step(executor, {2}), ElementsAre(8 + 10 * 500));
}

// Element by element.
std::vector<float> SlowSelect(const Tensor& value, size_t axis, int64_t index) {
  const Shape& shape = value.shape();
  const Shape strides = RowMajorStrides(shape);
  std::vector<float> selected;
  for (int64_t i = 0; i < value.size(); ++i) {
    if (i / strides[axis] % shape[axis] == index) selected.push_back(value.data<float>()[static_cast<size_t>(i)]);
  }
  return selected;
}

TEST_F(ExecutorTest, SelectsAndConcatenatesAlongAnyAxis) {
  const Shape shape{2, 3, 4};
  Tensor x = Tensor::Make(DType::kF32, shape);
  std::iota(x.mutable_data<float>().begin(), x.mutable_data<float>().end(), 0.0F);
  for (int64_t axis = 0; axis < 4; ++axis) {
    const int64_t extent = axis == 0 ? 1 : shape[static_cast<size_t>(axis) - 1];
    for (int64_t index = -extent; index < extent; ++index) {
      Use(shape, {Select("x", axis, index, "picked"), Concat({"picked", "picked"}, 0, "y")});
      policy_.outputs[0].batched = false;
      policy_.outputs[0].shape = {-1, -1, -1};
      Executor executor = Open();
      const auto outputs = executor.Step({{"x", x}});
      ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
      std::vector<float> once =
          SlowSelect(x.Reshaped({1, 2, 3, 4}), static_cast<size_t>(axis), index < 0 ? index + extent : index);
      std::vector<float> twice = once;
      twice.insert(twice.end(), once.begin(), once.end());
      EXPECT_EQ(ValuesOf(outputs->at("y")), twice) << axis << " " << index;
    }
    // All slices one after the other are the whole again.
    std::vector<std::string> names;
    std::vector<policy::Step> steps{Concat({"x", "x"}, axis, "double")};
    for (int64_t index = 0; index < 2 * extent; ++index) {
      names.push_back("slice" + std::to_string(index));
      steps.push_back(Select("double", axis, index, names.back()));
    }
    steps.push_back(Concat(names, 0, "y"));
    Use(shape, steps);
    policy_.outputs[0].batched = false;
    policy_.outputs[0].shape = {-1, -1, -1};
    Executor executor = Open();
    const auto outputs = executor.Step({{"x", x}});
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    std::vector<float> slices;
    for (int64_t index = 0; index < 2 * extent; ++index) {
      const std::vector<float> slice = SlowSelect(x.Reshaped({1, 2, 3, 4}), static_cast<size_t>(axis), index % extent);
      slices.insert(slices.end(), slice.begin(), slice.end());
    }
    EXPECT_EQ(ValuesOf(outputs->at("y")), slices) << axis;
  }
}

TEST_F(ExecutorTest, WhatDoesNotFitInAStepIsRefusedAndTheStateStays) {
  policy_.inputs = {StateInput("x", {-1}), StateInput("z", {-1, 2})};
  policy_.outputs = {ActionOutput("y", {-1})};
  const NamedTensors good{{"x", Floats({1, 2, 3})}, {"z", Tensor::Make(DType::kF32, {3, 2})}};
  policy_.schedules["only"] = {
      Window("x", 2, "xs"),    Select("x", 1, 2, "third"),          Select("xs", 1, -1, "newest"),
      Select("z", 2, 0, "zs"), Concat({"newest", "zs"}, 0, "both"), Select("both", 0, 0, "row"),

      Concat({"x"}, 1, "y")};
  Executor executor = Open();
  ASSERT_TRUE(executor.Step(good).ok());
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}, {"z", Tensor::Make(DType::kF32, {3, 2})}}, ErrorCode::kInput),
              AllOf(HasSubstr("schedules.only[0]"), HasSubstr("'x'"), HasSubstr("[1, 2]"), HasSubstr("[1, 3]")));
  executor.Reset();
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}, {"z", Tensor::Make(DType::kF32, {3, 2})}}, ErrorCode::kInput),
              AllOf(HasSubstr("schedules.only[1]"), HasSubstr("no index 2 along axis 1")));
  EXPECT_THAT(
      StepError(executor, {{"x", Floats({1, 2, 3})}, {"z", Tensor::Make(DType::kF32, {4, 2})}}, ErrorCode::kInput),
      AllOf(HasSubstr("schedules.only[4]"), HasSubstr("'newest'"), HasSubstr("[1, 3]"), HasSubstr("[1, 4]")));
  ASSERT_TRUE(executor.Step(good).ok()) << "no window remembers what was refused";
}

// Everything that is kept, with failures anywhere: as if the failed steps had never been.
TEST_F(ExecutorTest, AFailedStepLeavesNoTrace) {
  policy_.inputs = {StateInput("x", {1}), StateInput("slow", {1}), StateInput("noise", {1})};
  policy_.inputs[2].type = InputType::kNoise;
  policy_.outputs = {ActionOutput("y", {-1})};
  policy_.schedules["only"] = {RunOf("first"),
                               Window("f", 4, "fs"),
                               Hold({"slow"}, {RunOf("held"), Window("h", 3, "hs")}),
                               Carry("sum", "before", {1, 1}),
                               Repeat(3, {{"s", "f", "sum"}}, {}, {RunOf("add")}),
                               RunOf("last"),
                               Select("fs", 0, 0, "a"),
                               Select("hs", 0, 0, "b"),
                               Select("l", 0, 0, "c"),
                               Concat({"a", "b"}, 0, "ab"),
                               Select("ab", 1, 0, "flat"),
                               Concat({"flat", "c"}, 0, "y")};
  policy_.outputs[0].batched = false;
  Add("first", Sum({-1, 1}), {{"a", "x"}, {"b", "noise"}}, {{"y", "f"}});
  Add("held", Elementwise({-1, 1}, [](float x) { return x / 3; }), {{"x", "slow"}}, {{"y", "h"}});
  Add("add", Elementwise({-1, 1}, [](float x) { return x / 2; }), {{"x", "s"}}, {{"y", "sum"}});
  Add("last", Sum({-1, 1}), {{"a", "before"}, {"b", "sum"}}, {{"y", "l"}});
  Executor failing = Open(5);
  Random random(11);
  std::vector<NamedTensors> succeeded;
  std::vector<std::vector<float>> outputs;
  const std::vector<std::string> names{"first", "held", "add", "last"};
  for (int step = 0; step < 200; ++step) {
    const NamedTensors inputs{{"x", Floats({static_cast<float>(random.Normal())})},
                              {"slow", Floats({static_cast<float>(random.Below(3))})}};
    for (const std::string& name : names) graphs_[name].fail_after = -1;
    if (random.Below(2) == 0) graphs_[names[random.Below(4)]].fail_after = static_cast<int>(random.Below(3));
    const auto given = failing.Step(inputs);
    if (!given.ok()) continue;
    succeeded.push_back(inputs);
    outputs.push_back(ValuesOf(given->at("y")));
  }
  for (const std::string& name : names) graphs_[name].fail_after = -1;
  EXPECT_GT(succeeded.size(), 80U);
  EXPECT_LT(succeeded.size(), 190U);
  Executor calm = Open(5);
  for (size_t i = 0; i < succeeded.size(); ++i) {
    ASSERT_EQ(ValuesOf(calm.Step(succeeded[i])->at("y")), outputs[i]) << i;
  }
}

class NoiseTest : public ExecutorTest {
 protected:
  void UseNoise(NoiseKind kind, DType dtype = DType::kF32, Shape shape = {5}) {
    policy_.inputs = {StateInput("n", std::move(shape), dtype)};
    policy_.inputs[0].type = InputType::kNoise;
    policy_.inputs[0].noise = kind;
    policy_.outputs = {ActionOutput("y", {-1})};
    policy_.outputs[0].dtype = dtype;
    policy_.schedules["only"] = {Concat({"n"}, 1, "y")};
  }
  static std::vector<float> Draw(Executor& executor) {
    const auto outputs = executor.Step({});
    EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
    return ValuesOf(outputs->at("y"));
  }
};

TEST_F(NoiseTest, IsTheSameForASeedAndAnotherAtEachStep) {
  UseNoise(NoiseKind::kNormal);
  Executor a = Open(3);
  Executor b = Open(3);
  Executor other = Open(4);
  const auto first = Draw(a);
  EXPECT_EQ(Draw(b), first);
  EXPECT_NE(Draw(other), first);
  const auto second = Draw(a);
  EXPECT_NE(second, first);
  a.Reset();
  EXPECT_EQ(Draw(a), first);
  const auto given = a.Step({{"n", Floats({1, 2, 3, 4, 5})}});
  EXPECT_THAT(ValuesOf(given->at("y")), ElementsAre(1, 2, 3, 4, 5)) << "what is given wins";
  Draw(b);
  EXPECT_EQ(Draw(a), Draw(b)) << "and does not move what comes after";
}

TEST_F(NoiseTest, EachInputHasItsOwn) {
  UseNoise(NoiseKind::kNormal);
  policy_.inputs.push_back(policy_.inputs[0]);
  policy_.inputs[1].name = "m";
  policy_.schedules["only"] = {Concat({"n", "m"}, 1, "y")};
  Executor executor = Open();
  const auto both = Draw(executor);
  ASSERT_EQ(both.size(), 10U);
  EXPECT_NE(std::vector(both.begin(), both.begin() + 5), std::vector(both.begin() + 5, both.end()));
  executor.Reset();
  const auto one = executor.Step({{"n", Floats({1, 2, 3, 4, 5})}});
  EXPECT_EQ(std::vector(both.begin() + 5, both.end()),
            std::vector(one->at("y").data<float>().begin() + 5, one->at("y").data<float>().end()));
}

TEST_F(NoiseTest, HasTheDistributionThatThePolicyNames) {
  for (const NoiseKind kind : {NoiseKind::kNormal, NoiseKind::kUniform, NoiseKind::kZeros}) {
    UseNoise(kind, DType::kF32, {40000});
    Executor executor = Open(1);
    const auto values = Draw(executor);
    double sum = 0;
    double squares = 0;
    for (const float x : values) {
      sum += static_cast<double>(x);
      squares += static_cast<double>(x) * static_cast<double>(x);
    }
    const double mean = sum / 40000;
    const double variance = squares / 40000 - mean * mean;
    EXPECT_NEAR(mean, kind == NoiseKind::kUniform ? 0.5 : 0, 0.02);
    EXPECT_NEAR(variance, kind == NoiseKind::kNormal ? 1 : kind == NoiseKind::kUniform ? 1.0 / 12 : 0, 0.03);
    if (kind == NoiseKind::kUniform) {
      EXPECT_THAT(values, Each(AllOf(::testing::Ge(0.0F), ::testing::Lt(1.0F))));
    }
  }
}

TEST_F(NoiseTest, UniformNoiseStaysBelowOneInNarrowTypes) {
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    UseNoise(NoiseKind::kUniform, dtype, {20000});
    Executor executor = Open();
    const auto outputs = executor.Step({});
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    const uint16_t one = dtype == DType::kF16 ? 0x3C00 : 0x3F80;
    for (size_t i = 0; i < 20000; ++i) ASSERT_LT(LoadLittle<uint16_t>(outputs->at("y").bytes(), 2 * i), one);
  }
}

TEST_F(NoiseTest, CannotBeDrawnWithoutExtentsOrInIntegers) {
  UseNoise(NoiseKind::kNormal, DType::kF32, {-1});
  Executor executor = Open();
  EXPECT_THAT(StepError(executor, {}, ErrorCode::kUsage),
              AllOf(HasSubstr("'n'"), HasSubstr("[-1]"), HasSubstr("give it")));
  EXPECT_TRUE(executor.Step({{"n", Floats({1})}}).ok());
  UseNoise(NoiseKind::kNormal, DType::kI64);
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("inputs.n"), HasSubstr("int64")));
}

TEST_F(ExecutorTest, InputsAreCheckedByName) {
  UseStreaming(3);
  policy_.inputs.push_back(StateInput("unread", {3}));
  Executor executor = Open();
  const Tensor two = Floats({1, 2});
  EXPECT_TRUE(executor.Step({{"x", two}}).ok());
  EXPECT_TRUE(executor.Step({{"x", two}, {"unread", Floats({1, 2, 3})}}).ok());
  EXPECT_THAT(StepError(executor, {}, ErrorCode::kUsage), HasSubstr("'x' is missing"));
  EXPECT_THAT(StepError(executor, {{"x", two}, {"unreat", two}}, ErrorCode::kUsage),
              AllOf(HasSubstr("no input 'unreat'"), HasSubstr("did you mean 'unread'")));
  EXPECT_THAT(StepError(executor, {{"x", two}, {"zzz", two}}, ErrorCode::kUsage), HasSubstr("there are: unread, x"));
  EXPECT_THAT(StepError(executor, {{"X", two}}, ErrorCode::kUsage), HasSubstr("no input 'X'"));
  EXPECT_THAT(StepError(executor, {{"xx", two}}, ErrorCode::kUsage), HasSubstr("'x' is missing"));
  EXPECT_THAT(StepError(executor, {{"x", two}, {"unread", two}}, ErrorCode::kUsage),
              AllOf(HasSubstr("'unread' is float32 [2]"), HasSubstr("float32 [3]")));
  for (const Tensor& wrong : {Floats({1, 2, 3}), Floats({1, 2}, {1, 2}), Tensor::Make(DType::kF64, {2})}) {
    EXPECT_THAT(StepError(executor, {{"x", wrong}}, ErrorCode::kUsage),
                AllOf(HasSubstr("'x' is " + std::string(DTypeName(wrong.dtype())) + " " + ShapeText(wrong.shape())),
                      HasSubstr("takes float32 [2]")));
  }
}

TEST_F(ExecutorTest, ValuesOfATextHaveTheTypeThatItsGraphTakes) {
  Use({1}, {RunOf("g")});
  policy::Input task;
  task.name = "task";
  task.type = InputType::kText;
  task.makes = {"ids"};
  policy_.inputs.push_back(task);
  FakeGraph graph = Elementwise({-1, 1}, [](float x) { return x; });
  graph.inputs.push_back({"ids", DType::kI64, {-1, -1}, {"", ""}});
  Add("g", std::move(graph), {{"x", "x"}, {"ids", "task.ids"}}, {{"y", "y"}});
  Executor executor = Open();
  const std::vector<int64_t> ids{1, 2, 3};
  EXPECT_TRUE(executor.Step({{"x", Floats({1})}, {"task.ids", Tensor::From<int64_t>({3}, ids)}}).ok());
  EXPECT_EQ(graphs_["g"].given[0].at("ids").shape(), (Shape{1, 3}));
  EXPECT_THAT(StepError(executor, {{"x", Floats({1})}, {"task.ids", Floats({1})}}, ErrorCode::kUsage),
              AllOf(HasSubstr("'task.ids' is float32 [1]"), HasSubstr("int64 [-1]")));
}

TEST_F(ExecutorTest, WhatIsNotFiniteGoesNoFurther) {
  UseStreaming(3);
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1, 0}), ElementsAre(2, 0));
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(StepError(executor, {{"x", Floats({1, bad})}}, ErrorCode::kBackend),
                AllOf(HasSubstr("graph 'encoder': output 'y', the value 'feature'"), HasSubstr("element 1")));
  }
  EXPECT_EQ(graphs_["head"].runs, 1);
  graphs_["head"].run = [](const NamedTensors&) -> Result<NamedTensors> {
    return NamedTensors{{"actions", Floats({0, std::nanf("")}, {1, 2})}};
  };
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}}, ErrorCode::kBackend),
              AllOf(HasSubstr("graph 'head': output 'actions', the value 'y'"), HasSubstr("element 1 is nan")));
  UseStreaming(3);
  Executor again = Open();
  Step(again, {1, 0});
  EXPECT_THAT(Step(again, {3, 0}), ElementsAre(7, 0));
}

TEST_F(ExecutorTest, AnOutputMadeWithoutAGraphIsFiniteToo) {
  Use({1}, {Concat({"x"}, 1, "y")});
  Executor executor = Open();
  EXPECT_THAT(StepError(executor, {{"x", Floats({std::nanf("")})}}, ErrorCode::kBackend), HasSubstr("output 'y'"));
}

TEST_F(ExecutorTest, ValuesThatNoOutputComesFromMayBeAnything) {
  Use({1}, {RunOf("g"), RunOf("aside")});
  FakeGraph graph = Elementwise({-1, 1}, [](float x) { return x; });
  graph.outputs.push_back(F32("extra", {-1, 1}));
  graph.run = [](const NamedTensors& in) -> Result<NamedTensors> {
    return NamedTensors{{"y", in.at("x")}, {"extra", Floats({std::nanf("")}, {1, 1})}};
  };
  Add("g", std::move(graph), {{"x", "x"}}, {{"y", "y"}, {"extra", "shown"}});
  Add("aside", Elementwise({-1, 1}, [](float x) { return x; }), {{"x", "shown"}}, {{"y", "unread"}});
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1}), ElementsAre(1));
  // Carried to the next step, an output does come of it.
  policy_.schedules["only"] = {Carry("shown", "past", {1, 1}), RunOf("g"), Concat({"y0", "past"}, 1, "y")};
  policy_.graphs["g"].outputs["y"] = "y0";
  Executor carrying = Open();
  EXPECT_THAT(StepError(carrying, {{"x", Floats({1})}}, ErrorCode::kBackend), HasSubstr("'shown'"));
}

TEST_F(ExecutorTest, AProbeSeesEveryValueAndWhatElseGraphsGive) {
  UseStreaming(2);
  graphs_["encoder"].outputs.push_back(F32("hidden", {-1, 2}));
  graphs_["encoder"].run = [](const NamedTensors& in) -> Result<NamedTensors> {
    return NamedTensors{{"y", in.at("x")}, {"hidden", Floats({8, 9}, {1, 2})}, {"zuletzt", Floats({1})}};
  };
  Executor executor = Open();
  Step(executor, {0, 0});
  Recorder probe;
  executor.SetProbe(&probe);
  Step(executor, {1, 2});
  EXPECT_THAT(probe.Names(), ElementsAre("x", "encoder.hidden", "feature", "encoder.zuletzt", "features", "y"));
  EXPECT_THAT(ValuesOf(probe.seen[1].second), ElementsAre(8, 9));
  EXPECT_EQ(probe.seen[0].second.shape(), (Shape{1, 2}));
  EXPECT_THAT(ValuesOf(probe.seen[4].second), ElementsAre(0, 0, 1, 2));
  executor.SetProbe(nullptr);
  for (int t = 0; t < 10; ++t) Step(executor, {5, 6});
  EXPECT_EQ(probe.seen.size(), 6U);
  EXPECT_THAT(ValuesOf(probe.seen[4].second), ElementsAre(0, 0, 1, 2)) << "what a probe keeps stays as it was";
}

TEST_F(ExecutorTest, KeepsNothingAliveButWhatTheScheduleKeeps) {
  UseStreaming(2);
  graphs_["encoder"].record = graphs_["head"].record = false;
  Executor executor = Open();
  auto owner = std::make_shared<Tensor>(Floats({1, 2}));
  ASSERT_TRUE(executor.Step({{"x", Tensor::View(DType::kF32, {2}, owner->bytes(), owner)}}).ok());
  EXPECT_EQ(owner.use_count(), 1);
  graphs_["head"].fail_after = 0;
  ASSERT_FALSE(executor.Step({{"x", Tensor::View(DType::kF32, {2}, owner->bytes(), owner)}}).ok());
  EXPECT_EQ(owner.use_count(), 1) << "nor after a failure";
}

TEST_F(ExecutorTest, OpensTheGraphsOfItsScheduleOnly) {
  UseStreaming(2);
  Add("other", Elementwise({-1, 2}, [](float x) { return 3 * x; }), {{"x", "x"}}, {{"y", "y"}});
  policy_.schedules["whole"] = {RunOf("other")};
  graphs_["head"].description = "another engine";
  Executor executor = Open();
  EXPECT_EQ(graphs_["other"].opened, 0);
  EXPECT_EQ(executor.schedule(), "only");
  EXPECT_EQ(executor.policy().schedules.size(), 2U);
  EXPECT_EQ(executor.Description(), "only (encoder + head): fake; another engine");
  auto whole = Executor::Open(policy_, "whole", OpenerOf(graphs_));
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(graphs_["other"].opened, 1);
  EXPECT_THAT(Step(*whole, {1, 2}), ElementsAre(3, 6));
  EXPECT_EQ(whole->Description(), "whole (other): fake");
  const auto unknown = Executor::Open(policy_, "hole", OpenerOf(graphs_));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kUsage);
  EXPECT_THAT(unknown.error().ToString(), AllOf(HasSubstr("'hole'"), HasSubstr("only, whole")));
}

TEST_F(ExecutorTest, MayBeMoved) {
  UseStreaming(3);
  Executor executor = Open();
  Step(executor, {1, 0});
  Executor moved = std::move(executor);
  EXPECT_THAT(Step(moved, {1, 0}), ElementsAre(3, 0));
}

TEST_F(ExecutorTest, ErrorsOfGraphsNameThem) {
  UseStreaming(3);
  Executor executor = Open();
  graphs_["head"].fail_after = 0;
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}}, ErrorCode::kBackend), HasSubstr("graph 'head': no luck"));
  graphs_["head"].run = [](const NamedTensors&) -> Result<NamedTensors> { return NamedTensors{}; };
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}}, ErrorCode::kBackend),
              AllOf(HasSubstr("'head'"), HasSubstr("'actions'"), HasSubstr("not given")));
  graphs_["head"].run = [](const NamedTensors&) -> Result<NamedTensors> {
    return NamedTensors{{"actions", Floats({1, 2, 3, 4}, {2, 2})}};
  };
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}}, ErrorCode::kInput),
              AllOf(HasSubstr("output 'y'"), HasSubstr("[2, 2]"), HasSubstr("[1, -1]")));
}

using OpenTest = ExecutorTest;

TEST_F(OpenTest, EveryInputOfAGraphIsBound) {
  UseStreaming(3);
  policy_.graphs["head"].inputs.clear();
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[2]"), HasSubstr("graph 'head'"), HasSubstr("'features'")));
  policy_.graphs["head"].inputs = {{"features", "features"}, {"feature", "features"}};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("no input 'feature'"), HasSubstr("did you mean 'features'")));
}

TEST_F(OpenTest, OutputsOfBindingsExist) {
  UseStreaming(3);
  policy_.graphs["head"].outputs = {{"action", "y"}};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("graph 'head'"), HasSubstr("no output 'action'"), HasSubstr("'actions'")));
}

TEST_F(OpenTest, TypesOfValuesAndPortsAgree) {
  UseStreaming(3);
  policy_.inputs[0].shape = {3};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("graph 'encoder'"), HasSubstr("its input 'x' is float32 [-1, 2]"),
                                 HasSubstr("'x' is float32 [1, 3]")));
  policy_.inputs[0] = StateInput("x", {2}, DType::kF16);
  EXPECT_THAT(OpenError(), HasSubstr("float16"));
  policy_.inputs[0] = StateInput("x", {2, 2});
  EXPECT_THAT(OpenError(), HasSubstr("[1, 2, 2]"));
  policy_.inputs[0] = StateInput("x", {-1});
  EXPECT_TRUE(Executor::Open(policy_, "", OpenerOf(graphs_)).ok()) << "any extent may be the right one";
  policy_.inputs[0] = StateInput("x", {2});
  graphs_["head"].inputs[0].dims = {-1, -1, 4};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("graph 'head'"), HasSubstr("[1, -1, 2]"), HasSubstr("[-1, -1, 4]")));
  graphs_["head"].inputs[0].dims = {-1, 2};
  EXPECT_THAT(OpenError(), HasSubstr("[1, -1, 2]"));
  UseStreaming(3);
  policy_.outputs[0].shape = {5};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("output 'y'"), HasSubstr("[-1, 2]"), HasSubstr("[1, 5]")));
  policy_.outputs[0] = ActionOutput("y", {2});
  policy_.outputs[0].dtype = DType::kF64;
  EXPECT_THAT(OpenError(), HasSubstr("float64"));
}

TEST_F(OpenTest, ValuesAreMadeOnceAndBeforeTheyAreRead) {
  UseStreaming(3);
  policy_.schedules["only"] = {RunOf("head"), RunOf("encoder")};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[0]"), HasSubstr("reads 'features'")));
  policy_.schedules["only"] = {RunOf("encoder"), Window("features", 3, "features")};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("reads 'features'"), HasSubstr("did you mean 'feature'")));
  policy_.schedules["only"] = {RunOf("encoder"), Window("feature", 3, "x")};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[1]"), HasSubstr("makes 'x', which there is already")));
  policy_.schedules["only"] = {RunOf("encoder"), Window("feature", 3, "feature")};
  EXPECT_THAT(OpenError(), HasSubstr("makes 'feature'"));
  policy_.schedules["only"] = {RunOf("encoder"), Window("feature", 3, "")};
  EXPECT_THAT(OpenError(), HasSubstr("without a name"));
  policy_.schedules["only"] = {RunOf("encoder"), RunOf("encoder")};
  EXPECT_THAT(OpenError(), HasSubstr("second time"));
  policy_.schedules["only"] = {RunOf("encoder")};
  EXPECT_THAT(OpenError(), HasSubstr("no step makes the output 'y'"));
  policy_.schedules["only"] = {RunOf("encode")};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("no graph 'encode'"), HasSubstr("'encoder'")));
  policy_.schedules["only"] = {Hold({"features"}, {RunOf("encoder")})};
  EXPECT_THAT(OpenError(), HasSubstr("reads 'features'"));
  policy_.schedules["only"] = {Carry("nothing", "c", {1, 1})};
  EXPECT_THAT(OpenError(), HasSubstr("reads 'nothing'"));
  policy_.schedules["only"] = {Hold({"x"}, {RunOf("encoder"), Select("gone", 0, 0, "s")})};
  EXPECT_THAT(OpenError(), HasSubstr("schedules.only[0].steps[1]"));
}

TEST_F(OpenTest, ErrorsOfOpeningNameTheGraph) {
  UseStreaming(3);
  graphs_.erase("head");
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("graph 'head'"), HasSubstr("a file"), HasSubstr("is not there")));
}

TEST_F(OpenTest, StepsThatCannotBeAreRefused) {
  struct Case {
    policy::Step step;
    std::string what;
  };
  const std::vector<policy::Step> nothing;
  const std::vector<Case> cases{
      {Window("x", 0, "y"), "length is 0"},
      {Repeat(0, {}, {}, nothing), "repeated 0 times"},
      {Repeat(2, {}, {{"t", DType::kF32, {}, {1}}}, nothing), "'t' has 1 numbers for 2 rounds"},
      {Repeat(1, {}, {{"t", DType::kI64, {}, {0.5}}}, nothing), "cannot be 0.5"},
      {Repeat(1, {}, {{"t", DType::kU8, {}, {256}}}, nothing), "cannot be 256"},
      {Repeat(1, {}, {{"t", DType::kI64, {}, {1e300}}}, nothing), "cannot be 1e+300"},
      {Repeat(1, {}, {{"t", DType::kF16, {}, {1e6}}}, nothing), "cannot be 1000000"},
      {Repeat(1, {}, {{"t", DType::kF32, {}, {std::nan("")}}}, nothing), "cannot be nan"},
      {Repeat(1, {}, {{"t", DType::kC64, {}, {1}}}, nothing), "'t' is complex64"},
      {Repeat(1, {}, {{"t", DType::kF32, {-1}, {1}}}, nothing), "float32 [-1] cannot be made"},
      {Repeat(1, {}, {{"t", DType::kF32, {1 << 30, 4}, {1}}}, nothing), "cannot be made"},
      {Repeat(1, {{"c", "x", "z"}}, {}, nothing), "'z', is float32 [1, 3, 2]"},
      {Repeat(1, {{"c", "gone", "x"}}, {}, nothing), "reads 'gone'"},
      {Repeat(1, {{"c", "x", "gone"}}, {}, nothing), "reads 'gone'"},
      {Repeat(1, {}, {}, {Window("x", 2, "w")}), "a window cannot stand within a repeat"},
      {Repeat(1, {}, {}, {Carry("x", "w", {1, 2})}), "a carry cannot stand within a repeat"},
      {Carry("x", "c", {1, -1}), "cannot be made"},
      {Carry("z", "c", {1, 2}), ""},  // other extents than the zeros' may come
      {Select("x", 2, 0, "s"), "no index 0 along axis 2"},
      {Select("x", -1, 0, "s"), "axis is -1"},
      {Select("x", 1, 2, "s"), "no index 2 along axis 1 of 'x'"},
      {Select("x", 1, -3, "s"), "no index -3"},
      {Concat({}, 0, "s"), "no values"},
      {Concat({"x"}, 2, "s"), "axis 2"},
      {Concat({"x"}, -1, "s"), "axis is -1"},
      {Concat({"x", "z"}, 1, "s"), "'z', which is float32 [1, 3, 2]"},
      {Concat({"x", "i"}, 1, "s"), "'i', which is int64"},
  };
  for (const Case& test : cases) {
    policy_.inputs = {StateInput("x", {2}), StateInput("z", {3, 2}), StateInput("i", {2}, DType::kI64)};
    policy_.outputs = {ActionOutput("out", {2})};
    policy_.schedules["only"] = {test.step, Concat({"x"}, 1, "out")};
    if (test.what.empty()) {
      EXPECT_TRUE(Executor::Open(policy_, "", OpenerOf(graphs_)).ok());
    } else {
      EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[0]"), HasSubstr(test.what)));
    }
  }
}

TEST_F(OpenTest, CarriesAreOfTheTypeThatTheirZerosAre) {
  Use({2}, {Carry("y", "before", {1, 2}), RunOf("g")});
  Add("g", Sum({-1, 2}), {{"a", "x"}, {"b", "before"}}, {{"y", "y"}});
  policy_.schedules["only"][0].shape = {1, 3};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[0]"), HasSubstr("[1, 3]"), HasSubstr("[-1, 2]")));
  policy_.schedules["only"][0].shape = {1, 2};
  policy_.schedules["only"][0].dtype = DType::kF64;
  EXPECT_THAT(OpenError(), HasSubstr("float64"));
}

TEST_F(OpenTest, AWindowNeedsABatchOfOne) {
  Use({2}, {Window("x", 3, "y")});
  policy_.inputs[0].batched = false;
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("'x' is float32 [2]"), HasSubstr("batch axis of 1")));
}

}  // namespace
}  // namespace vlaq::runtime

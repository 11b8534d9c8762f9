// What a step refuses, what it leaves behind when it fails, and what a probe sees.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "runtime/executor.h"
#include "runtime/executor_fixture_testing.h"

namespace vlaq::runtime::testing {
namespace {

using policy::InputType;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using StepTest = ExecutorTest;

TEST_F(StepTest, WhatDoesNotFitInAStepIsRefusedAndTheStateStays) {
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
TEST_F(StepTest, AFailedStepLeavesNoTrace) {
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

TEST_F(StepTest, InputsAreCheckedByName) {
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

TEST_F(StepTest, ValuesOfATextHaveTheTypeThatItsGraphTakes) {
  Use({1}, {RunOf("g")});
  policy::Input task;
  task.name = "task";
  task.type = InputType::kText;
  task.makes = {"ids"};
  policy_.inputs.push_back(task);
  FakeGraph graph = Identity({-1, 1});
  graph.inputs.push_back({"ids", DType::kI64, {-1, -1}, {"", ""}});
  Add("g", std::move(graph), {{"x", "x"}, {"ids", "task.ids"}}, {{"y", "y"}});
  Executor executor = Open();
  const std::vector<int64_t> ids{1, 2, 3};
  EXPECT_TRUE(executor.Step({{"x", Floats({1})}, {"task.ids", Tensor::From<int64_t>({3}, ids)}}).ok());
  EXPECT_EQ(graphs_["g"].given[0].at("ids").shape(), (Shape{1, 3}));
  EXPECT_THAT(StepError(executor, {{"x", Floats({1})}, {"task.ids", Floats({1})}}, ErrorCode::kUsage),
              AllOf(HasSubstr("'task.ids' is float32 [1]"), HasSubstr("int64 [-1]")));
}

TEST_F(StepTest, WhatIsNotFiniteGoesNoFurther) {
  UseStreaming(3);
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1, 0}), ElementsAre(2, 0));
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(StepError(executor, {{"x", Floats({1, bad})}}, ErrorCode::kBackend),
                AllOf(HasSubstr("graph 'encoder': output 'y', the value 'feature'"), HasSubstr("element 1")));
  }
  EXPECT_EQ(graphs_["head"].runs, 1);
  graphs_["head"].run = Always({{"actions", Floats({0, std::nanf("")}, {1, 2})}});
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}}, ErrorCode::kBackend),
              AllOf(HasSubstr("graph 'head': output 'actions', the value 'y'"), HasSubstr("element 1 is nan")));
  UseStreaming(3);
  Executor again = Open();
  Step(again, {1, 0});
  EXPECT_THAT(Step(again, {3, 0}), ElementsAre(7, 0));
}

TEST_F(StepTest, AnOutputMadeWithoutAGraphIsFiniteToo) {
  Use({1}, {Concat({"x"}, 1, "y")});
  Executor executor = Open();
  EXPECT_THAT(StepError(executor, {{"x", Floats({std::nanf("")})}}, ErrorCode::kBackend), HasSubstr("output 'y'"));
}

TEST_F(StepTest, ValuesThatNoOutputComesFromMayBeAnything) {
  Use({1}, {RunOf("g"), RunOf("aside")});
  FakeGraph graph = Identity({-1, 1});
  graph.outputs.push_back(F32("extra", {-1, 1}));
  graph.run = [](const NamedTensors& in) -> Result<NamedTensors> {
    return NamedTensors{{"y", in.at("x")}, {"extra", Floats({std::nanf("")}, {1, 1})}};
  };
  Add("g", std::move(graph), {{"x", "x"}}, {{"y", "y"}, {"extra", "shown"}});
  Add("aside", Identity({-1, 1}), {{"x", "shown"}}, {{"y", "unread"}});
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1}), ElementsAre(1));
  // Carried to the next step, an output does come of it.
  policy_.schedules["only"] = {Carry("shown", "past", {1, 1}), RunOf("g"), Concat({"y0", "past"}, 1, "y")};
  policy_.graphs["g"].outputs["y"] = "y0";
  Executor carrying = Open();
  EXPECT_THAT(StepError(carrying, {{"x", Floats({1})}}, ErrorCode::kBackend), HasSubstr("'shown'"));
}

TEST_F(StepTest, AProbeSeesEveryValueAndWhatElseGraphsGive) {
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

TEST_F(StepTest, KeepsNothingAliveButWhatTheScheduleKeeps) {
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

TEST_F(StepTest, OpensTheGraphsOfItsScheduleOnly) {
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

TEST_F(StepTest, MayBeMoved) {
  UseStreaming(3);
  Executor executor = Open();
  Step(executor, {1, 0});
  Executor moved = std::move(executor);
  EXPECT_THAT(Step(moved, {1, 0}), ElementsAre(3, 0));
}

TEST_F(StepTest, ErrorsOfGraphsNameThem) {
  UseStreaming(3);
  Executor executor = Open();
  graphs_["head"].fail_after = 0;
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}}, ErrorCode::kBackend), HasSubstr("graph 'head': no luck"));
  graphs_["head"].run = Always({});
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}}, ErrorCode::kBackend),
              AllOf(HasSubstr("'head'"), HasSubstr("'actions'"), HasSubstr("not given")));
  graphs_["head"].run = Always({{"actions", Floats({1, 2, 3, 4}, {2, 2})}});
  EXPECT_THAT(StepError(executor, {{"x", Floats({1, 2})}}, ErrorCode::kInput),
              AllOf(HasSubstr("output 'y'"), HasSubstr("[2, 2]"), HasSubstr("[1, -1]")));
}

}  // namespace
}  // namespace vlaq::runtime::testing

// What a schedule keeps from step to step: windows, holds, carried values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "runtime/executor.h"
#include "runtime/executor_fixture_testing.h"

namespace vlaq::runtime::testing {
namespace {

using policy::InputType;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using StateTest = ExecutorTest;

TEST_F(StateTest, StreamsFramesThroughAWindow) {
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

TEST_F(StateTest, OutputsHaveNoBatchAxisUnlessTheyHaveNone) {
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

TEST_F(StateTest, ResetBeginsANewEpisode) {
  UseStreaming(3);
  Executor executor = Open();
  for (int t = 0; t < 4; ++t) Step(executor, {7, 0});
  executor.Reset();
  EXPECT_THAT(Step(executor, {2, 0}), ElementsAre(4, 0));
  EXPECT_EQ(graphs_["head"].given.back().at("features").shape(), (Shape{1, 1, 2}));
}

TEST_F(StateTest, InputsMayBeWindowed) {
  Use({2}, {Window("x", 3, "xs"), RunOf("g")});
  policy_.outputs[0].shape = {-1, 2};
  Add("g", Identity({-1, -1, 2}), {{"x", "xs"}}, {{"y", "y"}});
  Executor executor = Open();
  Step(executor, {1, 2});
  EXPECT_THAT(Step(executor, {3, 4}), ElementsAre(1, 2, 3, 4));
}

TEST_F(StateTest, HoldsRunWhenAValueHasChanged) {
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

TEST_F(StateTest, AHoldRestsWithinAnotherThatRuns) {
  policy_.inputs = {StateInput("x", {1}), StateInput("slow", {1})};
  policy_.outputs = {ActionOutput("y", {1})};
  policy_.schedules["only"] = {Hold({"x"}, {Hold({"slow"}, {RunOf("inner")}), RunOf("mix")}),
                               Concat({"mixed"}, 1, "y")};
  Add("inner", Elementwise({-1, 1}, [](float x) { return 100 * x; }), {{"x", "slow"}}, {{"y", "held"}});
  Add("mix", Sum({-1, 1}), {{"a", "x"}, {"b", "held"}}, {{"y", "mixed"}});
  Executor executor = Open();
  for (const float x : {1.0F, 2.0F, 2.0F, 3.0F}) {
    const auto outputs = executor.Step({{"x", Floats({x})}, {"slow", Floats({4})}});
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    EXPECT_THAT(ValuesOf(outputs->at("y")), ElementsAre(4000 + x));
  }
  EXPECT_EQ(graphs_["inner"].runs, 1);
  EXPECT_EQ(graphs_["mix"].runs, 3);
}

TEST_F(StateTest, AFailedStepLeavesHoldsAsTheyWere) {
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

TEST_F(StateTest, CarriesWhatAValueWasAtTheEndOfTheLastStep) {
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

TEST_F(StateTest, CarriesAnInputAndAGrowingValue) {
  Use({1}, {Carry("x", "last_x", {1, 1}), Carry("all", "past", {1, 0}), Concat({"past", "last_x"}, 1, "all"),
            Select("all", 0, 0, "flat"), Concat({"all"}, 1, "y")});
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1}), ElementsAre(0));
  EXPECT_THAT(Step(executor, {2}), ElementsAre(0, 1));
  EXPECT_THAT(Step(executor, {3}), ElementsAre(0, 1, 2));
}

// As flow policies take their steps: each round adds something that depends on its number.

}  // namespace
}  // namespace vlaq::runtime::testing

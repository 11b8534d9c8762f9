// On which steps a step depends, and that going over steps leaves what they leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/executor_fixture_testing.h"

namespace vlaq::runtime::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LookBackTest : public ExecutorTest {
 protected:
  void AddDouble(const std::string& name, const std::string& from, const std::string& to) {
    Add(name, Elementwise({-1, 2}, [](float x) { return 2 * x; }), {{"x", from}}, {{"y", to}});
  }
  // s' = x + 10 s, which is the output.
  void UseCarry() {
    Use({2}, {Carry("y", "s", {1, 2}), RunOf("sum")});
    Add("sum", Sum({-1, 2}), {{"a", "x"}, {"b", "s"}}, {{"y", "y"}});
  }
};

TEST_F(LookBackTest, WithoutMemoryThereIsNone) {
  Use({2}, {RunOf("a")});
  AddDouble("a", "x", "y");
  Executor executor = Open();
  EXPECT_EQ(executor.look_back().outputs, 0);
  EXPECT_THAT(executor.look_back().advance, IsEmpty());
  ASSERT_TRUE(executor.Advance({{"x", Floats({1, 2})}}).ok());
  EXPECT_EQ(graphs_["a"].runs, 0) << "nothing lasts";
}

TEST_F(LookBackTest, WindowsOfWindowsAddUp) {
  Use({2}, {Window("x", 3, "xs"), Select("xs", 1, -1, "newest"), RunOf("a"), Window("d", 4, "ds"),
            Select("ds", 1, -1, "y")});
  AddDouble("a", "newest", "d");
  Executor executor = Open();
  EXPECT_EQ(executor.look_back().outputs, 2 + 3);
  EXPECT_EQ(executor.look_back().lasting, 2) << "what goes into the second window comes of the first";
  EXPECT_THAT(executor.look_back().advance, ElementsAre("a"));
  EXPECT_FALSE(executor.look_back().at_once);
  const std::vector<NamedTensors> two(2, {{"x", Floats({1, 2})}});
  const Status refused = executor.AdvanceAll(two);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("do not run at once"));
}

TEST_F(LookBackTest, ACarriedValueComesOfTheWholeEpisode) {
  UseCarry();
  Executor executor = Open();
  EXPECT_EQ(executor.look_back().outputs, kWholeEpisode);
  EXPECT_EQ(executor.look_back().lasting, kWholeEpisode);
  EXPECT_FALSE(executor.look_back().at_once);
  ASSERT_TRUE(executor.Advance({{"x", Floats({1, 2})}}).ok());
  ASSERT_TRUE(executor.Advance({{"x", Floats({3, 4})}}).ok());
  EXPECT_THAT(Step(executor, {5, 6}), ElementsAre(135, 246));
}

TEST_F(LookBackTest, OnlyWhatLastsRuns) {
  UseStreaming(3);
  Executor executor = Open();
  EXPECT_THAT(executor.look_back().advance, ElementsAre("encoder"));
  EXPECT_TRUE(executor.look_back().at_once);
  Recorder probe;
  executor.SetProbe(&probe);
  const std::vector<NamedTensors> two{{{"x", Floats({1, 2})}}, {{"x", Floats({3, 4})}}};
  ASSERT_TRUE(executor.AdvanceAll(two).ok());
  EXPECT_EQ(graphs_["encoder"].runs, 1);
  EXPECT_EQ(graphs_["head"].runs, 0);
  EXPECT_THAT(probe.Names(), ElementsAre("x", "feature"));
  EXPECT_THAT(ValuesOf(probe.seen[1].second), ElementsAre(2, 4, 6, 8));
  Executor one_by_one = Open();
  ASSERT_TRUE(one_by_one.Advance(two[0]).ok());
  ASSERT_TRUE(one_by_one.Advance(two[1]).ok());
  EXPECT_EQ(Step(executor, {7, 8}), Step(one_by_one, {7, 8}));
}

TEST_F(LookBackTest, AFailedAdvanceLeavesNoTrace) {
  UseStreaming(2);
  Executor executor = Open();
  ASSERT_TRUE(executor.Advance({{"x", Floats({1, 2})}}).ok());
  graphs_["encoder"].fail_after = 0;
  EXPECT_EQ(executor.Advance({{"x", Floats({9, 9})}}).error().code, ErrorCode::kBackend);
  EXPECT_EQ(executor.Advance({}).error().code, ErrorCode::kUsage);
  Executor calm = Open();
  ASSERT_TRUE(calm.Advance({{"x", Floats({1, 2})}}).ok());
  EXPECT_EQ(Step(executor, {3, 4}), Step(calm, {3, 4}));
}

TEST_F(LookBackTest, NoiseGoesOnFromAStep) {
  Use({2}, {Concat({"x", "n"}, 1, "y")});
  policy_.inputs.push_back(StateInput("n", {2}));
  policy_.inputs[1].type = policy::InputType::kNoise;
  Executor executor = Open(5);
  Step(executor, {0, 0});
  const std::vector<float> second = Step(executor, {0, 0});
  executor.Reset(1);
  EXPECT_EQ(Step(executor, {0, 0}), second);
}

}  // namespace
}  // namespace vlaq::runtime::testing

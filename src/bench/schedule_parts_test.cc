// What of a schedule is kept, and which graphs that needs.
#include "bench/schedule_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/testing.h"

namespace vlaq::bench {
namespace {

using policy::StepKind;
using policy::testing::RunStep;
using policy::testing::WindowStep;
using ::testing::ElementsAre;

policy::Policy Of(std::map<std::string, policy::Graph, std::less<>> graphs, std::vector<policy::Step> steps) {
  policy::Policy p;
  p.graphs = std::move(graphs);
  p.default_schedule = "only";
  p.schedules["only"] = std::move(steps);
  return p;
}
policy::Graph Between(const std::string& in, const std::string& out) { return {"", {{"i", in}}, {{"o", out}}}; }
policy::Step CarryStep(const std::string& value, const std::string& as) {
  policy::Step step;
  step.kind = StepKind::kCarry;
  step.value = value;
  step.as = as;
  return step;
}

TEST(ScheduleParts, AWindowOfWhatAGraphMakes) {
  const auto parts = PartsOf(Of({{"see", Between("image", "seen")}, {"act", Between("last", "action")}},
                                {RunStep("see"), WindowStep("seen", 5, "last"), RunStep("act")}),
                             "");
  EXPECT_THAT(parts.graphs, ElementsAre("see", "act"));
  EXPECT_EQ(parts.history, 4);
  EXPECT_FALSE(parts.carries);
  EXPECT_TRUE(parts.parts.at("see").kept);
  EXPECT_TRUE(parts.parts.at("see").of_step);
  EXPECT_FALSE(parts.parts.at("act").kept) << "nothing of it is looked at later";
  EXPECT_FALSE(parts.parts.at("act").of_step);
  EXPECT_EQ(parts.reads.count("image"), 1U);
}

TEST(ScheduleParts, AWindowOfAWindowReachesFurther) {
  const auto parts = PartsOf(Of({{"a", Between("x3", "y")}, {"b", Between("y4", "action")}},
                                {WindowStep("x", 3, "x3"), RunStep("a"), WindowStep("y", 4, "y4"), RunStep("b")}),
                             "only");
  EXPECT_EQ(parts.history, 2 + 3);
  EXPECT_TRUE(parts.parts.at("a").kept);
  EXPECT_FALSE(parts.parts.at("a").of_step) << "it sees steps before";
}

TEST(ScheduleParts, WhatIsCarriedIsKeptThroughAllThatMakesIt) {
  policy::Step select;
  select.kind = StepKind::kSelect;
  select.value = "both";
  select.as = "state";
  const auto parts = PartsOf(
      Of({{"first", Between("x", "z")}, {"second", Between("z", "both")}, {"third", Between("before", "action")}},
         {CarryStep("state", "before"), RunStep("first"), RunStep("second"), select, RunStep("third")}),
      "");
  EXPECT_TRUE(parts.carries);
  EXPECT_TRUE(parts.parts.at("first").kept);
  EXPECT_TRUE(parts.parts.at("second").kept);
  EXPECT_FALSE(parts.parts.at("third").kept);
}

TEST(ScheduleParts, RoundsHandOn) {
  policy::Step repeat;
  repeat.kind = StepKind::kRepeat;
  repeat.times = 3;
  repeat.carry = {{"x", "noise", "next"}};
  repeat.steps = {RunStep("denoise")};
  const auto parts = PartsOf(Of({{"denoise", Between("x", "next")}}, {repeat, WindowStep("x", 2, "last")}), "");
  EXPECT_TRUE(parts.parts.at("denoise").kept) << "its last round is what the window keeps";
  EXPECT_TRUE(parts.parts.at("denoise").of_step);
}

TEST(ScheduleParts, WhatIsHeldRunsAlways) {
  policy::Step hold;
  hold.kind = StepKind::kHold;
  hold.when = {"task"};
  hold.steps = {RunStep("read")};
  const auto parts = PartsOf(
      Of({{"read", Between("task", "words")}, {"act", Between("words", "action")}}, {hold, RunStep("act")}), "");
  EXPECT_TRUE(parts.holds);
  EXPECT_TRUE(parts.parts.at("read").kept);
  EXPECT_FALSE(parts.parts.at("read").of_step);
  EXPECT_EQ(PartsOf(policy::testing::FullPolicy(), "").graphs.empty(), false);
  EXPECT_TRUE(PartsOf(policy::testing::FullPolicy(), "none").graphs.empty());
}

}  // namespace
}  // namespace vlaq::bench

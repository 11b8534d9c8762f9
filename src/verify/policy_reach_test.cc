// Weights that no output depends on do not count, through every kind of step.
#include "verify/policy_reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/builder.h"
#include "policy/testing.h"

namespace vlaq::verify {
namespace {

using policy::Step;
using policy::StepKind;
using policy::testing::RunStep;
using policy::testing::WindowStep;
using ::testing::UnorderedElementsAre;

// y = x w_y, z = x w_z.
onnx::Model TwoOutputs(const std::string& name) {
  onnx::GraphBuilder b(name);
  const std::vector<onnx::Dim> dims{onnx::Dim::Fixed(1), onnx::Dim::Fixed(1)};
  const std::string x = b.Input("x", DType::kF32, dims);
  for (const std::string output : {"y", "z"}) {  // equal constants would be one
    const Tensor weight = Tensor::From<float>({1, 1}, std::vector<float>{output == "y" ? 2.0F : 3.0F});
    b.Output(b.Op("MatMul", {x, b.Constant(name + "_" + output, weight)}), output, DType::kF32, dims);
  }
  return onnx::MakeModel(*b.Finish(), "test");
}

class PolicyReachTest : public ::testing::Test {
 protected:
  PolicyReachTest() {
    for (const std::string name : {"first", "second"}) models_.emplace(name, TwoOutputs(name));
    policy_.inputs.resize(1);
    policy_.inputs[0].name = "state";
    policy_.outputs.resize(1);
    policy_.outputs[0].name = "action";
    policy_.graphs["first"] = {"first.onnx", {{"x", "state"}}, {{"y", "feature"}, {"z", "other"}}};
    policy_.graphs["second"] = {"second.onnx", {{"x", "features"}}, {{"y", "action"}, {"z", "memory"}}};
  }
  std::vector<std::string> Reached(std::vector<Step> steps) {
    policy_.schedules["s"] = std::move(steps);
    const PolicyReach reach = ReachOf(policy_, "s", models_);
    return {reach.initializers.begin(), reach.initializers.end()};
  }
  policy::Policy policy_;
  std::map<std::string, onnx::Model, std::less<>> models_;
};

std::vector<std::string> NamesWith(const std::vector<std::string>& names, const std::string& part) {
  std::vector<std::string> found;
  std::ranges::copy_if(names, std::back_inserter(found),
                       [&](const std::string& name) { return name.find(part) != std::string::npos; });
  return found;
}

TEST_F(PolicyReachTest, GoesThroughWindowsAndLeavesOtherOutputsOut) {
  const auto reached = Reached({RunStep("first"), WindowStep("feature", 4, "features"), RunStep("second")});
  EXPECT_EQ(reached.size(), 2U);
  EXPECT_EQ(NamesWith(reached, "first_y").size(), 1U);
  EXPECT_EQ(NamesWith(reached, "second_y").size(), 1U);
}

TEST_F(PolicyReachTest, AGraphThatNothingReadsReachesNothing) {
  policy_.graphs["second"].inputs["x"] = "state";
  EXPECT_TRUE(NamesWith(Reached({RunStep("first"), RunStep("second")}), "first").empty());
  EXPECT_THAT(ReachOf(policy_, "s", models_).graphs, UnorderedElementsAre("second"));
  EXPECT_TRUE(ReachOf(policy_, "another", models_).graphs.empty());
}

TEST_F(PolicyReachTest, CarriedValuesAreMadeAfterTheyAreRead) {
  Step carry;
  carry.kind = StepKind::kCarry;
  carry.as = "features";
  carry.value = "memory";
  EXPECT_EQ(NamesWith(Reached({carry, RunStep("second")}), "second_z").size(), 1U);
}

TEST_F(PolicyReachTest, RoundsOfARepeatFeedEachOther) {
  Step repeat;
  repeat.kind = StepKind::kRepeat;
  repeat.times = 3;
  repeat.carry = {{"features", "feature", "memory"}};
  repeat.steps = {RunStep("second")};
  const auto reached = Reached({RunStep("first"), repeat});
  EXPECT_EQ(NamesWith(reached, "first_y").size(), 1U);
  EXPECT_EQ(NamesWith(reached, "second_").size(), 2U);
}

TEST_F(PolicyReachTest, SelectAndConcatAreGoneThrough) {
  Step select;
  select.kind = StepKind::kSelect;
  select.value = "feature";
  select.as = "one";
  Step concat;
  concat.kind = StepKind::kConcat;
  concat.values = {"one", "other"};
  concat.as = "features";
  EXPECT_EQ(NamesWith(Reached({RunStep("first"), select, concat, RunStep("second")}), "first_").size(), 2U);
}

}  // namespace
}  // namespace vlaq::verify

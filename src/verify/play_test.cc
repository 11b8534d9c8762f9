#include "verify/play.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "backend/reference/reference.h"
#include "base/testing.h"
#include "verify/scale_policy_for_test.h"

namespace vlaq::verify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A policy whose action is the sum over the last two states.
class PlayTest : public ::testing::Test {
 protected:
  PlayTest() : backend_(backend::MakeReferenceBackend()) {
    AddScale(folder_.path(), "sum", 1, bundle_);
    onnx::GraphBuilder b("sum");
    const std::string x =
        b.Input("x", DType::kF32, {onnx::Dim::Fixed(1), onnx::Dim::Named("window"), onnx::Dim::Fixed(2)});
    const std::string axes = b.Constant("axes", Tensor::From<int64_t>({1}, std::vector<int64_t>{1}));
    b.Output(b.Op("ReduceSum", {x, axes}, {{"keepdims", int64_t{0}}}), "y", DType::kF32,
             {onnx::Dim::Fixed(1), onnx::Dim::Fixed(2)});
    std::ofstream(folder_.path() / "sum.onnx", std::ios::binary)
        << *onnx::Serialize(onnx::MakeModel(*b.Finish(), "test"));
    bundle_.policy.graphs["sum"].inputs = {{"x", "states"}};
    bundle_.policy.schedules["sum"] = {policy::testing::WindowStep("state", 2, "states"),
                                       policy::testing::RunStep("sum")};
    // Steps 1, 2, 3, 4.
    inputs_.steps = 4;
    inputs_.read = [](size_t step) -> Result<backend::NamedTensors> {
      const auto value = static_cast<float>(step + 1);
      return backend::NamedTensors{{"state", Tensor::From<float>({2}, std::vector<float>{value, value})}};
    };
    options_.backend = backend_.get();
  }

  Played Run() {
    auto played = Play(bundle_, inputs_, options_, SilentLog());
    EXPECT_TRUE(played.ok()) << played.error().ToString();
    return played.ok() ? *std::move(played) : Played{};
  }
  static std::vector<float> ActionsOf(const Played& played) {
    std::vector<float> actions;
    for (const auto& step : played.outputs) actions.push_back(step.at("action").data<float>()[0]);
    return actions;
  }

  TemporaryFolder folder_;
  std::unique_ptr<backend::Backend> backend_;
  bundle::Bundle bundle_;
  StepInputs inputs_;
  PlayOptions options_;
};

TEST_F(PlayTest, EveryEpisodeBeginsAnew) {
  EXPECT_THAT(ActionsOf(Run()), ElementsAre(1, 3, 5, 7));
  inputs_.begins = {2};
  EXPECT_THAT(ActionsOf(Run()), ElementsAre(1, 3, 3, 7));
}

TEST_F(PlayTest, StepsThatAreNotWantedStillCount) {
  options_.only = {0, 3};
  EXPECT_THAT(ActionsOf(Run()), ElementsAre(1, 7));
}

TEST_F(PlayTest, WhatIsWatchedIsSeen) {
  options_.watched = {{"states"}, {"action", "", "", 1}};
  const Played played = Run();
  ASSERT_EQ(played.seen.size(), 4U);
  EXPECT_EQ(played.seen[0].at("states").shape(), (Shape{1, 1, 2}));
  EXPECT_EQ(played.seen[3].at("states").shape(), (Shape{1, 2, 2}));
  EXPECT_TRUE(played.seen[0].contains("action"));
  EXPECT_FALSE(played.seen[1].contains("action")) << "one step was asked for";
}

TEST_F(PlayTest, WhatStopsAStepIsKept) {
  inputs_.read = [](size_t step) -> Result<backend::NamedTensors> {
    const float value = step == 1 ? std::numeric_limits<float>::infinity() : 1;
    return backend::NamedTensors{{"state", Tensor::From<float>({2}, std::vector<float>{value, value})}};
  };
  options_.watched = {{"states"}};
  const Played played = Run();
  ASSERT_TRUE(played.stopped);
  EXPECT_THAT(played.stopped->ToString(), HasSubstr("step 1"));
  EXPECT_TRUE(played.opened);
  EXPECT_EQ(played.outputs.size(), 1U);
  EXPECT_EQ(played.seen.size(), 2U) << "of the step that failed, too";
  bundle_.policy.graphs["sum"].inputs = {{"x", "nothing"}};
  EXPECT_FALSE(Run().opened);
}

}  // namespace
}  // namespace vlaq::verify

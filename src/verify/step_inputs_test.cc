#include "verify/step_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/testing.h"
#include "policy/testing.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

using ::testing::ElementsAre;

TEST(StepInputs, NoiseIsTheSameAgainAndFitsEveryType) {
  policy::Policy policy;
  policy.inputs.resize(3);
  policy.inputs[0].name = "state";
  policy.inputs[0].shape = {2};
  policy.inputs[1].name = "mask";
  policy.inputs[1].dtype = DType::kI64;
  policy.inputs[1].shape = {-1};
  policy.inputs[2].name = "picture";
  policy.inputs[2].dtype = DType::kU8;
  policy.inputs[2].shape = {8, 8, 3};
  policy.schedules["default"].push_back(policy::testing::WindowStep("state", 5, "states"));
  const StepInputs inputs = NoiseSteps(policy);
  EXPECT_EQ(inputs.steps, 6U);
  const auto first = inputs.read(0), again = inputs.read(0), next = inputs.read(1);
  ASSERT_TRUE(first.ok() && again.ok() && next.ok());
  const auto same = [](const Tensor& a, const Tensor& b) { return std::ranges::equal(a.bytes(), b.bytes()); };
  EXPECT_TRUE(same(first->at("state"), again->at("state")));
  EXPECT_FALSE(same(first->at("state"), next->at("state")));
  EXPECT_EQ(first->at("mask").shape(), Shape{4});
  const auto mask = first->at("mask").data<int64_t>();
  EXPECT_EQ(mask[0], 1);
  EXPECT_TRUE(std::ranges::all_of(mask, [](int64_t value) { return value == 0 || value == 1; }));
  EXPECT_GT(std::ranges::max(first->at("picture").data<uint8_t>()), 127);
}

TEST(StepInputs, EpisodesFollowEachOther) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteGrayEpisode(folder.path() / "a.h5", "go left", 0));
  ASSERT_TRUE(WriteGrayEpisode(folder.path() / "b.h5", "go right", 100));
  const auto episodes = data::EpisodeSet::Open({folder.path()});
  ASSERT_TRUE(episodes.ok()) << episodes.error().ToString();
  policy::Policy policy;
  policy.inputs.resize(1);
  policy.inputs[0].name = "observation.images.front";
  policy.inputs[0].type = policy::InputType::kImage;
  policy.inputs[0].shape = {3, 4, 4};
  policy.inputs[0].preprocess.image_size = 4;
  const auto inputs = EpisodeSteps(policy, *episodes);
  ASSERT_TRUE(inputs.ok()) << inputs.error().ToString();
  EXPECT_EQ(inputs->steps, 12U);
  EXPECT_FALSE(inputs->noise);
  EXPECT_THAT(inputs->begins, ElementsAre(6U));
  const auto brightness = [&](size_t step) {
    const auto values = inputs->read(step);
    EXPECT_TRUE(values.ok()) << values.error().ToString();
    return values.ok() ? values->at("observation.images.front").data<float>()[0] : 0;
  };
  const float first = brightness(0), second = brightness(1), other = brightness(6), last = brightness(5);
  EXPECT_LT(first, second);
  EXPECT_LT(second, last);
  EXPECT_FLOAT_EQ(other, last) << "100 gray in both";
  EXPECT_FLOAT_EQ(brightness(0), first);
}

}  // namespace
}  // namespace vlaq::verify

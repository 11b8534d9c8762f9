// The loop on an environment that is known: a robot on a line.
#include "evaluate/closed_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/testing.h"

namespace vlaq::evaluate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Starts at the seed's last digit and shall get to 10; its picture is as bright as its place.
class Line : public Environment {
 public:
  const std::vector<data::Stream>& observations() const override { return observations_; }
  const data::Stream& action() const override { return action_; }
  int max_steps() const override { return 5; }
  Result<std::string> Reset(uint64_t seed) override {
    place_ = static_cast<double>(seed % 10);
    steps_ = 0;
    return std::string("go right");
  }
  Result<Observation> Observe() override {
    Observation observation = Seen(Filled(2, 2, static_cast<uint8_t>(place_)));
    observation["observation.state"] = Tensor::From<float>({1}, std::vector<float>{static_cast<float>(place_)});
    return observation;
  }
  Status Step(std::span<const double> action) override {
    place_ += action[1];
    brakes_ += action[0];
    ++steps_;
    return {};
  }
  bool done() const override { return place_ >= 10 || steps_ == max_steps(); }
  EpisodeResult ResultSoFar(bool opposite) const override {
    return {0, "line", !opposite && place_ >= 10, steps_, {{"place", place_}, {"brakes", brakes_}}};
  }

 private:
  std::vector<data::Stream> observations_{
      {.name = "observation.images.front", .dtype = DType::kU8, .shape = {2, 2, 3}}};
  data::Stream action_{.name = "action", .shape = {2}, .names = {"brake", "move"}, .units = {"N", "m"}};
  double place_ = 0, brakes_ = 0;
  int steps_ = 0;
};

Result<std::unique_ptr<Environment>> MakeLine() { return std::unique_ptr<Environment>(std::make_unique<Line>()); }

ActionSpace Mover() {
  ActionSpace space{.chunk = 1, .action_dim = 1};
  space.names = {"move"};
  space.scale = {4};
  return space;
}

// Moves on as long as it is dark.
const Brain kMover = [](const std::vector<int>& frames, const std::string&) {
  return std::vector<float>{frames.back() < 10 ? 1.0F : 0.0F};
};

TEST(ClosedLoop, ActsInTheEnvironmentsUnitsByName) {
  for (const int threads : {1, 3}) {
    const auto results =
        RunEpisodes(FakeFactory(kMover, Mover()), MakeLine, {{103, 109, 104}, Ablation::kNone, threads}, SilentLog());
    ASSERT_TRUE(results.ok()) << results.error().ToString();
    ASSERT_EQ(results->size(), 3U);
    EXPECT_EQ((*results)[0].seed, 103U);
    EXPECT_EQ((*results)[0].steps, 2);
    EXPECT_EQ((*results)[0].metrics.at("place"), 11);
    EXPECT_EQ((*results)[0].metrics.at("brakes"), 0) << "what it does not command is 0";
    EXPECT_EQ((*results)[1].steps, 1);
    EXPECT_TRUE((*results)[2].succeeded);
  }
}

TEST(ClosedLoop, RefusesWhatDoesNotFit) {
  ActionSpace other = Mover();
  other.names = {"lift"};
  const auto results = RunEpisodes(FakeFactory(kMover, other), MakeLine, {{1}, Ablation::kNone, 1}, SilentLog());
  ASSERT_FALSE(results.ok());
  EXPECT_EQ(results.error().code, ErrorCode::kUsage);
  EXPECT_THAT(results.error().ToString(), AllOf(HasSubstr("fake policy"), HasSubstr("lift"), HasSubstr("brake, move")));
  const auto swapped =
      RunEpisodes(FakeFactory(kMover, Mover()), MakeLine, {{1}, Ablation::kSwappedInstruction, 1}, SilentLog());
  EXPECT_THAT(swapped.error().ToString(), HasSubstr("no opposite of an instruction"));
  EXPECT_THAT(RunExpert(MakeLine, {{1}, Ablation::kNone, 1}, SilentLog()).error().ToString(), HasSubstr("no expert"));
}

// Each row of a chunk moves one further than the one before; the robot is at 0, 1, 3, 6 while the first is played.
TEST(ClosedLoop, PlaysAsManyActionsOfAChunkAsThePolicySays) {
  ActionSpace space = Mover();
  space.chunk = 4;
  space.scale = {1};
  space.clipped = false;
  std::vector<int> shown;
  const Brain brain = [&shown](const std::vector<int>& frames, const std::string&) {
    shown.push_back(frames.back());
    return std::vector<float>{1, 2, 3, 4};
  };
  space.control.n_action_steps = 3;
  const auto played = RunEpisodes(FakeFactory(brain, space), MakeLine, {{0}, Ablation::kNone, 1}, SilentLog());
  ASSERT_TRUE(played.ok()) << played.error().ToString();
  EXPECT_EQ((*played)[0].metrics.at("place"), 1 + 2 + 3 + 1 + 2);
  EXPECT_THAT(shown, ElementsAre(0, 6));
  shown.clear();
  space.control.n_action_steps = 1;
  space.control.temporal_ensemble_coeff = 0.0;  // the plain mean of all that was predicted for a time
  const auto meant = RunEpisodes(FakeFactory(brain, space), MakeLine, {{0}, Ablation::kNone, 1}, SilentLog());
  ASSERT_TRUE(meant.ok()) << meant.error().ToString();
  EXPECT_NEAR((*meant)[0].metrics.at("place"), 1 + 1.5 + 2 + 2.5 + 2.5, 1e-6);
  EXPECT_EQ(shown.size(), 5U);
}

TEST(ActionInUnits, IsClampedAndScaled) {
  const ActionSpace two = BaseSpace(0.6, 2);
  const auto a = ActionInUnits(two, {0, 1}, 3, Tensor::From<float>({2}, std::vector<float>{0.5F, -2}));
  ASSERT_TRUE(a.ok());
  EXPECT_THAT(*a, ElementsAre(0.3, -0.6, 0));
  const ActionSpace three{.chunk = 1, .action_dim = 3, .scale = {2.0}};
  const auto b = ActionInUnits(three, {0, 1, 2}, 3, Tensor::From<float>({3}, std::vector<float>{0, 0.25F, -0.5F}));
  ASSERT_TRUE(b.ok());
  EXPECT_EQ((*b)[1], 0.5);
  EXPECT_EQ((*b)[2], -1);
}

TEST(ActionInUnits, WhatIsNoNumberDrivesNowhere) {
  const auto bad =
      ActionInUnits(BaseSpace(1), {0, 1}, 3, Tensor::From<float>({2}, std::vector<float>{0, std::nanf("")}));
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, ErrorCode::kBackend);
  EXPECT_THAT(bad.error().what, HasSubstr("value 1"));
}

}  // namespace
}  // namespace vlaq::evaluate

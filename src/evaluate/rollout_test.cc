// Drives in the simulator; without one these are skipped, all but the refusals.
#include "evaluate/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "evaluate/sim_environment.h"
#include "evaluate/summary.h"
#include "evaluate/testing.h"

namespace vlaq::evaluate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const ActionSpace kBase = BaseSpace(sim::kMaxSpeed);

const Brain kStandStill = [](const std::vector<int>&, const std::string&) { return std::vector<float>{0, 0}; };
const Brain kStraightOn = [](const std::vector<int>&, const std::string&) { return std::vector<float>{1, 0}; };

class RolloutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = sim::World::Unavailable()) GTEST_SKIP() << *why;
    options_.first_seed = 5'000'000;
    options_.world.width = 32;
    options_.world.height = 18;
  }

  std::vector<Outcome> Drive(const Brain& brain) {
    auto outcomes = RollOut(FakeFactory(brain, kBase), options_, SilentLog());
    EXPECT_TRUE(outcomes.ok()) << outcomes.error().ToString();
    return outcomes.ok() ? *std::move(outcomes) : std::vector<Outcome>{};
  }
  std::vector<Outcome> DriveExpert() {
    auto outcomes = RollOutExpert(options_, SilentLog());
    EXPECT_TRUE(outcomes.ok()) << outcomes.error().ToString();
    return outcomes.ok() ? *std::move(outcomes) : std::vector<Outcome>{};
  }

  RolloutOptions options_;
};

void ExpectSame(const std::vector<Outcome>& a, const std::vector<Outcome>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].seed, b[i].seed);
    EXPECT_EQ(a[i].layout, b[i].layout);
    EXPECT_EQ(a[i].told, b[i].told);
    EXPECT_EQ(a[i].first_passed, b[i].first_passed);
    EXPECT_EQ(a[i].succeeded, b[i].succeeded);
    EXPECT_EQ(a[i].collided, b[i].collided);
    EXPECT_EQ(a[i].steps, b[i].steps);
    EXPECT_EQ(a[i].path_length, b[i].path_length) << "to the last bit";
  }
}

TEST_F(RolloutTest, TheExpertArrivesOnTheToldSide) {
  options_.episodes = 20;
  const auto outcomes = DriveExpert();
  ASSERT_EQ(outcomes.size(), 20U);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    EXPECT_EQ(outcomes[i].seed, 5'000'000 + i);
    EXPECT_EQ(outcomes[i].layout, sim::MakeLayout(outcomes[i].seed).name);
    EXPECT_EQ(outcomes[i].told, sim::MakeLayout(outcomes[i].seed).side);
    EXPECT_GT(outcomes[i].steps, 5);
    EXPECT_GT(outcomes[i].path_length, 1);
  }
  const Summary summary = Summarize(outcomes);
  EXPECT_GE(summary.success.count, 19);
  EXPECT_GE(summary.told_side.count, 19);
  EXPECT_EQ(summary.reached.count + summary.collided.count + summary.timed_out.count, 20) << "each ends in one way";
}

TEST_F(RolloutTest, TheExpertToldTheOtherSidePassesThere) {
  options_.episodes = 8;
  options_.ablation = Ablation::kSwappedInstruction;
  for (const Outcome& outcome : DriveExpert()) {
    EXPECT_EQ(outcome.told, sim::Opposite(sim::MakeLayout(outcome.seed).side));
    if (outcome.first_passed) {
      EXPECT_EQ(outcome.first_passed, outcome.told);
    }
  }
}

TEST_F(RolloutTest, ThreadsAndShardsDoNotChangeOutcomes) {
  // Steers by what it sees and by how many frames it remembers, so that any mixing up of worlds or policies shows.
  const Brain brain = [](const std::vector<int>& frames, const std::string& instruction) {
    const float side = instruction.find("left") == std::string::npos ? -1.0F : 1.0F;
    const float turn = frames.size() < 12 ? 0.6F : -0.4F;
    return std::vector<float>{0.5F + static_cast<float>(frames.back()) / 1024, side * turn};
  };
  options_.episodes = 7;
  const auto one = Drive(brain);
  options_.threads = 3;
  ExpectSame(Drive(brain), one);
  options_.shards = 2;
  std::vector<Outcome> joined(7);
  for (const uint64_t shard : {uint64_t{0}, uint64_t{1}}) {
    options_.shard = shard;
    const auto part = Drive(brain);
    ASSERT_EQ(part.size(), shard == 0 ? 4U : 3U);
    for (size_t i = 0; i < part.size(); ++i) joined[2 * i + shard] = part[i];
  }
  ExpectSame(joined, one);
}

TEST_F(RolloutTest, WhoStandsStillRunsOutOfTime) {
  options_.episodes = 3;
  const auto outcomes = Drive(kStandStill);
  for (const Outcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.timed_out);
    EXPECT_FALSE(outcome.succeeded || outcome.reached || outcome.collided);
    EXPECT_EQ(outcome.steps, sim::kMaxSteps);
    EXPECT_LT(outcome.path_length, 0.5);
    EXPECT_EQ(outcome.first_passed, std::nullopt);
  }
  const auto expert = DriveExpert();
  const auto counts = CompareSuccess(expert, outcomes);
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->only_first + counts->neither, 3);
  EXPECT_GE(counts->only_first, 2);
}

TEST_F(RolloutTest, WhoNeverSteersHitsBoxes) {
  options_.episodes = 12;
  const Summary summary = Summarize(Drive(kStraightOn));
  EXPECT_GE(summary.collided.count, 4);
  EXPECT_LT(summary.success.count, 6);
}

// What the policy is shown and told under each ablation, over one episode.
TEST_F(RolloutTest, ConditionsReachTheDriver) {
  class Watched : public PolicyFactory {
   public:
    Result<std::unique_ptr<PolicyUnderTest>> Make() const override {
      return std::unique_ptr<PolicyUnderTest>(new FakePolicy(witness, kBase, kStandStill));
    }
    std::string name() const override { return "watched"; }
    std::shared_ptr<Witness> witness = std::make_shared<Witness>();
  };
  options_.world.frame_loss = false;
  const std::string instruction = sim::MakeLayout(options_.first_seed).instruction;
  for (const Ablation ablation : AllAblations()) {
    const Watched watched;
    options_.ablation = ablation;
    const auto outcomes = RollOut(watched, options_, SilentLog());
    ASSERT_TRUE(outcomes.ok()) << outcomes.error().ToString();
    const Witness& witness = *watched.witness;
    EXPECT_EQ(witness.heard, std::vector<std::string>{HeardInstruction(ablation, *kBase.traits, instruction)});
    EXPECT_EQ(witness.seen.size(), static_cast<size_t>(sim::kMaxSteps));
    EXPECT_EQ(witness.sizes.front(), std::pair(32, 18));
    EXPECT_EQ(witness.uniform, ablation == Ablation::kGrayImage) << Name(ablation);
    const std::set<int> kinds(witness.seen.begin(), witness.seen.end());
    if (ablation == Ablation::kShuffledImages) {
      EXPECT_GT(kinds.size(), 10U) << "every step shows another scene";
    }
    if (ablation == Ablation::kFrozenImage || ablation == Ablation::kGrayImage) {
      EXPECT_EQ(kinds.size(), 1U);
    }
    EXPECT_EQ(witness.forgot, ablation == Ablation::kOneFrame ? sim::kMaxSteps : 0);
    EXPECT_EQ(outcomes->front().told == sim::MakeLayout(options_.first_seed).side,
              ablation != Ablation::kSwappedInstruction);
  }
}

TEST_F(RolloutTest, AFailingDriverNamesTheSeed) {
  options_.episodes = 2;
  const auto outcomes = RollOut(FakeFactory(kStandStill, kBase, sim::kMaxSteps + 1), options_, SilentLog());
  ASSERT_FALSE(outcomes.ok());
  EXPECT_EQ(outcomes.error().code, ErrorCode::kBackend);
  EXPECT_THAT(outcomes.error().ToString(), AllOf(HasSubstr("seed 5000001"), HasSubstr("no luck")));
}

TEST_F(RolloutTest, ActionsOfSevenValuesAreNoVelocities) {
  const auto outcomes = RollOut(FakeFactory(kStandStill, {.chunk = 1, .action_dim = 7}), options_, SilentLog());
  ASSERT_FALSE(outcomes.ok());
  EXPECT_EQ(outcomes.error().code, ErrorCode::kUsage);
  EXPECT_THAT(outcomes.error().ToString(), AllOf(HasSubstr("fake policy"), HasSubstr("7 values")));
}

TEST(RollOutExpert, HasNoEyesToBeDeprivedOf) {
  RolloutOptions options;
  for (const Ablation ablation : AllAblations()) {
    if (ablation == Ablation::kNone || ablation == Ablation::kSwappedInstruction) continue;
    options.ablation = ablation;
    const auto outcomes = RollOutExpert(options, SilentLog());
    ASSERT_FALSE(outcomes.ok()) << Name(ablation);
    EXPECT_EQ(outcomes.error().code, ErrorCode::kUsage);
    EXPECT_THAT(outcomes.error().ToString(), HasSubstr(std::string(Name(ablation))));
  }
}

TEST(MakePilot, DrivesOnlyABase) {
  const auto pilot = MakePilot(FakeFactory(kStraightOn, kBase));
  ASSERT_TRUE(pilot.ok());
  ASSERT_TRUE((*pilot)->Begin("x").ok());
  const auto command = (*pilot)->Command(Filled(2, 2, 0));
  ASSERT_TRUE(command.ok());
  EXPECT_DOUBLE_EQ((*command)[0], sim::kMaxSpeed);
  EXPECT_FALSE(MakePilot(FakeFactory(kStraightOn, {.chunk = 1, .action_dim = 1})).ok());
}

}  // namespace
}  // namespace vlaq::evaluate

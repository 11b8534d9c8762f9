#include "evaluation/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluation/testing.h"

namespace vlaq::evaluation {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

const families::Traits& Base() { return families::TraitsOf("kosmos2_lstm"); }

std::string Swapped(const std::string& instruction) { return SwapOpposites(Base(), instruction); }

TEST(SwapOpposites, ExchangesTheWordsAndNothingElse) {
  EXPECT_EQ(Swapped("pass left of the box"), "pass right of the box");
  EXPECT_EQ(Swapped("pass on the right"), "pass on the left");
  EXPECT_EQ(Swapped("not left, right!"), "not right, left!");
  EXPECT_EQ(Swapped("(left)/right-hand \"left\""), "(right)/left-hand \"right\"");
  EXPECT_EQ(Swapped("go to the bottle"), "go to the bottle");
  EXPECT_EQ(Swapped(""), "");
}

TEST(SwapOpposites, KeepsCase) {
  EXPECT_EQ(Swapped("Left, then RIGHT"), "Right, then LEFT");
  EXPECT_EQ(Swapped("LEFT"), "RIGHT");
  EXPECT_EQ(Swapped("Right."), "Left.");
}

TEST(SwapOpposites, LeavesWordsThatOnlyHoldThem) {
  for (const std::string text : {"the leftover box", "upright bottle", "rightly", "cleft", "lefty righty", "bright"}) {
    EXPECT_EQ(Swapped(text), text);
  }
  EXPECT_EQ(Swapped("left_over right2"), "right_over left2") << "letters make a word, nothing else";
}

TEST(SwapOpposites, TwiceIsOnce) {
  for (const std::string text : {"Go LEFT, then right; the leftmost", "왼쪽 left \xC3\xA9 Right"}) {
    EXPECT_EQ(Swapped(Swapped(text)), text);
    EXPECT_NE(Swapped(text), text);
  }
}

TEST(Conditions, AFamilyWithoutOppositesIsNotSwapped) {
  EXPECT_EQ(ConditionsFor(Base(), AllConditions()), AllConditions());
  const auto left = ConditionsFor(families::TraitsOf("onnx"), AllConditions());
  EXPECT_EQ(left.size(), AllConditions().size() - 1);
  EXPECT_THAT(left, ::testing::Not(::testing::Contains(Condition::kSwapped)));
  EXPECT_EQ(SwapOpposites(families::TraitsOf("onnx"), "keep left"), "keep left");
}

// All cameras are shut, and what is felt stays.
TEST(Under, EveryPictureIsReplacedAndNoState) {
  class Shown : public FakeDriver {
   public:
    using FakeDriver::FakeDriver;
    Result<Tensor> Act(const Observation& observation) override {
      seen.push_back(observation);
      return FakeDriver::Act(observation);
    }
    std::vector<Observation> seen;
  };
  Shown driver(std::make_shared<Witness>());
  const auto step = [](uint8_t value) {
    return Observation{
        {"a", Tensor::From<uint8_t>({1, 2, 3}, std::vector<uint8_t>(6, value))},
        {"b", Tensor::From<uint8_t>({2, 1, 3}, std::vector<uint8_t>(6, static_cast<uint8_t>(value + 1)))},
        {"state", Tensor::From<float>({1}, std::vector<float>{static_cast<float>(value)})}};
  };
  const auto frozen = Under(Condition::kFrozen, driver);
  ASSERT_TRUE(frozen->Begin("x").ok());
  ASSERT_TRUE(frozen->Act(step(1)).ok());
  ASSERT_TRUE(frozen->Act(step(9)).ok());
  EXPECT_EQ(driver.seen[1].at("a").data<uint8_t>()[0], 1);
  EXPECT_EQ(driver.seen[1].at("b").data<uint8_t>()[0], 2);
  EXPECT_EQ(driver.seen[1].at("state").data<float>()[0], 9);
  const auto blank = Under(Condition::kBlank, driver);
  ASSERT_TRUE(blank->Act(step(1)).ok());
  EXPECT_EQ(driver.seen[2].at("b").data<uint8_t>()[5], 127);
  EXPECT_EQ(driver.seen[2].at("b").shape(), (Shape{2, 1, 3}));
}

TEST(Conditions, NamesRoundTrip) {
  const auto all = AllConditions();
  EXPECT_EQ(all.size(), 7U);
  EXPECT_EQ(all.front(), Condition::kNormal);
  EXPECT_EQ(ConditionNames().size(), all.size());
  for (const Condition condition : all) {
    EXPECT_EQ(FindCondition(Name(condition)), condition);
    EXPECT_FALSE(Description(condition).empty());
    EXPECT_THAT(ConditionNames(), ::testing::Contains(std::string(Name(condition))));
  }
  EXPECT_EQ(FindCondition("blind"), std::nullopt);
  EXPECT_EQ(FindCondition(""), std::nullopt);
}

TEST(HeardInstruction, IsWhatTheConditionLeavesOfIt) {
  for (const Condition condition : AllConditions()) {
    const std::string heard = HeardInstruction(condition, Base(), "keep left");
    const std::string expected = condition == Condition::kDeaf      ? ""
                                 : condition == Condition::kSwapped ? "keep right"
                                                                    : "keep left";
    EXPECT_EQ(heard, expected) << Name(condition);
  }
}

// Drives two episodes of three frames under `condition` and gives back what the driver got.
Witness Watch(Condition condition) {
  auto witness = std::make_shared<Witness>();
  const auto driver = Under(condition, std::make_unique<FakeDriver>(witness, BaseSpace(1)));
  for (const uint8_t episode : {uint8_t{0}, uint8_t{100}}) {
    EXPECT_TRUE(driver->Begin("pass left").ok());
    for (uint8_t t = 1; t <= 3; ++t)
      EXPECT_TRUE(driver->Act(Seen(Filled(4, 2, static_cast<uint8_t>(episode + t)))).ok());
  }
  EXPECT_EQ(driver->space().action_dim, 2);
  EXPECT_EQ(driver->Description(), "fake");
  return *witness;
}

const std::vector<int> kAsTheyCame{1, 2, 3, 101, 102, 103};

TEST(Under, NormalAndShuffledPassEverythingOn) {
  for (const Condition condition : {Condition::kNormal, Condition::kShuffled}) {
    const Witness witness = Watch(condition);
    EXPECT_EQ(witness.seen, kAsTheyCame) << Name(condition);
    EXPECT_THAT(witness.heard, ElementsAre("pass left", "pass left"));
    EXPECT_EQ(witness.forgot, 0);
  }
}

TEST(Under, BlankShowsMidGreyOfTheSameSize) {
  const Witness witness = Watch(Condition::kBlank);
  EXPECT_THAT(witness.seen, ElementsAre(127, 127, 127, 127, 127, 127));
  EXPECT_THAT(witness.sizes, Each(std::pair(4, 2)));
  EXPECT_TRUE(witness.uniform) << "every pixel is grey";
  EXPECT_THAT(witness.heard, Each("pass left"));
}

TEST(Under, FrozenShowsTheFirstFrameOfEachEpisode) {
  EXPECT_THAT(Watch(Condition::kFrozen).seen, ElementsAre(1, 1, 1, 101, 101, 101));
}

TEST(Under, DeafAndSwappedChangeTheInstructionAlone) {
  const Witness deaf = Watch(Condition::kDeaf);
  EXPECT_EQ(deaf.seen, kAsTheyCame);
  EXPECT_THAT(deaf.heard, ElementsAre("", ""));
  const Witness swapped = Watch(Condition::kSwapped);
  EXPECT_EQ(swapped.seen, kAsTheyCame);
  EXPECT_THAT(swapped.heard, ElementsAre("pass right", "pass right"));
}

TEST(Under, OneFrameForgetsBeforeEveryFrame) {
  const Witness witness = Watch(Condition::kOneFrame);
  EXPECT_EQ(witness.seen, kAsTheyCame);
  EXPECT_EQ(witness.forgot, 6);
  EXPECT_THAT(witness.remembered, Each(1)) << "frames in the window at each step";
  EXPECT_THAT(Watch(Condition::kNormal).remembered, ElementsAre(1, 2, 3, 1, 2, 3));
}

// One driver under one condition after the other: each begins anew, and nothing of the last one stays.
TEST(Under, ABorrowedDriverServesAllConditions) {
  auto witness = std::make_shared<Witness>();
  FakeDriver driver(witness, BaseSpace(1));
  for (const Condition condition : AllConditions()) {
    const Witness alone = Watch(condition);
    *witness = Witness();
    const auto wrapped = Under(condition, driver);
    for (const uint8_t episode : {uint8_t{0}, uint8_t{100}}) {
      ASSERT_TRUE(wrapped->Begin("pass left").ok());
      for (uint8_t t = 1; t <= 3; ++t) {
        ASSERT_TRUE(wrapped->Act(Seen(Filled(4, 2, static_cast<uint8_t>(episode + t)))).ok());
      }
    }
    EXPECT_EQ(witness->seen, alone.seen) << Name(condition);
    EXPECT_EQ(witness->heard, alone.heard) << Name(condition);
    EXPECT_EQ(witness->remembered, alone.remembered) << Name(condition);
    EXPECT_EQ(wrapped->Description(), "fake");
    EXPECT_EQ(&wrapped->space(), &driver.space());
  }
}

TEST(Under, ErrorsOfTheDriverComeThrough) {
  for (const Condition condition : AllConditions()) {
    auto witness = std::make_shared<Witness>();
    witness->fail_at_frame = 2;
    const auto driver = Under(condition, std::make_unique<FakeDriver>(witness, BaseSpace(1)));
    ASSERT_TRUE(driver->Begin("x").ok());
    ASSERT_TRUE(driver->Act(Seen(Filled(4, 2, 1))).ok());
    const auto failed = driver->Act(Seen(Filled(4, 2, 2)));
    ASSERT_FALSE(failed.ok()) << Name(condition);
    EXPECT_EQ(failed.error().what, "no luck");
  }
}

}  // namespace
}  // namespace vlaq::evaluation

#include "evaluation/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluation/testing.h"

namespace vlaq::evaluation {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(SwapSides, ExchangesTheWordsAndNothingElse) {
  EXPECT_EQ(SwapSides("pass left of the box"), "pass right of the box");
  EXPECT_EQ(SwapSides("pass on the right"), "pass on the left");
  EXPECT_EQ(SwapSides("not left, right!"), "not right, left!");
  EXPECT_EQ(SwapSides("(left)/right-hand \"left\""), "(right)/left-hand \"right\"");
  EXPECT_EQ(SwapSides("go to the bottle"), "go to the bottle");
  EXPECT_EQ(SwapSides(""), "");
}

TEST(SwapSides, KeepsCase) {
  EXPECT_EQ(SwapSides("Left, then RIGHT"), "Right, then LEFT");
  EXPECT_EQ(SwapSides("LEFT"), "RIGHT");
  EXPECT_EQ(SwapSides("Right."), "Left.");
}

TEST(SwapSides, LeavesWordsThatOnlyHoldThem) {
  for (const std::string text : {"the leftover box", "upright bottle", "rightly", "cleft", "lefty righty", "bright"}) {
    EXPECT_EQ(SwapSides(text), text);
  }
  EXPECT_EQ(SwapSides("left_over right2"), "right_over left2") << "letters make a word, nothing else";
}

TEST(SwapSides, TwiceIsOnce) {
  for (const std::string text : {"Go LEFT, then right; the leftmost", "왼쪽 left \xC3\xA9 Right"}) {
    EXPECT_EQ(SwapSides(SwapSides(text)), text);
    EXPECT_NE(SwapSides(text), text);
  }
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
    const std::string heard = HeardInstruction(condition, "keep left");
    const std::string expected = condition == Condition::kDeaf      ? ""
                                 : condition == Condition::kSwapped ? "keep right"
                                                                    : "keep left";
    EXPECT_EQ(heard, expected) << Name(condition);
  }
}

// Drives two episodes of three frames under `condition` and gives back what the driver got.
Witness Watch(Condition condition) {
  auto witness = std::make_shared<Witness>();
  const auto driver = Under(condition, std::make_unique<FakeDriver>(witness));
  for (const uint8_t episode : {uint8_t{0}, uint8_t{100}}) {
    EXPECT_TRUE(driver->Begin("pass left").ok());
    for (uint8_t t = 1; t <= 3; ++t) EXPECT_TRUE(driver->Act(Filled(4, 2, static_cast<uint8_t>(episode + t))).ok());
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
  FakeDriver driver(witness);
  for (const Condition condition : AllConditions()) {
    const Witness alone = Watch(condition);
    *witness = Witness();
    const auto wrapped = Under(condition, driver);
    for (const uint8_t episode : {uint8_t{0}, uint8_t{100}}) {
      ASSERT_TRUE(wrapped->Begin("pass left").ok());
      for (uint8_t t = 1; t <= 3; ++t) {
        ASSERT_TRUE(wrapped->Act(Filled(4, 2, static_cast<uint8_t>(episode + t))).ok());
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
    const auto driver = Under(condition, std::make_unique<FakeDriver>(witness));
    ASSERT_TRUE(driver->Begin("x").ok());
    ASSERT_TRUE(driver->Act(Filled(4, 2, 1)).ok());
    const auto failed = driver->Act(Filled(4, 2, 2));
    ASSERT_FALSE(failed.ok()) << Name(condition);
    EXPECT_EQ(failed.error().what, "no luck");
  }
}

}  // namespace
}  // namespace vlaq::evaluation

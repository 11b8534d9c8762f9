#include "evaluate/ablation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluate/testing.h"

namespace vlaq::evaluate {
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
  EXPECT_EQ(AblationsFor(Base(), AllAblations()), AllAblations());
  const auto left = AblationsFor(families::TraitsOf("onnx"), AllAblations());
  EXPECT_EQ(left.size(), AllAblations().size() - 1);
  EXPECT_THAT(left, ::testing::Not(::testing::Contains(Ablation::kSwappedInstruction)));
  EXPECT_EQ(SwapOpposites(families::TraitsOf("onnx"), "keep left"), "keep left");
}

// All cameras are shut, and what is felt stays.
TEST(Under, EveryPictureIsReplacedAndNoState) {
  class Shown : public FakePolicy {
   public:
    using FakePolicy::FakePolicy;
    Result<Tensor> Act(const Observation& observation) override {
      seen.push_back(observation);
      return FakePolicy::Act(observation);
    }
    std::vector<Observation> seen;
  };
  Shown tested(std::make_shared<Witness>());
  const auto step = [](uint8_t value) {
    return Observation{
        {"a", Tensor::From<uint8_t>({1, 2, 3}, std::vector<uint8_t>(6, value))},
        {"b", Tensor::From<uint8_t>({2, 1, 3}, std::vector<uint8_t>(6, static_cast<uint8_t>(value + 1)))},
        {"state", Tensor::From<float>({1}, std::vector<float>{static_cast<float>(value)})}};
  };
  const auto frozen = Under(Ablation::kFrozenImage, tested);
  ASSERT_TRUE(frozen->Begin("x").ok());
  ASSERT_TRUE(frozen->Act(step(1)).ok());
  ASSERT_TRUE(frozen->Act(step(9)).ok());
  EXPECT_EQ(tested.seen[1].at("a").data<uint8_t>()[0], 1);
  EXPECT_EQ(tested.seen[1].at("b").data<uint8_t>()[0], 2);
  EXPECT_EQ(tested.seen[1].at("state").data<float>()[0], 9);
  const auto blank = Under(Ablation::kGrayImage, tested);
  ASSERT_TRUE(blank->Act(step(1)).ok());
  EXPECT_EQ(tested.seen[2].at("b").data<uint8_t>()[5], 127);
  EXPECT_EQ(tested.seen[2].at("b").shape(), (Shape{2, 1, 3}));
}

TEST(Conditions, NamesRoundTrip) {
  const auto all = AllAblations();
  EXPECT_EQ(all.size(), 7U);
  EXPECT_EQ(all.front(), Ablation::kNone);
  EXPECT_EQ(AblationNames().size(), all.size());
  for (const Ablation ablation : all) {
    EXPECT_EQ(FindAblation(Name(ablation)), ablation);
    EXPECT_FALSE(Description(ablation).empty());
    EXPECT_THAT(AblationNames(), ::testing::Contains(std::string(Name(ablation))));
  }
  EXPECT_EQ(FindAblation("blind"), std::nullopt);
  EXPECT_EQ(FindAblation(""), std::nullopt);
}

TEST(HeardInstruction, IsWhatTheConditionLeavesOfIt) {
  for (const Ablation ablation : AllAblations()) {
    const std::string heard = HeardInstruction(ablation, Base(), "keep left");
    const std::string expected = ablation == Ablation::kNoInstruction        ? ""
                                 : ablation == Ablation::kSwappedInstruction ? "keep right"
                                                                             : "keep left";
    EXPECT_EQ(heard, expected) << Name(ablation);
  }
}

// Drives two episodes of three frames under `ablation` and gives back what the policy got.
Witness Watch(Ablation ablation) {
  auto witness = std::make_shared<Witness>();
  const auto tested = Under(ablation, std::make_unique<FakePolicy>(witness, BaseSpace(1)));
  for (const uint8_t episode : {uint8_t{0}, uint8_t{100}}) {
    EXPECT_TRUE(tested->Begin("pass left").ok());
    for (uint8_t t = 1; t <= 3; ++t)
      EXPECT_TRUE(tested->Act(Seen(Filled(4, 2, static_cast<uint8_t>(episode + t)))).ok());
  }
  EXPECT_EQ(tested->space().action_dim, 2);
  EXPECT_EQ(tested->Description(), "fake");
  return *witness;
}

const std::vector<int> kAsTheyCame{1, 2, 3, 101, 102, 103};

TEST(Under, NormalAndShuffledPassEverythingOn) {
  for (const Ablation ablation : {Ablation::kNone, Ablation::kShuffledImages}) {
    const Witness witness = Watch(ablation);
    EXPECT_EQ(witness.seen, kAsTheyCame) << Name(ablation);
    EXPECT_THAT(witness.heard, ElementsAre("pass left", "pass left"));
    EXPECT_EQ(witness.forgot, 0);
  }
}

TEST(Under, BlankShowsMidGrayOfTheSameSize) {
  const Witness witness = Watch(Ablation::kGrayImage);
  EXPECT_THAT(witness.seen, ElementsAre(127, 127, 127, 127, 127, 127));
  EXPECT_THAT(witness.sizes, Each(std::pair(4, 2)));
  EXPECT_TRUE(witness.uniform) << "every pixel is gray";
  EXPECT_THAT(witness.heard, Each("pass left"));
}

TEST(Under, FrozenShowsTheFirstFrameOfEachEpisode) {
  EXPECT_THAT(Watch(Ablation::kFrozenImage).seen, ElementsAre(1, 1, 1, 101, 101, 101));
}

TEST(Under, DeafAndSwappedChangeTheInstructionAlone) {
  const Witness deaf = Watch(Ablation::kNoInstruction);
  EXPECT_EQ(deaf.seen, kAsTheyCame);
  EXPECT_THAT(deaf.heard, ElementsAre("", ""));
  const Witness swapped = Watch(Ablation::kSwappedInstruction);
  EXPECT_EQ(swapped.seen, kAsTheyCame);
  EXPECT_THAT(swapped.heard, ElementsAre("pass right", "pass right"));
}

TEST(Under, OneFrameForgetsBeforeEveryFrame) {
  const Witness witness = Watch(Ablation::kOneFrame);
  EXPECT_EQ(witness.seen, kAsTheyCame);
  EXPECT_EQ(witness.forgot, 6);
  EXPECT_THAT(witness.remembered, Each(1)) << "frames in the window at each step";
  EXPECT_THAT(Watch(Ablation::kNone).remembered, ElementsAre(1, 2, 3, 1, 2, 3));
}

// One policy under one ablation after the other: each begins anew, and nothing of the last one stays.
TEST(Under, ABorrowedDriverServesAllConditions) {
  auto witness = std::make_shared<Witness>();
  FakePolicy tested(witness, BaseSpace(1));
  for (const Ablation ablation : AllAblations()) {
    const Witness alone = Watch(ablation);
    *witness = Witness();
    const auto wrapped = Under(ablation, tested);
    for (const uint8_t episode : {uint8_t{0}, uint8_t{100}}) {
      ASSERT_TRUE(wrapped->Begin("pass left").ok());
      for (uint8_t t = 1; t <= 3; ++t) {
        ASSERT_TRUE(wrapped->Act(Seen(Filled(4, 2, static_cast<uint8_t>(episode + t)))).ok());
      }
    }
    EXPECT_EQ(witness->seen, alone.seen) << Name(ablation);
    EXPECT_EQ(witness->heard, alone.heard) << Name(ablation);
    EXPECT_EQ(witness->remembered, alone.remembered) << Name(ablation);
    EXPECT_EQ(wrapped->Description(), "fake");
    EXPECT_EQ(&wrapped->space(), &tested.space());
  }
}

TEST(Under, ErrorsOfTheDriverComeThrough) {
  for (const Ablation ablation : AllAblations()) {
    auto witness = std::make_shared<Witness>();
    witness->fail_at_frame = 2;
    const auto tested = Under(ablation, std::make_unique<FakePolicy>(witness, BaseSpace(1)));
    ASSERT_TRUE(tested->Begin("x").ok());
    ASSERT_TRUE(tested->Act(Seen(Filled(4, 2, 1))).ok());
    const auto failed = tested->Act(Seen(Filled(4, 2, 2)));
    ASSERT_FALSE(failed.ok()) << Name(ablation);
    EXPECT_EQ(failed.error().what, "no luck");
  }
}

}  // namespace
}  // namespace vlaq::evaluate

#include "robot/chunk_player.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace vlaq::robot {
namespace {

constexpr Time kTick = 20 * kMillisecond;

// A chunk of one axis whose actions are `first`, `first` + 1, ...
Chunk ChunkOf(int64_t id, double first, size_t steps, Time observed) {
  Chunk chunk{.id = id, .observed = observed, .steps = steps, .values = {}};
  for (size_t i = 0; i < steps; ++i) chunk.values.push_back(first + static_cast<double>(i));
  return chunk;
}

ChunkPlayer Player(ChunkRule rule, size_t steps = 4) {
  return {TimingSettings{.action_period_ms = 20, .chunk_rule = rule}, 1, steps};
}

// What is due at `now`; -1 if nothing is.
double At(ChunkPlayer& player, Time now) {
  std::array<double, 1> value{};
  return player.At(now, value).due ? value[0] : -1;
}

TEST(ChunkPlayerTest, NothingIsDueBeforeTheFirstChunk) {
  ChunkPlayer player = Player(ChunkRule::kReplace);
  std::array<double, 1> value{5};
  const ChunkPlayer::Due due = player.At(0, value);
  EXPECT_FALSE(due.due);
  EXPECT_FALSE(due.any);
  EXPECT_EQ(value[0], 0);
  EXPECT_EQ(player.covered_until(), kNever);
}

TEST(ChunkPlayerTest, ReplacePlaysTheNewestFromItsFirstAction) {
  ChunkPlayer player = Player(ChunkRule::kReplace);
  player.Push(ChunkOf(0, 10, 4, 0), 100 * kTick);
  EXPECT_EQ(At(player, 100 * kTick), 10);
  EXPECT_EQ(At(player, 101 * kTick - 1), 10);
  EXPECT_EQ(At(player, 101 * kTick), 11);
  EXPECT_EQ(player.covered_until(), 102 * kTick);
  player.Push(ChunkOf(1, 20, 4, 0), 102 * kTick);
  EXPECT_EQ(At(player, 102 * kTick), 20);
  EXPECT_EQ(At(player, 105 * kTick), 23);
  EXPECT_EQ(At(player, 106 * kTick), -1);
  EXPECT_EQ(player.covered_until(), 106 * kTick);
}

TEST(ChunkPlayerTest, WhatWasPlayedLastStays) {
  ChunkPlayer player = Player(ChunkRule::kReplace);
  player.Push(ChunkOf(7, 10, 4, 0), 0);
  std::array<double, 1> value{};
  player.At(3 * kTick, value);
  const ChunkPlayer::Due due = player.At(9 * kTick, value);
  EXPECT_FALSE(due.due);
  EXPECT_TRUE(due.any);
  EXPECT_EQ(value[0], 13);
  EXPECT_EQ(due.index, -1);
}

TEST(ChunkPlayerTest, ReplaceAlignedLeavesOutWhatLiesInThePast) {
  for (const auto& [latency, first] :
       {std::pair<Time, double>{0, 10}, {kTick - 1, 10}, {kTick, 11}, {2 * kTick + 5, 12}, {4 * kTick, -1}}) {
    ChunkPlayer player = Player(ChunkRule::kReplaceAligned);
    player.Push(ChunkOf(0, 10, 4, 1000), 1000 + latency);
    EXPECT_EQ(At(player, 1000 + latency), first) << latency;
  }
}

TEST(ChunkPlayerTest, FirstOnlyPlaysOneActionOfEach) {
  ChunkPlayer player = Player(ChunkRule::kFirstOnly);
  player.Push(ChunkOf(0, 10, 4, 0), 0);
  EXPECT_EQ(At(player, kTick - 1), 10);
  EXPECT_EQ(At(player, kTick), -1);
  player.Push(ChunkOf(1, 20, 4, 0), 2 * kTick);
  EXPECT_EQ(At(player, 2 * kTick), 20);
}

TEST(ChunkPlayerTest, ExhaustWantsAChunkOnlyWhenTheLastIsUsedUp) {
  ChunkPlayer player = Player(ChunkRule::kExhaust);
  EXPECT_TRUE(player.WantsChunk(0));
  player.Push(ChunkOf(0, 10, 4, 0), 0);
  EXPECT_FALSE(player.WantsChunk(0));
  EXPECT_FALSE(player.WantsChunk(4 * kTick - 1));
  EXPECT_TRUE(player.WantsChunk(4 * kTick));
  EXPECT_EQ(At(player, 4 * kTick), -1);
}

TEST(ChunkPlayerTest, MergeWeighsWhatBothKnow) {
  // The second observation comes two slots after the first, its chunk one slot later.
  const auto merged = [](Merge merge) {
    ChunkPlayer player(
        TimingSettings{
            .action_period_ms = 20, .chunk_rule = ChunkRule::kMerge, .merge = merge, .merge_new_weight = 0.75},
        1, 4);
    player.Push(ChunkOf(0, 0, 4, 0), 0);  // slots 0 1 2 3: 0 1 2 3
    std::string played;
    const auto play = [&](Time slot) { played += std::to_string(At(player, slot * kTick)).substr(0, 5) + " "; };
    play(0), play(1), play(2);
    EXPECT_FALSE(player.WantsChunk(kTick));
    EXPECT_TRUE(player.WantsChunk(2 * kTick));
    player.Push(ChunkOf(1, 100, 4, 2 * kTick), 2 * kTick + 1);  // slots 2 3 4 5: 100 101 102 103
    play(2), play(3), play(4), play(5), play(6);
    return played;
  };
  EXPECT_EQ(merged(Merge::kWeighted), "0.000 1.000 2.000 2.000 76.50 102.0 103.0 -1.00 ");  // slot 2 is being played
  EXPECT_EQ(merged(Merge::kLatest), "0.000 1.000 2.000 2.000 101.0 102.0 103.0 -1.00 ");
  EXPECT_EQ(merged(Merge::kAverage), "0.000 1.000 2.000 2.000 52.00 102.0 103.0 -1.00 ");
}

TEST(ChunkPlayerTest, MergeAfterALongSilenceBeginsInThePresent) {
  ChunkPlayer player = Player(ChunkRule::kMerge);
  player.Push(ChunkOf(0, 0, 4, 0), 0);
  player.Push(ChunkOf(1, 100, 4, 50 * kTick), 52 * kTick);
  EXPECT_EQ(At(player, 52 * kTick), 102);
  EXPECT_EQ(At(player, 53 * kTick), 103);
  EXPECT_EQ(At(player, 54 * kTick), -1);
  player.Push(ChunkOf(2, 200, 4, 40 * kTick), 54 * kTick);  // all of it lies in the past
  EXPECT_EQ(At(player, 54 * kTick), -1);
}

TEST(ChunkPlayerTest, ClearForgetsEverythingButTheLastValue) {
  ChunkPlayer player = Player(ChunkRule::kReplace);
  player.Push(ChunkOf(0, 10, 4, 0), 0);
  EXPECT_EQ(At(player, 0), 10);
  player.Clear();
  EXPECT_EQ(At(player, 0), -1);
  EXPECT_EQ(player.covered_until(), kNever);
}

TEST(ChunkPlayerTest, TooLongAChunkIsCut) {
  ChunkPlayer player = Player(ChunkRule::kReplace, 2);
  player.Push(ChunkOf(0, 10, 4, 0), 0);
  EXPECT_EQ(At(player, kTick), 11);
  EXPECT_EQ(At(player, 2 * kTick), -1);
}

}  // namespace
}  // namespace vlaq::robot

#include "base/interrupt.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace vlaq {
namespace {

TEST(WhenInterruptedTest, StopsOnceAndOnlyWhileItLives) {
  EXPECT_FALSE(AskToStop());
  int stops = 0;
  {
    const WhenInterrupted waits([&] { ++stops; });
    EXPECT_TRUE(AskToStop());
    EXPECT_FALSE(AskToStop()) << "the second interruption ends the program";
    EXPECT_EQ(stops, 1);
  }
  {
    const WhenInterrupted waits([&] { ++stops; });
  }
  EXPECT_FALSE(AskToStop());
  EXPECT_EQ(stops, 1);
}

TEST(UndoneBySignalTest, WhatStillLivesIsUndoneOnce) {
  std::string undone;
  const UndoneBySignal first([&] { undone += 'a'; });
  std::optional<UndoneBySignal> second([&] { undone += 'b'; });
  second.reset();
  UndoWhatLasts();
  UndoWhatLasts();
  EXPECT_EQ(undone, "a");
}

}  // namespace
}  // namespace vlaq

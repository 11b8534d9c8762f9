#include "robot/episodes/episode_robot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "data/testing.h"
#include "robot/clock.h"

namespace vlaq::robot::episodes {
namespace {

using ::testing::HasSubstr;

class EpisodeRobotTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Robot>> Open(const EpisodeOptions& options,
                                      const std::string& sensor = "observation.images.front") {
    const std::filesystem::path path = folder_.path() / "e.h5";
    EXPECT_TRUE(data::WriteTestEpisode(path, {.length = 4}));
    auto episode = data::Episode::Open(path);
    EXPECT_TRUE(episode.ok());
    settings_.sensors = {{.feature = sensor,
                          .image = sensor.starts_with("observation.images"),
                          .refuse_frozen = false,
                          .refuse_blank = false}};
    return PlayEpisode(std::move(*episode), settings_, options);
  }
  TemporaryFolder folder_;
  Settings settings_;
};

TEST_F(EpisodeRobotTest, StepsArriveWhenTheyWereMade) {
  auto robot = Open({.real_time = false, .period = 100 * kMillisecond});
  ASSERT_TRUE(robot.ok()) << robot.error().ToString();
  Intake intake(settings_);
  std::vector<uint64_t> seen;
  for (Time now = 0; !(*robot)->finished() && now < kSecond; now += 50 * kMillisecond) {
    ASSERT_TRUE((*robot)->Receive(now, intake).ok());
    seen.push_back(intake.Newest()->numbers[0]);
  }
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 1, 2, 2, 3, 3, 4, 4, 4));
  EXPECT_TRUE(intake.TakeFacts().commands_taken);
}

TEST_F(EpisodeRobotTest, InRealTimeItWaitsForThem) {
  auto robot = Open({.real_time = true, .period = 30 * kMillisecond});
  ASSERT_TRUE(robot.ok());
  Intake intake(settings_);
  const Time begin = MonotonicNow();
  while (!(*robot)->finished()) ASSERT_TRUE((*robot)->Receive(MonotonicNow() + 50 * kMillisecond, intake).ok());
  EXPECT_GE(MonotonicNow() - begin, 119 * kMillisecond);
  EXPECT_EQ(intake.changes(), 4U);
}

TEST_F(EpisodeRobotTest, WhatIsNotRecordedIsNamed) {
  EXPECT_THAT(Open({.period = kSecond}, "observation.state").error().ToString(), HasSubstr("observation.state"));
}

}  // namespace
}  // namespace vlaq::robot::episodes

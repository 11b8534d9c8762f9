#include "quantize/calibrate/sample_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace vlaq::calibrate {
namespace {

using ::testing::HasSubstr;

std::vector<Sample> Draw(const std::vector<int64_t>& lengths, int64_t count, uint64_t seed = 1) {
  const auto drawn = SampleFrames(lengths, count, seed);
  EXPECT_TRUE(drawn.ok()) << (drawn.ok() ? "" : drawn.error().ToString());
  return drawn.ok() ? *drawn : std::vector<Sample>();
}

std::map<size_t, std::vector<int64_t>> ByEpisode(const std::vector<Sample>& samples) {
  std::map<size_t, std::vector<int64_t>> steps;
  for (const Sample& sample : samples) steps[sample.episode].push_back(sample.t);
  return steps;
}

TEST(SampleFrames, TakesAsMuchFromEachEpisodeAsThereIs) {
  const std::vector<int64_t> lengths{20, 3, 1, 40, 20};
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto steps = ByEpisode(Draw(lengths, 34, seed));
    EXPECT_EQ(steps.at(0).size(), 10U);
    EXPECT_EQ(steps.at(1).size(), 3U);
    EXPECT_EQ(steps.at(2).size(), 1U);
    EXPECT_EQ(steps.at(3).size(), 10U);
    EXPECT_EQ(steps.at(4).size(), 10U);
  }
}

TEST(SampleFrames, TakesOneFrameInEachPhase) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const auto& [episode, steps] : ByEpisode(Draw({50, 18}, 10, seed))) {
      ASSERT_EQ(steps.size(), 5U);
      const int64_t length = episode == 0 ? 50 : 18;
      for (size_t phase = 0; phase < 5; ++phase) {
        EXPECT_GE(steps[phase], static_cast<int64_t>(phase) * length / 5);
        EXPECT_LT(steps[phase], static_cast<int64_t>(phase + 1) * length / 5);
      }
    }
  }
}

TEST(SampleFrames, TakesEveryFrameOnceIfAllAreAskedFor) {
  const auto samples = Draw({4, 7, 2}, 13);
  std::set<std::pair<size_t, int64_t>> frames;
  for (const Sample& sample : samples) frames.emplace(sample.episode, sample.t);
  EXPECT_EQ(frames.size(), 13U);
}

TEST(SampleFrames, HalvesAreEvenAndMixed) {
  const auto samples = Draw(std::vector<int64_t>(50, 20), 401);
  int second = 0;
  int in_first_episodes = 0;
  int64_t windows = 0;
  for (const Sample& sample : samples) {
    second += sample.half;
    if (sample.episode < 25) in_first_episodes += sample.half;
    windows += sample.window ? 1 : 0;
  }
  EXPECT_EQ(second, 200);
  EXPECT_NEAR(in_first_episodes, 100, 30);
  EXPECT_EQ(windows, WindowsFor(401));
  EXPECT_EQ(WindowsFor(401), 50);
  EXPECT_EQ(WindowsFor(64), 32);
  EXPECT_EQ(WindowsFor(5), 5);
}

TEST(SampleFrames, TheSeedDecides) {
  const std::vector<int64_t> lengths(10, 30);
  const auto same = [](const std::vector<Sample>& a, const std::vector<Sample>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Sample& x, const Sample& y) {
      return x.episode == y.episode && x.t == y.t && x.half == y.half && x.window == y.window;
    });
  };
  EXPECT_TRUE(same(Draw(lengths, 40, 7), Draw(lengths, 40, 7)));
  EXPECT_FALSE(same(Draw(lengths, 40, 7), Draw(lengths, 40, 8)));
}

TEST(SampleFrames, TooFewIsAnError) {
  const auto refused = [](const std::vector<int64_t>& lengths, int64_t count, const std::string& message) {
    const auto drawn = SampleFrames(lengths, count, 0);
    ASSERT_FALSE(drawn.ok());
    EXPECT_EQ(drawn.error().code, ErrorCode::kInput);
    EXPECT_THAT(drawn.error().ToString(), HasSubstr(message));
  };
  refused({3, 4}, 8, "8 samples were asked for, but there are 7 frames");
  refused({3, 4}, 1, "1 sample cannot show a range");
  refused({3, 4}, 0, "0 samples");
  refused({3, 4}, -1, "-1 samples");
}

}  // namespace
}  // namespace vlaq::calibrate

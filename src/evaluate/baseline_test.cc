#include "evaluate/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "data/writer.h"
#include "evaluate/open_loop_evaluation.h"
#include "evaluate/testing.h"

namespace vlaq::evaluate {
namespace {

const ActionSpace kPairs = BaseSpace(0.5, 2);

void WriteEpisode(const std::filesystem::path& path, const std::vector<data::Command>& commands) {
  std::vector<GrayStep> steps;
  for (const data::Command& command : commands) steps.push_back({100, command});
  ASSERT_TRUE(WriteGrayEpisode(path, "", steps));
}

class BaselineTest : public ::testing::Test {
 protected:
  Baselines Scored(const ActionSpace& space = kPairs) {
    auto set = data::EpisodeSet::Open({folder_.path()});
    EXPECT_TRUE(set.ok());
    auto baselines = ScoreBaselines(space, *set);
    EXPECT_TRUE(baselines.ok());
    return *std::move(baselines);
  }
  TemporaryFolder folder_;
};

TEST_F(BaselineTest, TheConstantIsTheMedianOfAllEpisodes) {
  WriteEpisode(folder_.path() / "a.h5", {{0.5F, 0, 0}, {0.5F, 0.1F, 0}});
  WriteEpisode(folder_.path() / "b.h5", {{0.3F, 0.1F, 0}});
  const Baselines baselines = Scored();
  EXPECT_NEAR(baselines.constant_action[0], 0.5, 1e-7);
  EXPECT_NEAR(baselines.constant_action[1], 0.1, 1e-7);
  ASSERT_EQ(baselines.constant.size(), 2U);
  EXPECT_NEAR(baselines.constant[0].score.RawMae(2), 0.1 / 4, 1e-7);  // one of four values is off by 0.1
  EXPECT_NEAR(baselines.constant[1].score.RawMae(2), 0.2 / 2, 1e-7);
}

TEST_F(BaselineTest, RepeatingStandsStillFirst) {
  WriteEpisode(folder_.path() / "a.h5", {{0.4F, 0, 0}, {0.5F, 0, 0}, {0.5F, 0.1F, 0}});
  const Score score = Scored().repeat[0].score;
  EXPECT_EQ(score.steps, 3);
  EXPECT_NEAR(score.RawMae(2), (0.4 + 0.1 + 0.1) / 6, 1e-7);
}

TEST_F(BaselineTest, NoScaleKeepsThemFromTheRecord) {
  WriteEpisode(folder_.path() / "a.h5", {{0.5F, 0.1F, 0}, {0.5F, 0.1F, 0}});
  for (const double scale : {0.01, 0.5, 60.0}) {
    ActionSpace space = kPairs;
    space.scale = {scale};
    EXPECT_NEAR(Scored(space).constant[0].score.RawMae(2), 0, 1e-6) << scale;
  }
}

}  // namespace
}  // namespace vlaq::evaluate

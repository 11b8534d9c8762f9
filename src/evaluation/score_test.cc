#include "evaluation/score.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vlaq::evaluation {
namespace {

using Row = std::array<float, kMaxAxes>;

Tensor Actions(const ActionSpace& space, const std::vector<float>& values) {
  return Tensor::From<float>({space.chunk, space.action_dim}, values);
}

constexpr ActionSpace kTwoAxes{.chunk = 1, .action_dim = 2, .scale = 0.5, .window = 8};

TEST(DirectionOf, NineClassesAndAThresholdThatItselfMeansStop) {
  struct Case {
    double forward, left;
    std::string_view name;
  };
  for (const Case& c :
       {Case{0, 0, "stop"}, Case{1, 0, "F"}, Case{-1, 0, "B"}, Case{0, 1, "L"}, Case{0, -1, "R"}, Case{1, 1, "FL"},
        Case{1, -1, "FR"}, Case{-1, 1, "BL"}, Case{-1, -1, "BR"}, Case{0.3, -0.3, "stop"}, Case{0.3001, 0.3, "F"},
        Case{0.3, 0.3001, "L"}, Case{-0.3001, -0.3, "B"}, Case{-0.3, -0.3001, "R"}, Case{0.3001, -0.3001, "FR"}}) {
    EXPECT_EQ(kDirectionNames[static_cast<size_t>(DirectionOf(c.forward, c.left))], c.name)
        << c.forward << ", " << c.left;
  }
}

// Two steps, scale 0.5: recorded 0.25 and -0.125 m/s mean 0.5 and -0.25.
TEST(ScoreEpisode, EqualsWhatIsWorkedOutByHand) {
  const std::vector<Row> recorded{{0.25F, -0.125F, 9}, {0, 0.5F, 9}};
  const std::vector<Tensor> predicted{Actions(kTwoAxes, {0.75F, -0.25F}), Actions(kTwoAxes, {-0.5F, 0.5F})};
  const Score score = ScoreEpisode(kTwoAxes, predicted, recorded);
  // Errors: x 0.25 and -0.5; y 0 and -0.5.
  EXPECT_EQ(score.steps, 2);
  EXPECT_DOUBLE_EQ(score.MaeOf(0), 0.375);
  EXPECT_DOUBLE_EQ(score.MaeOf(1), 0.25);
  EXPECT_DOUBLE_EQ(score.Mae(2), 0.3125);
  EXPECT_DOUBLE_EQ(score.Mae(1), 0.375);
  EXPECT_DOUBLE_EQ(score.RmseOf(0), std::sqrt((0.0625 + 0.25) / 2));
  EXPECT_DOUBLE_EQ(score.RmseOf(1), std::sqrt(0.125));
  EXPECT_DOUBLE_EQ(score.Rmse(2), std::sqrt((0.0625 + 0.25 + 0.25) / 4));
  EXPECT_DOUBLE_EQ(score.RawMae(2), 0.3125 / 2) << "in m/s: times the scale";
  EXPECT_DOUBLE_EQ(score.RawRmse(2), std::sqrt((0.0625 + 0.25 + 0.25) / 4) / 2);
  EXPECT_DOUBLE_EQ(score.RawMaeOf(0), 0.375 / 2);
  EXPECT_DOUBLE_EQ(score.RawRmseOf(1), std::sqrt(0.125) / 2);
  EXPECT_EQ(score.absolute[2], 0) << "a turn that the policy does not command is not scored";
  EXPECT_DOUBLE_EQ(score.ChunkMae(), score.Mae(2)) << "a chunk of one is its first action";
}

// A recorded command beyond the scale is one that the policy cannot give: clipped when normalised, not in m/s.
TEST(ScoreEpisode, RecordedCommandsAreClippedToOne) {
  const std::vector<Row> recorded{{1.15F, -2, 0}};
  const Score score = ScoreEpisode(kTwoAxes, {Actions(kTwoAxes, {1, -0.5F})}, recorded);
  EXPECT_DOUBLE_EQ(score.MaeOf(0), 0);
  EXPECT_DOUBLE_EQ(score.MaeOf(1), 0.5);
  EXPECT_NEAR(score.absolute_raw[0], 0.65, 1e-7);
  EXPECT_DOUBLE_EQ(score.absolute_raw[1], 1.75);
  EXPECT_NEAR(score.squared_raw[0], 0.65 * 0.65, 1e-7);
}

TEST(ScoreEpisode, ConfusionCountsRecordedByRowAndPredictedByColumn) {
  const std::vector<Row> recorded{{0.5F, 0, 0}, {0.5F, 0, 0}, {0, 0, 0}};
  const std::vector<Tensor> predicted{Actions(kTwoAxes, {0, 1}), Actions(kTwoAxes, {1, 0}), Actions(kTwoAxes, {0, 0})};
  const Score score = ScoreEpisode(kTwoAxes, predicted, recorded);
  const auto forward = static_cast<size_t>(DirectionOf(1, 0));
  const auto left = static_cast<size_t>(DirectionOf(0, 1));
  EXPECT_EQ(score.directions[forward][left], 1);
  EXPECT_EQ(score.directions[left][forward], 0);
  EXPECT_EQ(score.directions[forward][forward], 1);
  EXPECT_EQ(score.directions[0][0], 1);
  EXPECT_EQ(score.AgreeingDirections(), 2);
  EXPECT_DOUBLE_EQ(score.DirectionAgreement(), 2.0 / 3);
}

// Chunks of 3 over 4 steps: 3 + 3 + 2 + 1 actions lie within the episode, the rest has nothing to be compared with.
TEST(ScoreEpisode, ChunksEndWithTheEpisode) {
  const ActionSpace space{.chunk = 3, .action_dim = 1, .scale = 1, .window = 8};
  const std::vector<Row> recorded{{0, 0, 0}, {0.1F, 0, 0}, {0.2F, 0, 0}, {0.3F, 0, 0}};
  // Step t says what comes at t, t + 1, t + 2: all right, but for one that is off by 0.5 and those past the end.
  std::vector<Tensor> predicted{Actions(space, {0, 0.1F, 0.2F}), Actions(space, {0.1F, 0.7F, 0.3F}),
                                Actions(space, {0.2F, 0.3F, -1}), Actions(space, {0.3F, -1, -1})};
  Score score = ScoreEpisode(space, predicted, recorded);
  EXPECT_EQ(score.chunk_values, 9);
  EXPECT_NEAR(score.chunk_absolute, 0.5, 1e-6);
  EXPECT_NEAR(score.ChunkMae(), 0.5 / 9, 1e-7);
  EXPECT_NEAR(score.Mae(1), 0, 1e-12) << "first actions alone";
}

TEST(ScoreEpisode, ActionsOfMoreThanThreeValuesAreScoredByTheirFirstThree) {
  const ActionSpace space{.chunk = 2, .action_dim = 7, .scale = 1, .window = 8};
  std::vector<float> values(14, 0.9F);
  values[0] = values[1] = values[2] = 0.25F;
  values[7] = values[8] = values[9] = 0.5F;
  const Score score = ScoreEpisode(space, {Actions(space, values), Actions(space, values)}, {{}, {}});
  EXPECT_DOUBLE_EQ(score.Mae(3), 0.25);
  EXPECT_EQ(score.chunk_values, 9);
  EXPECT_DOUBLE_EQ(score.chunk_absolute, 3 * (0.25 + 0.5 + 0.25)) << "the second step's second action is past the end";
}

TEST(Score, AddingEpisodesIsScoringThemTogether) {
  const std::vector<Row> recorded{{0.25F, -0.125F, 0}, {0, 0.5F, 0}, {-0.4F, 0.1F, 0}};
  std::vector<Tensor> predicted{Actions(kTwoAxes, {0.75F, -0.25F}), Actions(kTwoAxes, {-0.5F, 0.5F}),
                                Actions(kTwoAxes, {-0.9F, 0})};
  const Score whole = ScoreEpisode(kTwoAxes, predicted, recorded);
  Score sum;
  for (size_t i = 0; i < 3; ++i) sum.Add(ScoreEpisode(kTwoAxes, {predicted[i]}, {recorded[i]}));
  EXPECT_EQ(sum.steps, 3);
  EXPECT_DOUBLE_EQ(sum.Mae(2), whole.Mae(2));
  EXPECT_DOUBLE_EQ(sum.Rmse(2), whole.Rmse(2));
  EXPECT_DOUBLE_EQ(sum.RawMae(2), whole.RawMae(2));
  EXPECT_DOUBLE_EQ(sum.RawRmse(2), whole.RawRmse(2));
  EXPECT_DOUBLE_EQ(sum.ChunkMae(), whole.ChunkMae());
  EXPECT_EQ(sum.directions, whole.directions);
}

TEST(Score, NothingScoredIsZeroNotANumber) {
  const Score none;
  for (const double value : {none.Mae(2), none.Rmse(2), none.MaeOf(0), none.RmseOf(0), none.RawMae(2), none.RawRmse(2),
                             none.ChunkMae(), none.DirectionAgreement()}) {
    EXPECT_EQ(value, 0);
  }
}

// The scale does not come in: both are normalised already.
TEST(ScoreDifference, IsTheDistanceOfFirstActions) {
  const ActionSpace space{.chunk = 2, .action_dim = 2, .scale = 0.25, .window = 8};
  const std::vector<Tensor> a{Actions(space, {1, 0, 0, 0}), Actions(space, {0.5F, -0.5F, 1, 1})};
  const std::vector<Tensor> b{Actions(space, {0.5F, 0, 9, 9}), Actions(space, {0.5F, 0.5F, -1, -1})};
  const Score score = ScoreDifference(space, a, b);
  EXPECT_DOUBLE_EQ(score.MaeOf(0), 0.25);
  EXPECT_DOUBLE_EQ(score.MaeOf(1), 0.5);
  EXPECT_EQ(score.directions[static_cast<size_t>(DirectionOf(1, 1))][static_cast<size_t>(DirectionOf(1, -1))], 1)
      << "the second series stands in the rows";
  EXPECT_EQ(ScoreDifference(space, a, a).Mae(2), 0);
}

}  // namespace
}  // namespace vlaq::evaluation

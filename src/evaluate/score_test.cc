#include "evaluate/score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/testing.h"

namespace vlaq::evaluate {
namespace {

// Velocities of a base a step, of which the policy's are the first two; of a policy with more values, all.
using Row = std::vector<float>;

Tensor Recorded(const ActionSpace& space, const std::vector<Row>& rows) {
  std::vector<float> values;
  for (const Row& row : rows) values.insert(values.end(), row.begin(), row.begin() + space.action_dim);
  return Tensor::From<float>({static_cast<int64_t>(rows.size()), space.action_dim}, values);
}

size_t ClassOf(double forward, double left) {
  const std::vector<double> action{forward, left};
  return families::TraitsOf("kosmos2_lstm").action_classes->classify(action);
}

Tensor Actions(const ActionSpace& space, const std::vector<float>& values) {
  return Tensor::From<float>({space.chunk, space.action_dim}, values);
}

const ActionSpace kTwoAxes = BaseSpace(0.5);

// Two steps, scale 0.5: recorded 0.25 and -0.125 m/s mean 0.5 and -0.25.
TEST(ScoreEpisode, EqualsWhatIsWorkedOutByHand) {
  const std::vector<Row> recorded{{0.25F, -0.125F, 9}, {0, 0.5F, 9}};
  const std::vector<Tensor> predicted{Actions(kTwoAxes, {0.75F, -0.25F}), Actions(kTwoAxes, {-0.5F, 0.5F})};
  const Score score = ScoreEpisode(kTwoAxes, predicted, Recorded(kTwoAxes, recorded));
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
  EXPECT_EQ(score.absolute.size(), 2U) << "a turn that the policy does not command is not scored";
  EXPECT_DOUBLE_EQ(score.ChunkMae(), score.Mae(2)) << "a chunk of one is its first action";
}

// A recorded command beyond the scale is one that the policy cannot give: clipped when normalized, not in m/s.
TEST(ScoreEpisode, RecordedCommandsAreClippedToOne) {
  const std::vector<Row> recorded{{1.15F, -2, 0}};
  const Score score = ScoreEpisode(kTwoAxes, {Actions(kTwoAxes, {1, -0.5F})}, Recorded(kTwoAxes, recorded));
  EXPECT_DOUBLE_EQ(score.MaeOf(0), 0);
  EXPECT_DOUBLE_EQ(score.MaeOf(1), 0.5);
  EXPECT_NEAR(score.absolute_raw[0], 0.65, 1e-7);
  EXPECT_DOUBLE_EQ(score.absolute_raw[1], 1.75);
  EXPECT_NEAR(score.squared_raw[0], 0.65 * 0.65, 1e-7);
}

TEST(ScoreEpisode, ConfusionCountsRecordedByRowAndPredictedByColumn) {
  const std::vector<Row> recorded{{0.5F, 0, 0}, {0.5F, 0, 0}, {0, 0, 0}};
  const std::vector<Tensor> predicted{Actions(kTwoAxes, {0, 1}), Actions(kTwoAxes, {1, 0}), Actions(kTwoAxes, {0, 0})};
  const Score score = ScoreEpisode(kTwoAxes, predicted, Recorded(kTwoAxes, recorded));
  const auto forward = ClassOf(1, 0);
  const auto left = ClassOf(0, 1);
  EXPECT_EQ(score.directions[forward][left], 1);
  EXPECT_EQ(score.directions[left][forward], 0);
  EXPECT_EQ(score.directions[forward][forward], 1);
  EXPECT_EQ(score.directions[0][0], 1);
  EXPECT_EQ(score.AgreeingDirections(), 2);
  EXPECT_DOUBLE_EQ(score.DirectionAgreement(), 2.0 / 3);
}

// Chunks of 3 over 4 steps: 3 + 3 + 2 + 1 actions lie within the episode, the rest has nothing to be compared with.
TEST(ScoreEpisode, ChunksEndWithTheEpisode) {
  const ActionSpace space{.chunk = 3, .action_dim = 1};
  const std::vector<Row> recorded{{0, 0, 0}, {0.1F, 0, 0}, {0.2F, 0, 0}, {0.3F, 0, 0}};
  // Step t says what comes at t, t + 1, t + 2: all right, but for one that is off by 0.5 and those past the end.
  std::vector<Tensor> predicted{Actions(space, {0, 0.1F, 0.2F}), Actions(space, {0.1F, 0.7F, 0.3F}),
                                Actions(space, {0.2F, 0.3F, -1}), Actions(space, {0.3F, -1, -1})};
  Score score = ScoreEpisode(space, predicted, Recorded(space, recorded));
  EXPECT_EQ(score.chunk_values, 9);
  EXPECT_NEAR(score.chunk_absolute, 0.5, 1e-6);
  EXPECT_NEAR(score.ChunkMae(), 0.5 / 9, 1e-7);
  EXPECT_NEAR(score.Mae(1), 0, 1e-12) << "first actions alone";
}

TEST(ScoreEpisode, ActionsOfAnyWidthAreScoredWhole) {
  const ActionSpace space{.chunk = 2, .action_dim = 7};
  std::vector<float> values(14, 0.5F);
  for (size_t i = 0; i < 7; ++i) values[i] = 0.25F;
  values[6] = -1;
  const Score score = ScoreEpisode(space, {Actions(space, values), Actions(space, values)},
                                   Recorded(space, {Row(7, 0.0F), Row(7, 0.0F)}));
  EXPECT_DOUBLE_EQ(score.MaeOf(6), 1);
  EXPECT_DOUBLE_EQ(score.Mae(7), (6 * 0.25 + 1) / 7);
  EXPECT_EQ(score.chunk_values, 21);
  EXPECT_DOUBLE_EQ(score.chunk_absolute, 2 * (6 * 0.25 + 1) + 7 * 0.5)
      << "the last chunk's second action is past the end";
  EXPECT_TRUE(score.directions.empty()) << "the family names no classes";
  EXPECT_EQ(score.DirectionAgreement(), 0);
}

// As LeRobot's policies have it: a mean and a deviation of each joint, and nothing is clipped.
TEST(ScoreEpisode, UnitsAreThoseOfEachValue) {
  ActionSpace space{.chunk = 1, .action_dim = 2};
  space.scale = {0.5, 2};
  space.offset = {1, -1};
  space.clipped = false;
  const Score score = ScoreEpisode(space, {Actions(space, {3, 0})}, Recorded(space, {{2, 1}}));
  EXPECT_DOUBLE_EQ(score.MaeOf(0), 1) << "2 is 2 deviations above the mean";
  EXPECT_DOUBLE_EQ(score.RawMaeOf(0), 0.5);
  EXPECT_DOUBLE_EQ(score.MaeOf(1), 1);
  EXPECT_DOUBLE_EQ(score.RawMaeOf(1), 2);
}

TEST(RecordedColumns, AreThoseOfTheNames) {
  const data::Stream three{"action", DType::kF32, {3}, {"x", "y", "turn"}, {"m/s", "m/s", "rad/s"}, {}};
  ActionSpace space{.chunk = 1, .action_dim = 2};
  space.names = {"turn", "x"};
  EXPECT_EQ(*RecordedColumns(space, three), (std::vector<size_t>{2, 0}));
  const auto completed = CompletedBy(space, three);
  ASSERT_TRUE(completed.ok());
  EXPECT_EQ(completed->units, (std::vector<std::string>{"rad/s", "m/s"}));
  EXPECT_EQ(completed->UnitText(), "rad/s, m/s");
  space.names = {"x", "z"};
  const auto missing = RecordedColumns(space, three);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().ToString().find("'z'"), std::string::npos);
  EXPECT_NE(missing.error().ToString().find("x, y, turn"), std::string::npos);
  space.names.clear();
  EXPECT_FALSE(RecordedColumns(space, three).ok()) << "which two of three?";
  space.action_dim = 3;
  EXPECT_EQ(CompletedBy(space, three)->AxisName(2), "turn");
  EXPECT_EQ(space.AxisName(2), "action[2]");
}

TEST(Score, AddingEpisodesIsScoringThemTogether) {
  const std::vector<Row> recorded{{0.25F, -0.125F, 0}, {0, 0.5F, 0}, {-0.4F, 0.1F, 0}};
  std::vector<Tensor> predicted{Actions(kTwoAxes, {0.75F, -0.25F}), Actions(kTwoAxes, {-0.5F, 0.5F}),
                                Actions(kTwoAxes, {-0.9F, 0})};
  const Score whole = ScoreEpisode(kTwoAxes, predicted, Recorded(kTwoAxes, recorded));
  Score sum;
  for (size_t i = 0; i < 3; ++i) sum.Add(ScoreEpisode(kTwoAxes, {predicted[i]}, Recorded(kTwoAxes, {recorded[i]})));
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

// The scale does not come in: both are normalized already.
TEST(ScoreDifference, IsTheDistanceOfFirstActions) {
  const ActionSpace space = BaseSpace(0.25, 2);
  const std::vector<Tensor> a{Actions(space, {1, 0, 0, 0}), Actions(space, {0.5F, -0.5F, 1, 1})};
  const std::vector<Tensor> b{Actions(space, {0.5F, 0, 9, 9}), Actions(space, {0.5F, 0.5F, -1, -1})};
  const Score score = ScoreDifference(space, a, b);
  EXPECT_DOUBLE_EQ(score.MaeOf(0), 0.25);
  EXPECT_DOUBLE_EQ(score.MaeOf(1), 0.5);
  EXPECT_EQ(score.directions[ClassOf(1, 1)][ClassOf(1, -1)], 1) << "the second series stands in the rows";
  EXPECT_EQ(ScoreDifference(space, a, a).Mae(2), 0);
}

}  // namespace
}  // namespace vlaq::evaluate

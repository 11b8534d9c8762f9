// Recorded episodes in, scores out, with policies whose answers are known. On several threads: a thread test.
#include "evaluate/open_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/testing.h"
#include "evaluate/open_loop_evaluation.h"
#include "evaluate/testing.h"

namespace vlaq::evaluate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const ActionSpace kSpace = BaseSpace(0.5);

// An episode of gray frames: frame t is `first` + 10 t. The command of step t is (frame / 255, side / 4) times 0.5,
// side 1 where the instruction says left.
bool WriteEpisode(const std::filesystem::path& path, const std::string& instruction, int length, int first) {
  const float side = instruction.find("left") == std::string::npos ? -1.0F : 1.0F;
  std::vector<GrayStep> steps;
  for (int t = 0; t < length; ++t) {
    const int gray = first + 10 * t;
    steps.push_back({gray, {0.5F * static_cast<float>(gray) / 255, 0.125F * side, 0}});
  }
  return WriteGrayEpisode(path, instruction, steps);
}

float Seen(const std::vector<int>& frames) { return static_cast<float>(frames.back()) / 255; }

float Heard(const std::string& instruction) {
  if (instruction.empty()) return 0;
  return instruction.find("left") == std::string::npos ? -0.25F : 0.25F;
}

const Brain kPerfect = [](const std::vector<int>& frames, const std::string& instruction) {
  return std::vector<float>{Seen(frames), Heard(instruction)};
};
const Brain kBlind = [](const std::vector<int>&, const std::string& instruction) {
  return std::vector<float>{0.5F, Heard(instruction)};
};
const Brain kDeafBrain = [](const std::vector<int>& frames, const std::string&) {
  return std::vector<float>{Seen(frames), 0.25F};
};
// Answers by how many frames it remembers.
const Brain kCounter = [](const std::vector<int>& frames, const std::string&) {
  return std::vector<float>{static_cast<float>(frames.size()) / 100, 0};
};

class OpenLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WriteEpisode(folder_.path() / "a1.h5", "pass left of the box", 6, 20));
    ASSERT_TRUE(WriteEpisode(folder_.path() / "a2.h5", "pass right of the box", 9, 50));
    ASSERT_TRUE(WriteEpisode(folder_.path() / "a3.h5", "keep right", 1, 90));
    ASSERT_TRUE(WriteEpisode(folder_.path() / "a10.h5", "keep left", 4, 100));
  }

  std::vector<EpisodeScore> ScoreOf(const Brain& brain, Ablation ablation, int threads = 1,
                                    const ActionSpace& space = kSpace) {
    const auto set = data::EpisodeSet::Open({folder_.path()});
    EXPECT_TRUE(set.ok());
    auto scores = ScoreEpisodes(FakeFactory(brain, space), *set, {ablation, threads}, SilentLog());
    EXPECT_TRUE(scores.ok()) << scores.error().ToString();
    return *std::move(scores);
  }

  double Moved(const Brain& brain, Ablation ablation) { return Movement(kSpace, ScoreOf(brain, ablation)).value; }

  TemporaryFolder folder_;
};

TEST_F(OpenLoopTest, APerfectDriverMakesNoError) {
  const auto scores = ScoreOf(kPerfect, Ablation::kNone);
  ASSERT_EQ(scores.size(), 4U);
  const std::vector<std::string> names{"a1.h5", "a2.h5", "a3.h5", "a10.h5"};
  const std::vector<int64_t> steps{6, 9, 1, 4};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(scores[i].name, names[i]);
    EXPECT_EQ(scores[i].score.steps, steps[i]);
    EXPECT_NEAR(scores[i].score.Mae(2), 0, 1e-7) << "in normalized units: the scale was taken out of what is recorded";
    EXPECT_EQ(scores[i].score.DirectionAgreement(), 1);
    EXPECT_EQ(scores[i].hash.size(), 64U);
    EXPECT_EQ(scores[i].moved.steps, 0) << "nothing to compare the normal ablation with";
  }
  EXPECT_EQ(scores[1].instruction, "pass right of the box");
  EXPECT_NE(scores[0].hash, scores[1].hash);
  EXPECT_EQ(Total(scores).steps, 20);
}

TEST_F(OpenLoopTest, ErrorsAreThoseWorkedOutByHand) {
  const auto scores = ScoreOf(kBlind, Ablation::kNone);
  // Episode a3 is one frame, 90: |0.5 - 90 / 255|, and the side is right.
  EXPECT_NEAR(scores[2].score.MaeOf(0), 0.5 - 90.0 / 255, 1e-6);
  EXPECT_NEAR(scores[2].score.MaeOf(1), 0, 1e-7);
  EXPECT_NEAR(scores[2].score.RawMae(2), (0.5 - 90.0 / 255) / 2 * 0.5, 1e-6);
  EXPECT_NEAR(scores[2].score.Mae(kSpace.traits->training_mae->axes), (0.5 - 90.0 / 255) / 2, 1e-6);
}

TEST_F(OpenLoopTest, ThreadsDoNotChangeResults) {
  for (const Ablation ablation : {Ablation::kNone, Ablation::kShuffledImages, Ablation::kOneFrame}) {
    OpenLoopEvaluation one{{{"fake", "x", ""}, kSpace, {{ablation, ScoreOf(kPerfect, ablation, 1)}}}, {}, {}};
    OpenLoopEvaluation three{{{"fake", "x", ""}, kSpace, {{ablation, ScoreOf(kPerfect, ablation, 3)}}}, {}, {}};
    EXPECT_EQ(ToJson(one).dump(), ToJson(three).dump()) << Name(ablation);
  }
}

TEST_F(OpenLoopTest, ABlindDriverIsNotMovedByWhatItIsShown) {
  for (const Ablation ablation : {Ablation::kGrayImage, Ablation::kFrozenImage, Ablation::kShuffledImages}) {
    EXPECT_EQ(Moved(kBlind, ablation), 0) << Name(ablation);
    EXPECT_GT(Moved(kPerfect, ablation), 0.01) << Name(ablation);
  }
  EXPECT_GT(Moved(kBlind, Ablation::kSwappedInstruction), 0.1) << "it hears";
}

TEST_F(OpenLoopTest, ADeafDriverIsNotMovedByWhatItIsTold) {
  for (const Ablation ablation : {Ablation::kSwappedInstruction, Ablation::kNoInstruction}) {
    EXPECT_EQ(Moved(kDeafBrain, ablation), 0) << Name(ablation);
  }
  EXPECT_GT(Moved(kDeafBrain, Ablation::kGrayImage), 0.01) << "it sees";
  // Swapped: 0.25 becomes -0.25 on one of two axes. Deaf: it becomes 0.
  EXPECT_NEAR(Moved(kPerfect, Ablation::kSwappedInstruction), 0.25, 1e-7);
  EXPECT_NEAR(Moved(kPerfect, Ablation::kNoInstruction), 0.125, 1e-7);
}

TEST_F(OpenLoopTest, OnlyADriverThatRemembersIsMovedByLosingItsMemory) {
  EXPECT_EQ(Moved(kPerfect, Ablation::kOneFrame), 0);
  EXPECT_GT(Moved(kCounter, Ablation::kOneFrame), 0.01);
}

TEST_F(OpenLoopTest, BlankFramesAreGrayAndFrozenOnesTheFirst) {
  // Mid gray everywhere: the error of each step is |127 - frame| / 255.
  const auto blank = ScoreOf(kPerfect, Ablation::kGrayImage);
  EXPECT_NEAR(blank[2].score.MaeOf(0), (127 - 90) / 255.0, 1e-6);
  EXPECT_EQ(blank[2].moved.steps, 1);
  // Frozen: step t is off by 10 t; over 6 steps 25 on average.
  const auto frozen = ScoreOf(kPerfect, Ablation::kFrozenImage);
  EXPECT_NEAR(frozen[0].score.MaeOf(0), 25 / 255.0, 1e-6);
  EXPECT_NEAR(frozen[0].moved.MaeOf(0), 25 / 255.0, 1e-6);
}

TEST_F(OpenLoopTest, ShuffledShowsEveryFrameOnceInAnotherOrder) {
  const auto set = data::EpisodeSet::Open({folder_.path()});
  ASSERT_TRUE(set.ok());
  const auto episode = set->OpenEpisode(1);
  ASSERT_TRUE(episode.ok());
  auto witness = std::make_shared<Witness>();
  const auto shown = [&] {
    witness->seen.clear();
    EXPECT_TRUE(Predict(std::make_unique<FakePolicy>(witness), **episode, Ablation::kShuffledImages).ok());
    return witness->seen;
  };
  const std::vector<int> in_order{50, 60, 70, 80, 90, 100, 110, 120, 130};
  const std::vector<int> first = shown();
  EXPECT_THAT(first, ::testing::UnorderedElementsAreArray(in_order));
  EXPECT_NE(first, in_order);
  EXPECT_EQ(shown(), first) << "the same at every run";
}

std::string Text(const std::vector<AblationScores>& ablations) {
  return ToJson(OpenLoopEvaluation{{{"fake", "x", ""}, kSpace, ablations}, {}, {}}).dump();
}

TEST_F(OpenLoopTest, ManyConditionsAtOnceAreThoseOneByOne) {
  const auto set = data::EpisodeSet::Open({folder_.path()});
  ASSERT_TRUE(set.ok());
  const Brain brain = [](const std::vector<int>& frames, const std::string& instruction) {
    return std::vector<float>{Seen(frames) / static_cast<float>(frames.size()), Heard(instruction)};
  };
  std::vector<Ablation> ablations = AllAblations();
  std::ranges::reverse(ablations);
  std::vector<AblationScores> one_by_one;
  for (const Ablation ablation : ablations) one_by_one.push_back({ablation, ScoreOf(brain, ablation)});
  for (const int threads : {1, 3}) {
    const auto at_once = ScoreAblations(FakeFactory(brain, kSpace), *set, ablations, threads, SilentLog());
    ASSERT_TRUE(at_once.ok());
    EXPECT_EQ(Text(*at_once), Text(one_by_one)) << threads;
  }
  const auto none = ScoreAblations(FakeFactory(brain, kSpace), *set, {}, 1, SilentLog());
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

// A policy's frames, and how many policies were made.
class CountingFactory : public PolicyFactory {
 public:
  Result<std::unique_ptr<PolicyUnderTest>> Make() const override {
    ++made;
    return std::unique_ptr<PolicyUnderTest>(new FakePolicy(witness, kSpace));
  }
  std::string name() const override { return "counted"; }

  mutable int made = 0;
  std::shared_ptr<Witness> witness = std::make_shared<Witness>();
};

TEST_F(OpenLoopTest, WhatIsNormalIsAskedOnce) {
  const auto set = data::EpisodeSet::Open({folder_.path()});
  ASSERT_TRUE(set.ok());
  const CountingFactory factory;
  const auto scores = ScoreAblations(factory, *set, AllAblations(), 1, SilentLog());
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(factory.made, 1) << "a driver may take gigabytes";
  EXPECT_EQ(factory.witness->seen.size(), 7U * 20U) << "20 steps under each of 7 ablations";
}

TEST_F(OpenLoopTest, AFailureNamesTheEpisode) {
  const auto set = data::EpisodeSet::Open({folder_.path()});
  ASSERT_TRUE(set.ok());
  for (const int threads : {1, 3}) {
    // With one thread, frame 8 of all is the second of the second episode.
    const auto scores = ScoreEpisodes(FakeFactory(kPerfect, kSpace, 8), *set, {Ablation::kNone, threads}, SilentLog());
    if (threads == 1) {
      ASSERT_FALSE(scores.ok());
    }
    if (scores.ok()) continue;  // with three, each policy may see fewer than 8 frames
    EXPECT_EQ(scores.error().code, ErrorCode::kBackend);
    // Which episode it is with three is up to the scheduler.
    EXPECT_THAT(scores.error().ToString(), AllOf(HasSubstr(threads == 1 ? "a2.h5" : ".h5: "), HasSubstr("no luck")));
  }
}

TEST_F(OpenLoopTest, AFileThatBreaksLaterIsNamedToo) {
  const auto set = data::EpisodeSet::Open({folder_.path()});
  ASSERT_TRUE(set.ok());
  std::filesystem::remove(folder_.path() / "a3.h5");
  const auto scores = ScoreEpisodes(FakeFactory(kPerfect, kSpace), *set, {Ablation::kNone, 2}, SilentLog());
  ASSERT_FALSE(scores.ok());
  EXPECT_EQ(scores.error().code, ErrorCode::kInput);
  EXPECT_THAT(scores.error().ToString(), HasSubstr("a3.h5"));
}

TEST_F(OpenLoopTest, TheDocumentHoldsConditionsEpisodesAndThePairedDifference) {
  const auto evaluated = [&](const Brain& brain) {
    OpenLoopPolicy c{{"bundle", "x", "hash"}, kSpace, {}};
    for (const Ablation ablation : {Ablation::kNone, Ablation::kGrayImage}) {
      c.ablations.push_back({ablation, ScoreOf(brain, ablation)});
    }
    return c;
  };
  OpenLoopEvaluation evaluation{evaluated(kBlind), evaluated(kPerfect), {"broken.h5: no"}};
  const Json json = ToJson(evaluation);
  EXPECT_EQ(json["schema"], "vlaq.eval/2");
  EXPECT_EQ(json["mode"], "open_loop");
  EXPECT_EQ(json["skipped"][0], "broken.h5: no");
  const Json& ablations = json["policy"]["ablations"];
  ASSERT_EQ(ablations.size(), 2U);
  EXPECT_EQ(ablations[1]["ablation"], "gray_image");
  EXPECT_FALSE(ablations[0].contains("moved"));
  EXPECT_EQ(ablations[1]["moved"]["value"], 0.0);
  EXPECT_EQ(ablations[0]["episodes"].size(), 4U);
  EXPECT_EQ(ablations[0]["episodes"][3]["name"], "a10.h5");
  EXPECT_EQ(ablations[0]["summary"]["steps"], 20);
  EXPECT_EQ(ablations[0]["summary"]["axes"].size(), 2U);
  EXPECT_EQ(ablations[0]["summary"]["direction_confusion"].size(), 9U);
  // The second makes no error, so the difference is the first one's MAE, and surely positive.
  const Json& difference = json["comparison"][0]["mae_difference"];
  EXPECT_NEAR(difference["value"].get<double>(), ablations[0]["summary"]["mae"].get<double>(), 1e-6);
  EXPECT_GT(difference["bootstrap_95"][0].get<double>(), 0);
  EXPECT_EQ(json["channel_order"], "rgb");
  EXPECT_EQ(json["directions"][4], "R");
  EXPECT_FALSE(json["vlaq_version"].get<std::string>().empty());
}

// The second policy is perfect: what it is behind by is what the first one errs by, figure for figure.
TEST_F(OpenLoopTest, DifferencesAreThoseOfTheFigures) {
  const auto evaluated = [&](const Brain& brain) {
    return OpenLoopPolicy{{}, kSpace, {{Ablation::kNone, ScoreOf(brain, Ablation::kNone)}}};
  };
  const OpenLoopPolicy blind = evaluated(kBlind);
  const OpenLoopPolicy perfect = evaluated(kPerfect);
  const Score total = Total(blind.ablations[0].episodes);
  const Differences d = Compare(blind, perfect, 0);
  EXPECT_NEAR(d.mae.value, total.Mae(2), 1e-7);
  ASSERT_EQ(d.axes.size(), 2U);
  EXPECT_NEAR(d.axes[0].value, total.MaeOf(0), 1e-7);
  EXPECT_NEAR(d.axes[1].value, 0, 1e-7) << "it hears as well as the other";
  EXPECT_NEAR(d.mae_raw.value, total.RawMae(2), 1e-7);
  ASSERT_TRUE(d.original.has_value() && d.directions.has_value());
  EXPECT_NEAR(d.original->value, total.Mae(2), 1e-7);
  EXPECT_NEAR(d.directions->value, total.DirectionAgreement() - 1, 1e-12);
  EXPECT_LT(d.directions->value, 0);
  for (const Estimate& e : {d.mae, d.axes[0], d.axes[1], d.mae_raw, *d.original, *d.directions}) {
    EXPECT_LE(e.interval.low, e.value);
    EXPECT_GE(e.interval.high, e.value);
  }
  const Differences back = Compare(perfect, blind, 0);
  EXPECT_DOUBLE_EQ(back.mae.value, -d.mae.value);
  EXPECT_DOUBLE_EQ(back.mae.interval.low, -d.mae.interval.high);
  EXPECT_EQ(MaeDifference(blind, perfect, 0).interval.low, d.mae.interval.low);
}

// One episode has no spread: null in JSON, which has no infinity.
TEST_F(OpenLoopTest, AnIntervalOfOneEpisodeIsNull) {
  const auto set = data::EpisodeSet::Open({folder_.path() / "a1.h5"});
  ASSERT_TRUE(set.ok());
  const auto scores = ScoreEpisodes(FakeFactory(kPerfect, kSpace), *set, {Ablation::kGrayImage, 1}, SilentLog());
  ASSERT_TRUE(scores.ok());
  const OpenLoopEvaluation evaluation{{{"fake", "x", ""}, kSpace, {{Ablation::kGrayImage, *scores}}}, {}, {}};
  EXPECT_TRUE(ToJson(evaluation)["policy"]["ablations"][0]["moved"]["bootstrap_95"][0].is_null());
}

}  // namespace
}  // namespace vlaq::evaluate

// The tolerance against a reference, both ways, and episodes that were seen before.
#include "verify/open_loop_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/json.h"
#include "base/testing.h"
#include "data/content.h"
#include "data/split.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

using evaluate::Brain;
using evaluate::FakeFactory;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// The perfect driver, off by `left` on both axes where he is told left, else by `right`.
Brain Biased(float left, float right) {
  return [left, right](const std::vector<int>& frames, const std::string& instruction) {
    const float bias = SideOf(instruction) > 0 ? left : right;
    return std::vector<float>{SpeedOf(frames.back()) + bias, SideOf(instruction) + bias};
  };
}

class OpenLoopCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 4; ++i) {
      const std::string name = "episode" + std::to_string(i) + ".h5";
      ASSERT_TRUE(WriteGrayEpisode(folder_.path() / name, i % 2 == 0 ? "pass left" : "pass right", 20 + 10 * i));
    }
  }

  data::EpisodeSet Episodes(const std::string& only = "") {
    auto set = data::EpisodeSet::Open({only.empty() ? folder_.path() : folder_.path() / only});
    EXPECT_TRUE(set.ok());
    return *std::move(set);
  }

  // The check "reference actions" of a policy against the perfect driver.
  Check AgainstPerfect(const Brain& brain, OpenLoopCheckOptions options = {}, const std::string& only = "") {
    const FakeFactory policy(brain, kTestSpace);
    const FakeFactory perfect(kPerfect, kTestSpace);
    const JudgedPolicy reference{perfect, kTestSpace, ""};
    Report report;
    const Status status =
        CheckOpenLoop({policy, kTestSpace, ""}, &reference, Episodes(only), options, SilentLog(), report);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
    const Check* check = FindCheck(report, "reference actions");
    return check == nullptr ? Check{} : *check;
  }

  Report Alone(const Brain& brain, const evaluate::ActionSpace& space = kTestSpace, OpenLoopCheckOptions options = {},
               const std::string& only = "") {
    const FakeFactory policy(brain, space);
    Report report;
    EXPECT_TRUE(CheckOpenLoop({policy, space, ""}, nullptr, Episodes(only), options, SilentLog(), report).ok());
    return report;
  }

  // A split whose part "train" holds these episodes, and whose part "test" another one.
  std::string WriteSplit(const std::vector<std::string>& seen) {
    data::Split split;
    split.parts = {{"train", 0.5, {}}, {"test", 0.5, {{std::string(64, 'f'), "elsewhere.h5"}}}};
    for (const std::string& name : seen) {
      const auto content = data::HashAll(Episodes(name), SilentLog());
      EXPECT_TRUE(content.ok());
      split.parts[0].episodes.push_back(content->episodes[0]);
    }
    const auto path = folder_.path() / "split.json";
    EXPECT_TRUE(WriteFile(path, data::ToJson(split).dump(), Existing::kReplace).ok());
    return path.string();
  }

  TemporaryFolder folder_;
};

TEST_F(OpenLoopCheckTest, ReportsThePerfectDriver) {
  const FakeFactory policy(kPerfect, kTestSpace);
  Report report;
  ASSERT_TRUE(CheckOpenLoop({policy, kTestSpace, ""}, nullptr, Episodes(), {.threads = 2}, SilentLog(), report).ok());
  EXPECT_EQ(report.first_failure(), nullptr) << report.first_failure()->detail;
  for (const char* name : {"recorded actions", "directions", "action scale"}) {
    ASSERT_NE(FindCheck(report, name), nullptr) << name;
    EXPECT_EQ(FindCheck(report, name)->against, Against::kEpisodes);
  }
  EXPECT_TRUE(report.shown.contains(Shown::kEpisodes));
  const Check& check = *FindCheck(report, "recorded actions");
  EXPECT_EQ(check.stage, 3);
  EXPECT_TRUE(check.passed);
  EXPECT_NEAR(Figure(check, "mae"), 0, 1e-6);
  EXPECT_DOUBLE_EQ(Figure(check, "direction_agreement"), 1);
  EXPECT_EQ(Figure(check, "steps"), 24);
  ASSERT_EQ(report.evidence.episodes.size(), 4U);
  EXPECT_EQ(report.evidence.episodes[3].name, "episode3.h5");
  EXPECT_EQ(report.evidence.episodes[3].sha256.size(), 64U);
  EXPECT_THAT(report.evidence.open_loop_ablations, ElementsAre("none"));
}

// A policy that always says the same is as good as the best constant at most, whatever its error.
TEST_F(OpenLoopCheckTest, AConstantActionIsNoPolicy) {
  const Report report = Alone([](const std::vector<int>&, const std::string&) { return std::vector<float>{0.37F, 0}; });
  const Check& recorded = *FindCheck(report, "recorded actions");
  EXPECT_FALSE(recorded.passed);
  EXPECT_THAT(recorded.detail, HasSubstr("NOT BETTER"));
  EXPECT_FALSE(FindCheck(report, "directions")->passed) << "at chance level";
  EXPECT_FALSE(report.shown.contains(Shown::kEpisodes));
}

TEST_F(OpenLoopCheckTest, OneThatRepeatsTheLastActionIsNoPolicy) {
  const Report report = Alone([](const std::vector<int>& frames, const std::string& instruction) {
    if (frames.size() < 2) return std::vector<float>{0, 0};
    return std::vector<float>{SpeedOf(frames[frames.size() - 2]), SideOf(instruction)};
  });
  const Check& recorded = *FindCheck(report, "recorded actions");
  EXPECT_FALSE(recorded.passed) << recorded.detail;
  EXPECT_NEAR(Figure(recorded, "against_repeat"), 0, 1e-6);
}

TEST_F(OpenLoopCheckTest, AScaleThatTheRecordContradictsFailsByName) {
  for (const double scale : {60.0, 0.05, 1.0}) {
    evaluate::ActionSpace space = kTestSpace;
    space.scale = {scale};
    const Report report = Alone(kPerfect, space);
    EXPECT_FALSE(FindCheck(report, "action scale")->passed)
        << scale << ": " << FindCheck(report, "action scale")->detail;
  }
}

TEST_F(OpenLoopCheckTest, TheErrorOfTheTrainingIsABar) {
  const Brain biased = Biased(0.05F, 0.05F);
  EXPECT_TRUE(FindCheck(Alone(biased, kTestSpace, {.validation_mae = 0.03}), "validation error")->passed);
  EXPECT_FALSE(FindCheck(Alone(biased, kTestSpace, {.validation_mae = 0.02}), "validation error")->passed);
  EXPECT_TRUE(FindCheck(Alone(biased, kTestSpace, {.max_mae = 0.06}), "largest error")->passed);
  EXPECT_FALSE(FindCheck(Alone(biased, kTestSpace, {.max_mae = 0.04}), "largest error")->passed);
}

TEST_F(OpenLoopCheckTest, OneEpisodeIsMissingMore) {
  const Report report = Alone(kPerfect, kTestSpace, {}, "episode0.h5");
  EXPECT_EQ(FindCheck(report, "recorded actions"), nullptr);
  ASSERT_FALSE(report.untestable.empty());
  EXPECT_TRUE(report.untestable[0].needed);
  EXPECT_THAT(report.untestable[0].reason, HasSubstr("take more"));
}

TEST_F(OpenLoopCheckTest, APolicyThatIsNotToldItsInstructionProvesNothing) {
  const FakeFactory policy(kPerfect, kTestSpace);
  JudgedPolicy deaf{policy, kTestSpace, "it holds no tokenizer"};
  Report report;
  ASSERT_TRUE(CheckOpenLoop(deaf, nullptr, Episodes(), {}, SilentLog(), report).ok());
  EXPECT_EQ(FindCheck(report, "recorded actions"), nullptr);
  ASSERT_EQ(report.untestable.size(), 1U);
  EXPECT_TRUE(report.untestable[0].needed);
  EXPECT_THAT(report.untestable[0].reason, HasSubstr("4 of 4 episodes say what to do"));
  deaf.reads_instruction = false;  // it needs none
  Report reads_none;
  ASSERT_TRUE(CheckOpenLoop(deaf, nullptr, Episodes(), {}, SilentLog(), reads_none).ok());
  EXPECT_NE(FindCheck(reads_none, "recorded actions"), nullptr);
}

TEST_F(OpenLoopCheckTest, ActionsThatAreNoNumbersFail) {
  const Brain broken = [](const std::vector<int>&, const std::string&) {
    return std::vector<float>{std::numeric_limits<float>::quiet_NaN(), 0};
  };
  const FakeFactory policy(broken, kTestSpace);
  Report report;
  ASSERT_TRUE(CheckOpenLoop({policy, kTestSpace, ""}, nullptr, Episodes(), {}, SilentLog(), report).ok());
  EXPECT_FALSE(report.checks[0].passed);
  EXPECT_FALSE(AgainstPerfect(broken).passed);
}

TEST_F(OpenLoopCheckTest, ASmallLossPassesAndALargeOneFails) {
  const Check small = AgainstPerfect(Biased(0.005F, 0.005F));
  EXPECT_TRUE(small.passed) << small.detail;
  EXPECT_NEAR(Figure(small, "mae_difference"), 0.005, 1e-6);
  const Check large = AgainstPerfect(Biased(0.02F, 0.02F));
  EXPECT_FALSE(large.passed);
  EXPECT_THAT(large.detail, AllOf(HasSubstr("+0.0200"), HasSubstr("not below 0.0100")));
  EXPECT_TRUE(AgainstPerfect(Biased(0.02F, 0.02F), {.max_mae_increase = 0.03}).passed);
}

TEST_F(OpenLoopCheckTest, TheUpperEndOfTheIntervalDecides) {
  const Check uneven = AgainstPerfect(Biased(0.016F, 0));
  EXPECT_NEAR(Figure(uneven, "mae_difference"), 0.008, 1e-6) << "below the limit, but who knows";
  EXPECT_GT(Figure(uneven, "mae_difference_high"), 0.01);
  EXPECT_FALSE(uneven.passed);
}

TEST_F(OpenLoopCheckTest, OneEpisodeProvesNothing) {
  const Check one = AgainstPerfect(kPerfect, {}, "episode0.h5");
  EXPECT_FALSE(one.passed);
  EXPECT_THAT(one.detail, HasSubstr("take more"));
}

TEST_F(OpenLoopCheckTest, AReferenceOfAnotherScaleDoesNotCompare) {
  const FakeFactory policy(kPerfect, kTestSpace);
  evaluate::ActionSpace other = kTestSpace;
  other.scale = {0.6};
  const JudgedPolicy reference{policy, other, ""};
  Report report;
  const Status status = CheckOpenLoop({policy, kTestSpace, ""}, &reference, Episodes(), {}, SilentLog(), report);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_THAT(status.error().what, AllOf(HasSubstr("0.5 m/s"), HasSubstr("0.6 m/s")));
}

TEST_F(OpenLoopCheckTest, RefusesEpisodesThatWereSeenBefore) {
  const std::string split = WriteSplit({"episode1.h5", "episode3.h5"});
  Report report;
  const Status seen = CheckUnseen(Episodes(), "held_out", {split + ":train"}, SilentLog(), report);
  ASSERT_FALSE(seen.ok());
  EXPECT_EQ(seen.error().code, ErrorCode::kInput);
  EXPECT_THAT(seen.error().what, AllOf(HasSubstr("held_out"), HasSubstr("share 2 episodes"), HasSubstr("episode1.h5"),
                                       HasSubstr("episode3.h5"), Not(HasSubstr("episode0.h5"))));
  EXPECT_TRUE(report.evidence.exclude.empty());
  EXPECT_FALSE(CheckUnseen(Episodes(), "held_out", {split}, SilentLog(), report).ok()) << "all parts";
}

TEST_F(OpenLoopCheckTest, AcceptsAndRecordsDisjointLists) {
  const std::string split = WriteSplit({"episode1.h5"});
  Report report;
  EXPECT_TRUE(CheckUnseen(Episodes(), "held_out", {split + ":test"}, SilentLog(), report).ok());
  EXPECT_THAT(report.evidence.exclude, ElementsAre(HasSubstr("split.json:test")));
  EXPECT_TRUE(CheckUnseen(Episodes("episode0.h5"), "one", {split}, SilentLog(), report).ok());
  EXPECT_FALSE(CheckUnseen(Episodes(), "held_out", {split + ":none"}, SilentLog(), report).ok());
}

}  // namespace
}  // namespace vlaq::verify

// Policies that are blind or deaf on purpose must be caught, those that look and listen must pass.
#include "verify/ablation_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/testing.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

using evaluate::Brain;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const Brain kBlind = [](const std::vector<int>&, const std::string& instruction) {
  return std::vector<float>{0.5F, SideOf(instruction)};
};
const Brain kDeaf = [](const std::vector<int>& frames, const std::string&) {
  return std::vector<float>{SpeedOf(frames.back()), 0.25F};
};
// Looks once and then drives with closed eyes.
const Brain kGlance = [](const std::vector<int>& frames, const std::string& instruction) {
  return std::vector<float>{SpeedOf(frames.front()), SideOf(instruction)};
};
// Sees that there is a picture, not which.
const Brain kDim = [](const std::vector<int>& frames, const std::string& instruction) {
  return std::vector<float>{frames.back() == 127 ? 1.0F : 0.0F, SideOf(instruction)};
};
const Brain kHardlyHears = [](const std::vector<int>& frames, const std::string& instruction) {
  return std::vector<float>{SpeedOf(frames.back()), 0.03F * SideOf(instruction)};
};
const Brain kNoNumber = [](const std::vector<int>& frames, const std::string&) {
  return std::vector<float>{frames.back() == 127 ? std::numeric_limits<float>::quiet_NaN() : SpeedOf(frames.back()), 0};
};

class AblationCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WriteGrayEpisode(folder_.path() / "a.h5", "pass left of the box", 20));
    ASSERT_TRUE(WriteGrayEpisode(folder_.path() / "b.h5", "pass right of the box", 30));
    ASSERT_TRUE(WriteGrayEpisode(folder_.path() / "c.h5", "drive to the bottle", 40));
  }

  Report Judge(const Brain& brain, const std::string& no_instruction_because = "", const std::string& only = "") {
    const evaluate::FakeFactory policies(brain, kTestSpace);
    auto episodes = data::EpisodeSet::Open({only.empty() ? folder_.path() : folder_.path() / only});
    Report report;
    if (!episodes.ok()) {
      ADD_FAILURE() << episodes.error().ToString();
      return report;
    }
    const Status status =
        CheckAblations({policies, kTestSpace, no_instruction_because}, *episodes, {.threads = 2}, SilentLog(), report);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().ToString());
    return report;
  }

  // The failed check of `brain`.
  Check Failure(const Brain& brain) {
    const Report report = Judge(brain);
    const Check* failure = report.first_failure();
    return failure == nullptr ? Check{} : *failure;
  }

  TemporaryFolder folder_;
};

TEST_F(AblationCheckTest, WhoLooksAndListensPasses) {
  const Report report = Judge(kPerfect);
  ASSERT_EQ(report.checks.size(), 2U);
  EXPECT_EQ(report.first_failure(), nullptr) << report.first_failure()->detail;
  EXPECT_TRUE(report.untestable.empty());
  const Check& image = *FindCheck(report, "image");
  EXPECT_EQ(image.stage, 4);
  // Frames 0, 20 ... 100 above the first, on one axis of two.
  EXPECT_NEAR(Figure(image, "frozen_image"), 50.0 / 255 / 2, 1e-6);
  EXPECT_LE(Figure(image, "frozen_image_low"), Figure(image, "frozen_image"));
  EXPECT_NEAR(Figure(image, "one_frame"), 0, 1e-9) << "this driver needs no memory";
  const Check& instruction = *FindCheck(report, "instruction");
  EXPECT_NEAR(Figure(instruction, "swapped_instruction"), 0.25, 1e-6);
  EXPECT_NEAR(Figure(instruction, "no_instruction"), 0.125, 1e-6);
  EXPECT_EQ(Figure(instruction, "episodes"), 2) << "the third names no side and would dilute the mean";
  EXPECT_THAT(report.evidence.open_loop_ablations, ElementsAre("gray_image", "frozen_image", "shuffled_images",
                                                               "one_frame", "swapped_instruction", "no_instruction"));
  ASSERT_EQ(report.evidence.limits.size(), 1U);
  EXPECT_EQ(report.evidence.limits[0].value, 0.02);
}

TEST_F(AblationCheckTest, TheBlindIsCaught) {
  const Report report = Judge(kBlind);
  const Check* failure = report.first_failure();
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->name, "image");
  EXPECT_THAT(failure->detail,
              AllOf(HasSubstr("gray_image by 0.0000 (0.0000 to 0.0000) TOO LITTLE"), HasSubstr("0.02")));
  EXPECT_TRUE(FindCheck(report, "instruction")->passed);
}

TEST_F(AblationCheckTest, TheDeafIsCaught) {
  const Report report = Judge(kDeaf);
  const Check* failure = report.first_failure();
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->name, "instruction");
  EXPECT_THAT(failure->detail, HasSubstr("swapped_instruction by 0.0000 (0.0000 to 0.0000) TOO LITTLE"));
  EXPECT_TRUE(FindCheck(report, "image")->passed);
}

TEST_F(AblationCheckTest, OneClosedEyeIsEnoughToFailAndIsNamed) {
  const Check glance = Failure(kGlance);
  EXPECT_EQ(glance.name, "image");
  EXPECT_THAT(glance.detail, AllOf(HasSubstr("frozen_image by 0.0000 (0.0000 to 0.0000) TOO LITTLE"),
                                   Not(ContainsRegex("gray_image[^,]*TOO LITTLE"))));
  const Check dim = Failure(kDim);
  EXPECT_EQ(dim.name, "image");
  EXPECT_THAT(dim.detail, AllOf(HasSubstr("shuffled_images by 0.0000 (0.0000 to 0.0000) TOO LITTLE"),
                                Not(ContainsRegex("gray_image[^,]*TOO LITTLE"))));
}

TEST_F(AblationCheckTest, ALittleIsTooLittle) {
  const Check failure = Failure(kHardlyHears);
  EXPECT_EQ(failure.name, "instruction");
  EXPECT_NEAR(Figure(failure, "swapped_instruction"), 0.0075, 1e-6);
}

TEST_F(AblationCheckTest, NoNumberIsNoMovement) {
  const Check failure = Failure(kNoNumber);
  EXPECT_EQ(failure.name, "image");
  EXPECT_THAT(failure.detail, HasSubstr("gray_image by no number"));
}

TEST_F(AblationCheckTest, WhoCannotBeToldIsNotPassedSilently) {
  const Report report = Judge(kDeaf, "its prompt is baked in");
  EXPECT_EQ(report.first_failure(), nullptr);
  EXPECT_EQ(FindCheck(report, "instruction"), nullptr);
  ASSERT_EQ(report.untestable.size(), 1U);
  EXPECT_EQ(report.untestable[0].name, "instruction");
  EXPECT_EQ(report.untestable[0].reason, "its prompt is baked in");
  EXPECT_THAT(report.evidence.open_loop_ablations, Not(Contains("swapped_instruction")));
}

TEST_F(AblationCheckTest, EpisodesWithoutSidesTestNoEars) {
  const Report report = Judge(kPerfect, "", "c.h5");
  ASSERT_EQ(report.untestable.size(), 1U);
  EXPECT_THAT(report.untestable[0].reason, HasSubstr("left or right"));
  EXPECT_THAT(FindCheck(report, "image")->detail, HasSubstr("no interval from one episode"));
}

TEST_F(AblationCheckTest, ADriverThatFailsIsAnErrorNotAVerdict) {
  const evaluate::FakeFactory policies(kPerfect, kTestSpace, 3);
  auto episodes = data::EpisodeSet::Open({folder_.path()});
  ASSERT_TRUE(episodes.ok());
  Report report;
  const Status status = CheckAblations({policies, kTestSpace, ""}, *episodes, {}, SilentLog(), report);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kBackend);
}

}  // namespace
}  // namespace vlaq::verify

// A policy that does better with other pictures was trained on those.
#include "verify/pictures_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "verify/testing.h"

namespace vlaq::verify {
namespace {

using evaluate::Brain;
using evaluate::FakeFactory;
using ::testing::HasSubstr;

class PicturesCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 4; ++i) {
      const std::string name = "episode" + std::to_string(i) + ".h5";
      ASSERT_TRUE(WriteGrayEpisode(folder_.path() / name, "pass left", 20 + 10 * i));
    }
  }

  // `right`: the settings under which the policy is perfect; under others it is off by `loss`.
  Check Checked(const image::PreprocessSpec& own, const image::PreprocessSpec& right, float loss) {
    const auto brain_of = [&](const image::PreprocessSpec& settings) -> Brain {
      const bool same = settings.normalization == right.normalization && settings.channel_order == right.channel_order;
      const float off = same ? 0.01F : 0.01F + loss;
      return [off](const std::vector<int>& frames, const std::string& instruction) {
        return std::vector<float>{SpeedOf(frames.back()) + off, SideOf(instruction)};
      };
    };
    const FakeFactory policy(brain_of(own), kTestSpace);
    const auto episodes = data::EpisodeSet::Open({folder_.path()});
    EXPECT_TRUE(episodes.ok());
    const WithPictures make = [&](const image::PreprocessSpec& settings) {
      return Result<std::unique_ptr<evaluate::PolicyFactory>>(
          std::make_unique<FakeFactory>(brain_of(settings), kTestSpace));
    };
    Report report;
    EXPECT_TRUE(CheckPictures({policy, kTestSpace, ""}, own, make, *episodes, {}, SilentLog(), report).ok());
    shown_ = report.shown;
    return report.checks.at(0);
  }

  std::set<Shown> shown_;
  TemporaryFolder folder_;
  image::PreprocessSpec clip_ = {.normalization = image::Normalization::kClip};
  image::PreprocessSpec imagenet_ = {.normalization = image::Normalization::kImagenet};
  image::PreprocessSpec bgr_ = {.channel_order = image::ChannelOrder::kBgr};
};

TEST_F(PicturesCheckTest, TheRightSettingsPass) {
  const Check check = Checked(clip_, clip_, 0.2F);
  EXPECT_TRUE(check.passed) << check.detail;
  EXPECT_EQ(check.against, Against::kEpisodes);
  EXPECT_EQ(shown_, (std::set<Shown>{Shown::kNormalization, Shown::kChannelOrder}));
}

TEST_F(PicturesCheckTest, TheWrongOnesFailByName) {
  EXPECT_THAT(Checked(clip_, imagenet_, 0.2F).detail, HasSubstr("normalize imagenet fits what was recorded better"));
  EXPECT_FALSE(Checked(clip_, imagenet_, 0.2F).passed);
  EXPECT_THAT(Checked(clip_, bgr_, 0.2F).detail, HasSubstr("channel_order bgr fits"));
}

TEST_F(PicturesCheckTest, ASmallGainIsNone) {
  EXPECT_TRUE(Checked(clip_, imagenet_, 0.0005F).passed) << "a twentieth of the error";
}

TEST_F(PicturesCheckTest, WhereOthersDoAsWellNothingIsShown) {
  EXPECT_TRUE(Checked(clip_, clip_, 0).passed);
  EXPECT_TRUE(shown_.empty());
}

}  // namespace
}  // namespace vlaq::verify

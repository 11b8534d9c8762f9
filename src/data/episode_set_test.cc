#include "data/episode_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/testing.h"
#include "data/statistics.h"
#include "data/testing.h"

namespace vlaq::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

class EpisodeSetTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const TestEpisode& episode = {}) {
    ASSERT_TRUE(WriteTestEpisode(folder_.path() / name, episode));
  }
  void WriteBroken(const std::string& name) { std::ofstream(folder_.path() / name) << "not HDF5"; }
  Result<EpisodeSet> Open(bool skip_bad = false) const { return EpisodeSet::Open({folder_.path()}, {{}, skip_bad}); }
  SetStatistics Statistics(const SetOptions& options = {}) const {
    const auto set = EpisodeSet::Open({folder_.path()}, options);
    return *ComputeStatistics(*set, {}, SilentLog());
  }

  TemporaryFolder folder_;
};

TEST_F(EpisodeSetTest, FolderInNaturalOrderWithoutOtherFiles) {
  for (const char* name : {"e10.h5", "e2.hdf5", "e1.H5", ".hidden.h5"}) Write(name);
  std::ofstream(folder_.path() / "notes.txt") << "x";
  fs::create_directory(folder_.path() / "sub.h5");
  const auto set = Open();
  ASSERT_TRUE(set.ok()) << set.error().ToString();
  ASSERT_EQ(set->size(), 3U);
  EXPECT_EQ(set->name(0), "e1.H5");
  EXPECT_EQ(set->name(1), "e2.hdf5");
  EXPECT_EQ(set->name(2), "e10.h5");
  EXPECT_EQ((*set->OpenEpisode(1))->length(), 4);
}

TEST_F(EpisodeSetTest, BadFilesFailOrAreListed) {
  Write("a.h5");
  WriteBroken("b.h5");
  Write("c.h5");
  const auto strict = Open();
  ASSERT_FALSE(strict.ok());
  EXPECT_THAT(strict.error().ToString(), AllOf(HasSubstr("b.h5: is text, not HDF5"), HasSubstr("--skip-bad")));
  const auto set = Open(true);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->size(), 2U);
  ASSERT_THAT(set->bad(), SizeIs(1));
  EXPECT_EQ(set->bad()[0].path.filename(), "b.h5");
}

TEST_F(EpisodeSetTest, NothingToReadIsAnError) {
  EXPECT_THAT(Open().error().ToString(), HasSubstr("holds no episodes"));
  WriteBroken("b.h5");
  EXPECT_THAT(Open(true).error().ToString(), HasSubstr("all 1 files are broken"));
  EXPECT_THAT(EpisodeSet::Open({folder_.path() / "none"}).error().ToString(), HasSubstr("does not exist"));
  EXPECT_EQ(EpisodeSet::Open({}).error().code, ErrorCode::kUsage);
}

TEST_F(EpisodeSetTest, NamedTwice) {
  Write("a.h5");
  const auto set = EpisodeSet::Open({folder_.path(), folder_.path() / "." / "a.h5"});
  EXPECT_EQ(set.error().code, ErrorCode::kUsage);
}

TEST_F(EpisodeSetTest, StatisticsAddUp) {
  Write("a.h5", {.length = 2, .speed = 0.5F});
  Write("b.h5", {.length = 4, .instruction = "go right", .layout = "2box", .speed = -1.0F});
  Write("c_right.h5", {.length = 4, .instruction = "", .speed = 0.5F});
  const SetStatistics s = Statistics();
  EXPECT_EQ(s.episodes, 3);
  EXPECT_EQ(s.steps, 10);
  EXPECT_THAT(s.lengths, ElementsAre(Pair(2, 1), Pair(4, 2)));
  EXPECT_THAT(s.resolutions, ElementsAre(Pair("8x6", 3)));
  EXPECT_THAT(s.layouts, ElementsAre(Pair("1box_hori_left", 2), Pair("2box", 1)));
  EXPECT_THAT(s.events, ElementsAre(Pair("episode_start", 3), Pair("start_action", 7)));
  EXPECT_THAT(s.instructions, SizeIs(3));
  EXPECT_EQ((s.instructions.at({"pass the box on the right and go to the bottle", InstructionSource::kFileName})), 1);
  // linear_x: 0 three times, 0.5 four times, -1 three times.
  const AxisStatistics& x = s.axes[0];
  EXPECT_EQ(x.name, "linear_x");
  EXPECT_THAT(x.mean, DoubleNear(-0.1, 1e-12));
  EXPECT_THAT(x.standard_deviation, DoubleNear(std::sqrt((3 * 0.01 + 4 * 0.36 + 3 * 0.81) / 10), 1e-12));
  EXPECT_EQ(x.min, -1);
  EXPECT_EQ(x.max, 0.5);
  EXPECT_THAT(x.zero, DoubleNear(0.3, 1e-12));
  ASSERT_THAT(x.histogram.counts, SizeIs(20));
  EXPECT_EQ(x.histogram.counts.front(), 3U);
  EXPECT_EQ(x.histogram.counts[13], 3U);  // 0 lies at 13.3 of 20 bins
  EXPECT_EQ(x.histogram.counts.back(), 4U);
  EXPECT_THAT(s.axes[2].histogram.counts, ElementsAre(10U));  // all the same
  EXPECT_EQ(s.channels.frames, 10);
}

TEST_F(EpisodeSetTest, SwappedColorsAreSuspected) {
  Write("a.h5", {.color = {200, 150, 100}});
  EXPECT_EQ(Statistics().channels.Verdict(), ChannelVerdict::kAsLabeled);
  EXPECT_EQ(Statistics({{image::ChannelOrder::kBgr, ""}, false}).channels.Verdict(), ChannelVerdict::kSwapped);
  Write("a.h5", {.color = {100, 100, 100}});
  EXPECT_EQ(Statistics().channels.Verdict(), ChannelVerdict::kCannotTell);
  Write("b.h5", {.color = {200, 150, 100}});
  Write("c.h5", {.color = {100, 150, 200}});
  const SetStatistics s = Statistics();
  EXPECT_EQ(s.channels.Verdict(), ChannelVerdict::kCannotTell);
  EXPECT_EQ(s.channels.frames, 12);
  EXPECT_EQ(s.channels.warm_frames, 4);
  EXPECT_EQ(s.channels.cool_frames, 4);
}

TEST_F(EpisodeSetTest, FramesThatCannotBeReadCountAsBroken) {
  Write("a.h5");
  fs::copy_file(fs::path(VLAQ_TESTDATA) / "episode" / "bad" / "never_written.h5", folder_.path() / "b.h5");
  EXPECT_THAT(ComputeStatistics(*Open(), {}, SilentLog()).error().ToString(),
              AllOf(HasSubstr("b.h5: dataset 'images'"), HasSubstr("--skip-bad")));
  const SetStatistics s = Statistics({{}, true});
  ASSERT_THAT(s.bad, SizeIs(1));
  EXPECT_EQ(s.bad[0].path.filename(), "b.h5");
}

TEST(ChannelEvidence, NeedsColoredFramesThatAgree) {
  EXPECT_EQ((ChannelEvidence{0, 0, 0}).Verdict(), ChannelVerdict::kCannotTell);
  EXPECT_EQ((ChannelEvidence{64, 15, 0}).Verdict(), ChannelVerdict::kCannotTell);
  EXPECT_EQ((ChannelEvidence{64, 16, 0}).Verdict(), ChannelVerdict::kAsLabeled);
  EXPECT_EQ((ChannelEvidence{64, 48, 16}).Verdict(), ChannelVerdict::kAsLabeled);
  EXPECT_EQ((ChannelEvidence{64, 47, 17}).Verdict(), ChannelVerdict::kCannotTell);
  EXPECT_EQ((ChannelEvidence{64, 16, 48}).Verdict(), ChannelVerdict::kSwapped);
}

TEST_F(EpisodeSetTest, KnowsHowManyEpisodesWereToldNothing) {
  Write("a.h5");
  const auto all_told = Open();
  EXPECT_EQ(all_told->without_instruction(), 0U);
  EXPECT_EQ(all_told->InstructionComplaint(), "");
  TestEpisode silent;
  silent.instruction = "";
  Write("b.h5", silent);
  Write("c.h5", silent);
  const auto set = Open();
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->without_instruction(), 2U);
  EXPECT_EQ(set->InstructionComplaint(), "2 of 3 episodes have no instruction: the policy is told nothing");
  EXPECT_EQ(set->Subset({0, 2}).InstructionComplaint(),
            "1 of 2 episodes has no instruction: the policy is told nothing");
}

TEST_F(EpisodeSetTest, FoldersOfOtherRecordingsAreNamed) {
  const auto error_with = [&](const std::string& name) {
    fs::remove_all(folder_.path());
    fs::create_directories((folder_.path() / name).parent_path());
    std::ofstream(folder_.path() / name) << "x";
    return Open().error().ToString();
  };
  EXPECT_THAT(error_with("meta/info.json"), AllOf(HasSubstr("is a LeRobot data set"), HasSubstr("src/data/README.md")));
  EXPECT_THAT(error_with(".zgroup"), HasSubstr("zarr"));
  EXPECT_THAT(error_with("dataset_info.json"), HasSubstr("RLDS"));
  EXPECT_THAT(error_with("episode_000000.parquet"), HasSubstr(".parquet files"));
  EXPECT_THAT(error_with("notes.txt"), HasSubstr("holds no episodes"));
}

}  // namespace
}  // namespace vlaq::data

// Time stamps in files: those of h5py (testdata/episode/make_fixtures.py), and of our writers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>

#include "base/testing.h"
#include "data/episode.h"
#include "data/feature_writer.h"
#include "data/testing.h"
#include "data/timing_statistics.h"

namespace vlaq::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const fs::path kTimes = fs::path(VLAQ_TESTDATA) / "episode" / "times";

std::unique_ptr<Episode> Opened(const fs::path& path) {
  auto episode = Episode::Open(path);
  EXPECT_TRUE(episode.ok()) << episode.error().ToString();
  return episode.ok() ? std::move(*episode) : nullptr;
}

TEST(TimesOfFiles, AreReadInTheirUnits) {
  for (const char* name : {"seconds.h5", "nanoseconds.h5", "column.h5", "milliseconds.h5"}) {
    const auto episode = Opened(kTimes / name);
    ASSERT_NE(episode, nullptr);
    const Timing& timing = episode->timing();
    EXPECT_EQ(timing.source, TimeSource::kTimeStamps) << name;
    EXPECT_FALSE(timing.wrong) << timing.wrong->ToString();
    ASSERT_THAT(timing.seconds, SizeIs(5));
    EXPECT_NEAR(*timing.SecondsAt(1), 0.4, 1e-6) << name;
    EXPECT_EQ(episode->action().rate_hz, 2.5) << "as stated";
    EXPECT_EQ(IntervalsOf(timing)->gaps, std::string(name) == "milliseconds.h5" ? 1 : 0) << name;
  }
}

TEST(TimesOfFiles, ThatAreWrongAreToldAndTheEpisodeIsRead) {
  const std::string corrected = "correct the time stamps";
  const std::vector<std::pair<const char*, std::vector<std::string>>> cases{
      {"not_ascending.h5", {"step 3 is 0.8 s after the first, not after step 2 (1.2 s)", corrected}},
      {"nan.h5", {"step 2 holds nan", corrected}},
      {"too_few.h5", {"has the shape [4], but there are 5 steps", "[T], one a step"}},
      {"float32.h5", {"step 1", "float32 has too few digits"}},
      {"ticks.h5", {"is in 'ticks'", "units are s, ms, us, ns"}},
      {"text.h5", {"holds no float32, float64 or integers"}},
      {"float_nanoseconds.h5", {"attribute 'total_duration' says 2.5 a second", "they look like ns"}},
      {"other_rate.h5", {"steps are 0.1 s apart", "attribute 'total_duration' says 2.5 a second"}},
  };
  for (const auto& [name, parts] : cases) {
    const auto episode = Opened(kTimes / name);
    ASSERT_NE(episode, nullptr);
    ASSERT_TRUE(episode->timing().wrong) << name;
    const std::string text = episode->timing().wrong->ToString();
    EXPECT_THAT(text, HasSubstr((kTimes / name).string() + ": dataset 'timestamp': "));
    for (const std::string& part : parts) EXPECT_THAT(text, HasSubstr(part));
    EXPECT_EQ(episode->action().rate_hz, 2.5) << "what the file states stays";
    EXPECT_EQ(episode->timing().SecondsAt(0), 0);
  }
  EXPECT_THAT(Opened(kTimes / "group.h5")->timing().wrong->ToString(), HasSubstr("dataset 'timestamps'"));
}

TEST(TimesOfFiles, AreNoContent) {
  EXPECT_EQ(*Opened(kTimes / "seconds.h5")->ContentHash(), *Opened(kTimes / "nan.h5")->ContentHash());
}

class FeatureTimes : public ::testing::Test {
 protected:
  static FeatureWriterOptions Options() {
    FeatureWriterOptions options;
    options.streams = {{.name = "observation.state", .shape = {2}}, {.name = "action", .shape = {1}}};
    options.timestamps = true;
    return options;
  }
  static Observation Step() {
    return {{"observation.state", Tensor::From<float>({2}, std::vector<float>{1, 2})},
            {"action", Tensor::From<float>({1}, std::vector<float>{3})}};
  }
  fs::path Write(const FeatureWriterOptions& options, const std::vector<double>& seconds) {
    fs::path path = folder_.path() / "e.h5";
    auto writer = FeatureWriter::Create(path, options, Existing::kReplace);
    EXPECT_TRUE(writer.ok());
    for (const double t : seconds) EXPECT_TRUE(writer->Append(Step(), t).ok());
    EXPECT_TRUE(writer->Commit().ok());
    return path;
  }

  TemporaryFolder folder_;
};

TEST_F(FeatureTimes, AreGivenBackAndAreNoStream) {
  const auto episode = Opened(Write(Options(), {100, 100.5, 101.25, 101.75}));
  EXPECT_THAT(episode->timing().seconds, ::testing::ElementsAre(0, 0.5, 1.25, 1.75));
  EXPECT_THAT(episode->streams(), SizeIs(2));
  EXPECT_EQ(episode->action().rate_hz, 2) << "nothing is stated, so it is measured";
  FeatureWriterOptions stated = Options();
  stated.rate_hz = 4;
  const auto other = Opened(Write(stated, {0, 0.5, 1}));
  EXPECT_EQ(other->action().rate_hz, 4);
  EXPECT_THAT(other->timing().wrong->ToString(), HasSubstr("attribute 'fps' says 4 a second"));
}

TEST_F(FeatureTimes, TheWriterTakesAscendingOnesForAllStepsOrNone) {
  auto writer = FeatureWriter::Create(folder_.path() / "w.h5", Options(), Existing::kRefuse);
  ASSERT_TRUE(writer.ok());
  const auto refusal = [&](const std::optional<double>& seconds) {
    const Status done = writer->Append(Step(), seconds);
    return done.ok() ? "accepted" : done.error().ToString();
  };
  EXPECT_THAT(refusal({}), HasSubstr("without a time stamp"));
  EXPECT_EQ(refusal(1.5), "accepted");
  EXPECT_THAT(refusal(1.5), HasSubstr("a step at 1.5 s does not come after one at 1.5 s"));
  EXPECT_THAT(refusal(std::nan("")), HasSubstr("cannot be at nan s"));
  EXPECT_EQ(refusal(2), "accepted");
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(Opened(folder_.path() / "w.h5")->length(), 2) << "what was refused left nothing";
  FeatureWriterOptions none = Options();
  none.timestamps = false;
  auto other = FeatureWriter::Create(folder_.path() / "o.h5", none, Existing::kRefuse);
  EXPECT_THAT(other->Append(Step(), 1.0).error().ToString(), HasSubstr("in an episode that has none"));
}

TEST(RecorderTimes, AreWrittenBesideTheRecordersDatasets) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "e.h5";
  WriterOptions options;
  options.width = 8;
  options.height = 6;
  options.timestamps = true;
  options.extra = {{"simulation/state", {"x"}}};
  image::Image frame;
  frame.Reset(8, 6);
  auto writer = EpisodeWriter::Create(path, options, Existing::kRefuse);
  ASSERT_TRUE(writer.ok());
  const std::vector<std::vector<float>> row{{1}};
  EXPECT_THAT(writer->Append(frame, {}, Event::kStartAction, row).error().ToString(), HasSubstr("time stamp"));
  for (int t = 0; t < 3; ++t) ASSERT_TRUE(writer->Append(frame, {}, Event::kStartAction, row, 0.4 * t).ok());
  ASSERT_TRUE(writer->Commit().ok());
  const auto episode = Opened(path);
  EXPECT_EQ(episode->timing().source, TimeSource::kTimeStamps);
  EXPECT_FALSE(episode->timing().wrong);
  EXPECT_NEAR(*episode->timing().SecondsAt(2), 0.8, 1e-12);
}

TEST(TimingOfASet, CountsSourcesAndFindsTheLongestInterval) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteTestEpisode(folder.path() / "derived.h5", {}));
  TimingStatistics statistics;
  statistics.Add(*Opened(folder.path() / "derived.h5"));
  EXPECT_EQ(statistics.longest_s, 0);
  for (const char* name : {"seconds.h5", "milliseconds.h5", "other_rate.h5", "nan.h5"}) {
    statistics.Add(*Opened(kTimes / name));
  }
  EXPECT_EQ(statistics.recorded.episodes, 3);
  EXPECT_NEAR(statistics.recorded.lowest_hz, 2.5, 1e-6);
  EXPECT_NEAR(statistics.recorded.highest_hz, 2.5, 1e-6) << "not 10, of time stamps that are wrong";
  EXPECT_EQ(statistics.stated.episodes, 2);
  EXPECT_EQ(statistics.unknown, 0);
  EXPECT_NEAR(statistics.longest_s, 0.81, 1e-9);
  EXPECT_EQ(statistics.longest_file, "milliseconds.h5");
  EXPECT_EQ(statistics.longest_step, 3);
  EXPECT_EQ(statistics.gaps, 1);
  ASSERT_THAT(statistics.wrong, SizeIs(2));
  EXPECT_EQ(statistics.wrong[1].path.filename(), "nan.h5");
}

}  // namespace
}  // namespace vlaq::data

// Statistics of a policy's values from recorded episodes, as users take them.
#include <algorithm>

#include "program.h"
#include "tiny_bundle.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A tiny policy with a tokenizer, "bundle", and six episodes of 2 to 7 frames, "data".
class CalibrateCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    MakeTinyBundle(folder_->path(), "bundle");
    RecordedSides{.count = 6}.In(In("data"));
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::string In(const std::string& name) { return (folder_->path() / name).string(); }
  static Ran Calibrate(const std::string& output, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"calibrate", In("bundle"), "-o", In(output)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Vlaq(arguments);
  }
  // Exit code 3, the message, and nothing left behind.
  static void ExpectRefused(const std::vector<std::string>& more, const std::string& message) {
    const Ran ran = Calibrate("never.json", more);
    EXPECT_EQ(ran.exit_code, 3) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(message));
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_FALSE(fs::exists(In("never.json")));
    EXPECT_FALSE(fs::exists(In("never.json.part")));
  }

 private:
  static inline TemporaryFolder* folder_ = nullptr;
};

TEST_F(CalibrateCommand, UsageErrorsSayWhatIsMissing) {
  ExpectUsage({"calibrate"}, "bundle is missing");
  ExpectUsage({"calibrate", "x"}, "--output is required");
  ExpectUsage({"calibrate", In("bundle"), "-o", In("never.json")}, "give --episodes or --frames");
  ExpectUsage({"calibrate", "x", "-o", "y", "--episodes", "a", "--frames", "b"}, "--episodes");
  ExpectUsage({"calibrate", "x", "-o", "y", "--frames", "b", "--exclude", "split.json"},
              "--exclude requires --episodes");
  ExpectUsage({"calibrate", "x", "-o", "y", "--episodes", "a", "--batch", "0"}, "--batch");
  ExpectUsage({"calibrate", "x", "-o", "y", "--episodes", "a", "--memory", "0"}, "--memory");
  ExpectUsage({"calibrate", "x", "-o", "y", "--episodes", "a", "--memory", "1KiB"}, "--memory");
  ExpectUsage({"calibrate", "x", "-o", "y", "--episodes", "a", "--samples", "many"}, "--samples");
  EXPECT_FALSE(fs::exists(In("never.json")));
}

TEST_F(CalibrateCommand, WritesStatisticsAndSaysHowSureTheyAre) {
  const Ran text = Calibrate("stats.json", {"--episodes", In("data"), "--samples", "20", "--seed", "3"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("over 20 samples from 6 episodes"), HasSubstr("Widest ranges"),
                              HasSubstr("LayerNormalization"), HasSubstr("Ranges differ between halves")));
  EXPECT_THAT(text.err, HasSubstr("20 samples are few"));
  EXPECT_FALSE(fs::exists(In("stats.json.part")));
  const Json stats = Json::parse(Content(In("stats.json")));
  EXPECT_EQ(stats["schema"], "vlaq.statistics/1");
  EXPECT_EQ(stats["samples"], 20);
  EXPECT_EQ(stats["seed"], 3);
  EXPECT_EQ(stats["episodes"].size(), 6U);
  EXPECT_EQ(stats["episodes"][0]["sha256"].get<std::string>().size(), 64U);
  EXPECT_TRUE(stats["values"].contains("vision/layer.0/layer_norm1/LayerNormalization"));

  const Ran json = Calibrate("again.json", {"--episodes", In("data"), "--samples", "20", "--seed", "3", "--json"});
  ASSERT_EQ(json.exit_code, 0) << json.err;
  EXPECT_EQ(json.json()["schema"], "vlaq.calibrate/1");
  EXPECT_EQ(json.json()["values"], stats["values"].size());
  EXPECT_THAT(json.json()["drift"]["verdict"], ::testing::AnyOf("enough", "too few"));
  EXPECT_EQ(Content(In("again.json")), Content(In("stats.json"))) << "the same arguments, the same bytes";
  const Ran other = Calibrate("other.json", {"--episodes", In("data"), "--samples", "20", "--seed", "4"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_NE(Content(In("other.json")), Content(In("stats.json")));
}

TEST_F(CalibrateCommand, KeepsWhatIsThere) {
  Overwrite(In("precious.json"), "precious");
  ExpectUsage({"calibrate", In("bundle"), "-o", In("precious.json"), "--episodes", In("data")},
              "--force to replace it");
  EXPECT_EQ(Content(In("precious.json")), "precious");
  const Ran forced = Calibrate("precious.json", {"--episodes", In("data"), "--samples", "4", "--force"});
  EXPECT_EQ(forced.exit_code, 0) << forced.err;
  EXPECT_THAT(Content(In("precious.json")), HasSubstr("vlaq.statistics/1"));
}

TEST_F(CalibrateCommand, TakesPicturesForThePromptOfTheExport) {
  const Ran ran = Calibrate("pictures.json", {"--frames", VLAQ_TESTDATA "/image/cli_frames", "--samples", "2"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json stats = Json::parse(Content(In("pictures.json")));
  EXPECT_EQ(stats["episodes"].size(), 1U);
  EXPECT_THAT(stats["episodes"][0]["name"].get<std::string>(), HasSubstr("cli_frames"));
}

TEST_F(CalibrateCommand, BadInputIsRefused) {
  ExpectRefused({"--episodes", "/nowhere"}, "/nowhere");
  ExpectRefused({"--episodes", In("data"), "--samples", "28"}, "28 samples were asked for, but there are 27 frames");
  ExpectRefused({"--episodes", In("data"), "--samples", "1"}, "1 sample cannot show a range");
  const Ran bundle = Vlaq({"calibrate", "/nowhere", "-o", In("never.json"), "--episodes", In("data")});
  EXPECT_EQ(bundle.exit_code, 3);
  Overwrite(In("stale.json.part"), "{}");
  const Ran stale = Calibrate("stale.json", {"--episodes", In("data"), "--samples", "4"});
  EXPECT_EQ(stale.exit_code, 3);
  EXPECT_THAT(stale.err, AllOf(HasSubstr("stale.json.part"), HasSubstr("delete it")));
  EXPECT_FALSE(fs::exists(In("stale.json")));
}

TEST_F(CalibrateCommand, EpisodesOfTheTestAreRefused) {
  const Ran split = Vlaq(
      {"data", "split", In("data"), "--seed", "1", "--fractions", "calibration=0.5,test=0.5", "-o", In("split.json")});
  ASSERT_EQ(split.exit_code, 0) << split.err;
  ExpectRefused({"--episodes", In("data"), "--samples", "4", "--exclude", In("split.json") + ":test"}, "share");
  const Json parts = Json::parse(Content(In("split.json")));
  fs::create_directory(In("calibration"));
  for (const Json& episode : parts["parts"]["calibration"]["episodes"]) {
    const std::string name = episode["name"];
    fs::copy(In("data/" + name), In("calibration/" + name));
  }
  const Ran fine = Calibrate(
      "split_stats.json", {"--episodes", In("calibration"), "--samples", "4", "--exclude", In("split.json") + ":test"});
  EXPECT_EQ(fine.exit_code, 0) << fine.err;
}

}  // namespace
}  // namespace vlaq

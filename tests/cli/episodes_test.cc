// Recorded episodes: inspect, split, and the check of two splits.
#include <fmt/format.h>

#include "episode/testing.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Episodes : public ::testing::Test {
 protected:
  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }
  // "e0.h5", ...: half to the left, half to the right, all different.
  std::string Record(int count) {
    fs::create_directory(In("data"));
    for (int i = 0; i < count; ++i) {
      const std::string side = i % 2 == 0 ? "left" : "right";
      const episode::TestEpisode episode{.length = 3 + i % 2,
                                         .instruction = "pass " + side + " of the box",
                                         .layout = "1box_hori_" + side,
                                         .speed = static_cast<float>(i + 1) / 8};
      EXPECT_TRUE(episode::WriteTestEpisode(In(fmt::format("data/e{}.h5", i)), episode));
    }
    return In("data");
  }

  TemporaryFolder folder_;
};

constexpr std::string_view kExpected = R"(: 2 episodes, 7 steps
3 to 4 steps, mean 3.5

Lengths
  steps  episodes
  -----  --------
      3         1
      4         1

Frames
  size  episodes
  ----  --------
   8x6         2

Instructions
  episodes  from  text
  --------  ----  ---------------------
         1  file  pass left of the box
         1  file  pass right of the box

Layouts
           layout  episodes
  ---------------  --------
   1box_hori_left         1
  1box_hori_right         1

Events
  event          steps
  -------------  -----
  start_action       5
  episode_start      2

Commands (m/s, rad/s)
  axis          mean     std      min     max     zero
  ---------  -------  ------  -------  ------  -------
  linear_x    0.1429  0.1041   0.0000  0.2500   28.6 %
  linear_y   -0.1786  0.1129  -0.2500  0.0000   28.6 %
  angular_z   0.0000  0.0000   0.0000  0.0000  100.0 %

linear_x
   from     to  steps
  -----  -----  -----  ----------------------------------------
  0.000  0.013      2  ##########################
  0.013  0.125      0
  0.125  0.138      2  ##########################
  0.138  0.238      0
  0.238  0.250      3  ########################################

linear_y
    from      to  steps
  ------  ------  -----  ----------------------------------------
  -0.250  -0.237      5  ########################################
  -0.237  -0.012      0
  -0.012   0.000      2  ################

angular_z
   from     to  steps
  -----  -----  -----  ----------------------------------------
  0.000  0.000      7  ########################################

Red and blue (read as RGB): as labelled
  most frames hold more orange than sky-blue, as indoors they should
  frames looked at: 7, more orange: 7, more sky-blue: 0
)";

TEST_F(Episodes, InspectSaysAllAboutAFolder) {
  const std::string data = Record(2);
  const Ran text = Vlaq({"inspect", data});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(text.out, data + std::string(kExpected));
}

TEST_F(Episodes, InspectAsJson) {
  const std::string data = Record(2);
  const Json d = Vlaq({"inspect", data, "--json", "--hash", "--bgr"}).json();
  EXPECT_EQ(d["schema"], "vlaq.inspect/1");
  EXPECT_EQ(d["kind"], "episodes");
  EXPECT_EQ(d["steps"], 7);
  EXPECT_EQ(d["lengths"]["histogram"][0], Json::parse(R"({"steps": 3, "episodes": 1})"));
  EXPECT_EQ(d["axes"][1]["name"], "linear_y");
  EXPECT_EQ(d["axes"][1]["min"], -0.25);
  EXPECT_EQ(d["channels"]["read_as"], "bgr");
  EXPECT_EQ(d["channels"]["verdict"], "swapped");
  EXPECT_EQ(d["episode_list"][1]["file"], "e1.h5");
  EXPECT_EQ(d["episode_list"][1]["sha256"].get<std::string>().size(), 64U);
  EXPECT_TRUE(d["bad"].empty());
  const Json one = Vlaq({"inspect", data + "/e1.h5", "--json"}).json();
  EXPECT_EQ(one["episodes"], 1);
  EXPECT_EQ(one["steps"], 4);
}

TEST_F(Episodes, BrokenFilesFailOrAreCounted) {
  const std::string data = Record(2);
  fs::copy_file(fs::path(VLAQ_TESTDATA) / "episode" / "bad" / "grey.h5", data + "/grey.h5");
  fs::copy_file(fs::path(VLAQ_TESTDATA) / "episode" / "bad" / "never_written.h5", data + "/never.h5");
  const Ran strict = Vlaq({"inspect", data});
  EXPECT_EQ(strict.exit_code, 3);
  EXPECT_THAT(strict.err, AllOf(HasSubstr("grey.h5: dataset 'images'"), HasSubstr("--skip-bad")));
  const Ran skipping = Vlaq({"inspect", data, "--skip-bad"});
  EXPECT_EQ(skipping.exit_code, 0) << skipping.err;
  EXPECT_THAT(skipping.out, AllOf(HasSubstr("Broken files: 2"), HasSubstr("never.h5: dataset 'images': chunk [3")));
}

TEST_F(Episodes, OptionsOfOtherKindsAreRefused) {
  Overwrite(In("model.onnx"), "x");
  const Ran ran = Vlaq({"inspect", In("model.onnx"), "--bgr"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--skip-bad and --bgr are for recorded episodes"));
}

TEST_F(Episodes, SplitIsWrittenAndReadBack) {
  const std::string data = Record(30);
  const std::vector<std::string> arguments{"episodes", "split", data, "--fractions",   "calibration=0.4,test=0.6",
                                           "--seed",   "5",     "-o", In("split.json")};
  const Ran made = Vlaq(arguments);
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out,
              AllOf(HasSubstr("split.json: 30 episodes, seed 5"), HasSubstr("calibration"), HasSubstr("40.0 %")));
  const Json split = Json::parse(Content(In("split.json")));
  EXPECT_EQ(split["schema"], "vlaq.split/1");
  EXPECT_EQ(split["seed"], 5);
  EXPECT_EQ(split["parts"]["calibration"]["episodes"].size() + split["parts"]["test"]["episodes"].size(), 30U);
  EXPECT_THAT(Vlaq(arguments).err, HasSubstr("already exists"));

  const Ran parts = Vlaq({"episodes", "check", In("split.json:calibration"), In("split.json:test")});
  EXPECT_EQ(parts.exit_code, 0) << parts.err;
  EXPECT_THAT(parts.out, HasSubstr("no episode is in two of them"));

  ASSERT_EQ(Vlaq({"episodes", "split", data, "--seed", "6", "-o", In("other.json")}).exit_code, 0);
  const Ran overlap = Vlaq({"episodes", "check", In("split.json:calibration"), In("other.json:train")});
  EXPECT_EQ(overlap.exit_code, 5);
  EXPECT_THAT(overlap.err, AllOf(HasSubstr("split.json:calibration and"), HasSubstr("share"), HasSubstr(".h5")));
  EXPECT_EQ(Vlaq({"episodes", "check", In("split.json"), In("split.json:nothing")}).exit_code, 2);
}

TEST_F(Episodes, SplitCountsCopiesOnceAndSkipsBadOnes) {
  const std::string data = Record(12);
  fs::copy_file(data + "/e3.h5", data + "/copy.h5");
  Overwrite(data + "/broken.h5", "x");
  const std::vector<std::string> half{"episodes", "split", data, "--fractions", "a=0.5,b=0.5", "-o", In("s.json")};
  const Ran strict = Vlaq(half);
  EXPECT_EQ(strict.exit_code, 3);
  EXPECT_THAT(strict.err, HasSubstr("broken.h5"));
  EXPECT_FALSE(fs::exists(In("s.json")));
  std::vector<std::string> skipping = half;
  skipping.emplace_back("--skip-bad");
  const Ran made = Vlaq(skipping);
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, AllOf(HasSubstr("12 episodes, seed 0"), HasSubstr("which count once: 1\n"),
                              HasSubstr("left out: "), Not(HasSubstr("13 episodes"))));
}

TEST_F(Episodes, WrongUse) {
  EXPECT_EQ(Vlaq({"episodes"}).exit_code, 2);
  EXPECT_EQ(Vlaq({"episodes", "check", "a.json"}).exit_code, 2);
  const std::string data = Record(1);
  const Ran shares = Vlaq({"episodes", "split", data, "--fractions", "a=0.5,b=0.6", "-o", In("s.json")});
  EXPECT_EQ(shares.exit_code, 2);
  EXPECT_THAT(shares.err, HasSubstr("add up to 1.1"));
  const Ran empty = Vlaq({"episodes", "split", data, "-o", In("s.json")});
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_THAT(empty.err, HasSubstr("stays empty"));
}

}  // namespace
}  // namespace vlaq

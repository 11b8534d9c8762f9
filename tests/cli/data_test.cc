// Recorded episodes: inspect, split, and the check of two splits.
#include <fmt/format.h>

#include "data/testing.h"
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
      const data::TestEpisode episode{.length = 3 + i % 2,
                                      .instruction = "pass " + side + " of the box",
                                      .layout = "1box_hori_" + side,
                                      .speed = static_cast<float>(i + 1) / 8};
      EXPECT_TRUE(data::WriteTestEpisode(In(fmt::format("data/e{}.h5", i)), episode));
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

Time
  episodes  time by          steps a second
  --------  ---------------  --------------
         2  the stated rate             2.5

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

Red and blue (read as RGB): as labeled
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
  const Json d = Vlaq({"inspect", data, "--json", "--hash", "--channel-order", "bgr"}).json();
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
  const Ran ran = Vlaq({"inspect", In("model.onnx"), "--channel-order", "bgr"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--skip-bad and --channel-order are for recorded episodes"));
}

TEST_F(Episodes, SplitIsWrittenAndReadBack) {
  const std::string data = Record(30);
  const std::vector<std::string> arguments{"data",   "split", data, "--fractions",   "calibration=0.4,test=0.6",
                                           "--seed", "5",     "-o", In("split.json")};
  const Ran made = Vlaq(arguments);
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out,
              AllOf(HasSubstr("split.json: 30 episodes, seed 5"), HasSubstr("calibration"), HasSubstr("40.0 %")));
  const Json split = Json::parse(Content(In("split.json")));
  EXPECT_EQ(split["schema"], "vlaq.split/1");
  EXPECT_EQ(split["seed"], 5);
  EXPECT_EQ(split["parts"]["calibration"]["episodes"].size() + split["parts"]["test"]["episodes"].size(), 30U);
  EXPECT_THAT(Vlaq(arguments).err, HasSubstr("already exists"));

  const Ran parts = Vlaq({"data", "check", In("split.json:calibration"), In("split.json:test")});
  EXPECT_EQ(parts.exit_code, 0) << parts.err;
  EXPECT_THAT(parts.out, HasSubstr("no episode is in two of them"));

  ASSERT_EQ(Vlaq({"data", "split", data, "--seed", "6", "-o", In("other.json")}).exit_code, 0);
  const Ran overlap = Vlaq({"data", "check", In("split.json:calibration"), In("other.json:train")});
  EXPECT_EQ(overlap.exit_code, 5);
  EXPECT_THAT(overlap.err, AllOf(HasSubstr("split.json:calibration and"), HasSubstr("share"), HasSubstr(".h5")));
  EXPECT_EQ(Vlaq({"data", "check", In("split.json"), In("split.json:nothing")}).exit_code, 2);
}

TEST_F(Episodes, SplitCountsCopiesOnceAndSkipsBadOnes) {
  const std::string data = Record(12);
  fs::copy_file(data + "/e3.h5", data + "/copy.h5");
  Overwrite(data + "/broken.h5", "x");
  const std::vector<std::string> half{"data", "split", data, "--fractions", "a=0.5,b=0.5", "-o", In("s.json")};
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

// Episodes with time stamps, by h5py: what is sound, and what is odd.
std::string Timed(const std::string& name) { return std::string(VLAQ_TESTDATA "/episode/times/") + name + ".h5"; }

TEST_F(Episodes, CheckSaysHowEpisodesKeepTime) {
  const Ran ran = Vlaq({"data", "check", Timed("milliseconds"), Record(1), Timed("nanoseconds")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, R"(3 episodes
  file             steps  time by          steps a second  99 % within  longest interval  gaps
  ---------------  -----  ---------------  --------------  -----------  ----------------  ----
  milliseconds.h5      5  time stamps                 2.5       810 ms   810 ms (step 3)     1
  e0.h5                3  the stated rate             2.5            -                 -     -
  nanoseconds.h5       5  time stamps                 2.5       400 ms   400 ms (step 1)     0
)");
}

TEST_F(Episodes, CheckNamesWhatIsWrongWithTimeStamps) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"not_ascending", "step 3 is 0.8 s after the first, not after step 2 (1.2 s)"},
      {"nan", "step 2 holds nan"},
      {"too_few", "has the shape [4], but there are 5 steps"},
      {"float_nanoseconds", "they look like ns: say so in the dataset's attribute 'units'"},
      {"other_rate", "attribute 'total_duration' says 2.5 a second"},
  };
  std::vector<std::string> all{"data", "check", Timed("seconds")};
  for (const auto& [name, what] : cases) {
    all.push_back(Timed(name));
    const Ran ran = Vlaq({"data", "check", Timed(name)});
    EXPECT_EQ(ran.exit_code, 5) << name;
    EXPECT_THAT(ran.out, AllOf(HasSubstr(name + ".h5: dataset 'timestamp': "), HasSubstr(what)));
  }
  Overwrite(In("broken.h5"), "x");
  all.push_back(In("broken.h5"));
  const Ran ran = Vlaq(all);
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("6 episodes\n"), HasSubstr("wrong: 6\n"), HasSubstr("broken.h5")));
  EXPECT_THAT(ran.err, HasSubstr("something is wrong with 6 of 7 episodes"));
}

TEST_F(Episodes, CheckTakesEpisodesOrSplits) {
  const Ran mixed = Vlaq({"data", "check", Timed("seconds"), "split.json"});
  EXPECT_EQ(mixed.exit_code, 2);
  EXPECT_THAT(mixed.err, HasSubstr("one kind at a time"));
  EXPECT_THAT(Vlaq({"data", "check", "split.json"}).err, HasSubstr("takes two"));
}

TEST_F(Episodes, InspectShowsTimeStamps) {
  const Ran ran = Vlaq({"inspect", std::string(VLAQ_TESTDATA "/episode/times")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("6  time stamps                 2.5\n"),
                             HasSubstr("7  the stated rate             2.5\n"), HasSubstr("gaps: 1\n"),
                             HasSubstr("Wrong time stamps: 9\n")));
  const Json time = Vlaq({"inspect", Timed("milliseconds"), "--json"}).json()["time"];
  EXPECT_EQ(time["recorded"]["episodes"], 1);
  EXPECT_EQ(time["recorded"]["lowest_hz"], 2.5);
  EXPECT_TRUE(time["stated"]["lowest_hz"].is_null());
  EXPECT_EQ(time["intervals"]["longest_file"], "milliseconds.h5");
  EXPECT_EQ(time["intervals"]["longest_step"], 3);
  EXPECT_NEAR(time["intervals"]["longest_s"].get<double>(), 0.81, 1e-9);
  EXPECT_EQ(time["intervals"]["gaps"], 1);
  EXPECT_TRUE(time["wrong"].empty());
  EXPECT_THAT(Vlaq({"inspect", Timed("nan"), "--json"}).json()["time"]["wrong"][0]["error"].get<std::string>(),
              HasSubstr("step 2 holds nan"));
}

TEST_F(Episodes, WrongUse) {
  EXPECT_EQ(Vlaq({"data"}).exit_code, 2);
  EXPECT_EQ(Vlaq({"data", "check", "a.json"}).exit_code, 2);
  const std::string data = Record(1);
  const Ran shares = Vlaq({"data", "split", data, "--fractions", "a=0.5,b=0.6", "-o", In("s.json")});
  EXPECT_EQ(shares.exit_code, 2);
  EXPECT_THAT(shares.err, HasSubstr("add up to 1.1"));
  const Ran empty = Vlaq({"data", "split", data, "-o", In("s.json")});
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_THAT(empty.err, HasSubstr("stays empty"));
}

}  // namespace
}  // namespace vlaq

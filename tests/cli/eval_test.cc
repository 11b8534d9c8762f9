// Evaluation on recorded episodes and in the simulator, and what the simulator records and shows.
#include <algorithm>
#include <cmath>

#include "image/frames.h"
#include "program.h"
#include "sim/world.h"
#include "tiny_bundle.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A folder of its own, with a tiny policy that has a tokenizer: "bundle".
class Eval : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    MakeTinyBundle(folder_->path(), "bundle", 1);
    MakeTinyBundle(folder_->path(), "other", 7);
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string In(const std::string& name) { return (folder_->path() / name).string(); }

  // Recorded episodes, some of them long enough to leave the window behind.
  static std::string Record(const std::string& name, int count) { return RecordedSides{.count = count}.In(In(name)); }

 private:
  static inline TemporaryFolder* folder_ = nullptr;
};

class Simulated : public Eval {
 protected:
  void SetUp() override {
    if (const auto why = sim::World::Unavailable()) GTEST_SKIP() << *why;
  }
};

TEST_F(Eval, UsageErrorsSayWhatIsMissing) {
  ExpectUsage({"eval"}, "name the bundle to evaluate");
  ExpectUsage({"eval", "x"}, "there is nothing to evaluate on");
  ExpectUsage({"eval", "--expert", "--episodes", "data"}, "give --rollouts N");
  ExpectUsage({"eval", "x", "--reference-program", "true", "--episodes", "data"}, "give --rollouts N");
  for (const char* count : {"data", "0", "-3", "1000001"}) {
    ExpectUsage({"eval", "--expert", std::string("--rollouts=") + count}, "--rollouts");
  }
  ExpectUsage({"eval", "x", "--episodes", "data", "--rollouts", "4"}, "two evaluations");
  ExpectUsage({"eval", "--expert", "--rollouts", "2", "--seed", "18446744073709551615"}, "too large");
  for (const char* shard : {"4/4", "1", "1/", "/2", "a/b", "0/5", "0/0", "1/2/3", "-1/2"}) {
    ExpectUsage({"eval", "--expert", "--rollouts", "4", std::string("--shard=") + shard},
                "--shard '" + std::string(shard) + "' is no part of 4 episodes");
  }
  ExpectUsage({"eval", "--expert", "--rollouts", "4", "--ablation", "gray_imag"}, "did you mean gray_image?");
  ExpectUsage({"eval", "--expert", "--rollouts", "4", "--ablation", "gray_image"}, "the expert does not look");
  ExpectUsage({"eval", "--expert", "--rollouts", "4", "--camera-size", "224"}, "is no size of a camera");
  ExpectUsage({"eval", "--expert", "--rollouts", "4", "--camera-size", "8x8"}, "16 to 4096");
  ExpectUsage({"eval", "x", "--episodes"}, "--episodes: 1 required");
  ExpectUsage({"eval", "x", "--episode", "data"}, "did you mean --episodes?");
  ExpectUsage({"eval", "merge"}, "parts is missing");
  ExpectUsage({"sim"}, "`vlaq sim` needs a command: record, render");
  ExpectUsage({"sim", "recrd"}, "did you mean record?");
  ExpectUsage({"sim", "record", "-o", "/tmp/vlaq_never"}, "--rollouts is required");
  ExpectUsage({"sim", "record", "--rollouts", "0", "-o", "/tmp/vlaq_never"}, "at least 1");
  ExpectUsage({"sim", "render"}, "--output is required");
  EXPECT_FALSE(fs::exists("/tmp/vlaq_never"));
}

TEST_F(Eval, WhatCannotBeReadIsBadInput) {
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& message) {
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 3) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(message));
    EXPECT_THAT(ran.out, IsEmpty());
  };
  fs::create_directory(In("nothing"));
  refused({"eval", In("bundle"), "--episodes", In("nothing")}, "holds no episodes");
  refused({"eval", In("bundle"), "--episodes", "/nowhere"}, "/nowhere");
  refused({"eval", "/nowhere", "--episodes", Record("few", 2)}, "/nowhere: cannot open the file: No such file");
  refused({"eval", "merge", "/nowhere/part.json"}, "/nowhere/part.json");
  Overwrite(In("part.json"), R"({"schema": "vlaq.eval/2", "mode": "open_loop"})");
  refused({"eval", "merge", In("part.json")}, "open_loop");
  Overwrite(In("part.json"), "{");
  refused({"eval", "merge", In("part.json")}, "part.json");
}

TEST_F(Eval, AnAbsentProviderStops) {
  const Ran ran = Vlaq({"eval", In("bundle"), "--episodes", Record("provider", 2), "--provider", "tensorrt"});
  EXPECT_EQ(ran.exit_code, 4) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("no execution provider 'tensorrt'"));
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST_F(Eval, RecordedEpisodesAreScored) {
  const std::string data = Record("data", 5);
  const Ran text = Vlaq({"eval", In("bundle"), "--episodes", data});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("5 recorded episodes, 20 steps; 1 is 2 m/s"), HasSubstr("ablation"),
                              HasSubstr("e4.h5"), HasSubstr("pass right of the box"), HasSubstr("MAE of chunks"),
                              HasSubstr("As the original's training computed its MAE")));
  const Json json = Vlaq({"eval", In("bundle"), "--episodes", data, "--json", "--ablation", "all"}).json();
  EXPECT_EQ(json["schema"], "vlaq.eval/2");
  EXPECT_EQ(json["mode"], "open_loop");
  const Json& policy = json["policy"];
  EXPECT_EQ(policy["kind"], "bundle");
  EXPECT_EQ(policy["sha256"].get<std::string>().size(), 64U);
  EXPECT_EQ(policy["action_scale"], 2.0);
  ASSERT_EQ(policy["ablations"].size(), 7U);
  for (const Json& condition : policy["ablations"]) {
    const std::string name = condition["ablation"];
    const double mae = condition["summary"]["mae"];
    EXPECT_TRUE(mae > 0 && mae < 2) << name;
    EXPECT_EQ(condition["summary"]["steps"], 20);
    ASSERT_EQ(condition["episodes"].size(), 5U);
    EXPECT_EQ(condition["episodes"][2]["name"], "e2.h5");
    if (name == "none") continue;
    // All frames of an episode are the same here: their order is nothing that a policy could see.
    const bool can_move = name != "frozen_image" && name != "shuffled_images";
    EXPECT_EQ(condition["moved"]["value"].get<double>() > 0, can_move) << name;
  }
}

TEST_F(Eval, ThreadsDoNotChangeScores) {
  const std::string data = Record("threads", 5);
  const auto with = [&](const char* threads) {
    return Vlaq({"eval", In("bundle"), "--episodes", data, "--json", "--ablation", "swapped_instruction", "--threads",
                 threads})
        .out;
  };
  EXPECT_EQ(with("1"), with("3"));
}

TEST_F(Eval, TwoBundlesAreComparedOnTheSameEpisodes) {
  const std::string data = Record("pair", 4);
  const auto compare = [&](const std::string& against) {
    return Vlaq({"eval", In("bundle"), "--reference", In(against), "--episodes", data, "--json"}).json();
  };
  const Json other = compare("other");
  EXPECT_NE(other["policy"]["sha256"], other["reference"]["sha256"]);
  const double difference = other["comparison"][0]["mae_difference"]["value"];
  EXPECT_NEAR(difference,
              other["policy"]["ablations"][0]["summary"]["mae"].get<double>() -
                  other["reference"]["ablations"][0]["summary"]["mae"].get<double>(),
              1e-12);
  EXPECT_NE(difference, 0);
  EXPECT_EQ(compare("bundle")["comparison"][0]["mae_difference"]["bootstrap_95"], Json::parse("[0.0, 0.0]"));
  const Ran text = Vlaq({"eval", In("bundle"), "--reference", In("other"), "--episodes", data});
  EXPECT_THAT(text.out, AllOf(HasSubstr("bundle minus other"), HasSubstr("direction agreement"),
                              HasSubstr("bootstrap over episodes"), HasSubstr("interval")));
}

TEST_F(Eval, BrokenEpisodesStopItOrAreListed) {
  const std::string data = Record("broken", 3);
  Overwrite(data + "/e1.h5", "no HDF5");
  const Ran stopped = Vlaq({"eval", In("bundle"), "--episodes", data});
  EXPECT_EQ(stopped.exit_code, 3);
  EXPECT_THAT(stopped.err, AllOf(HasSubstr("e1.h5"), HasSubstr("--skip-bad")));
  const Ran skipped = Vlaq({"eval", In("bundle"), "--episodes", data, "--skip-bad"});
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_THAT(skipped.out, AllOf(HasSubstr("2 recorded episodes"), HasSubstr("left out:"), HasSubstr("e1.h5")));
}

TEST_F(Eval, TheDocumentIsWrittenAndNeverLost) {
  const std::string data = Record("written", 2);
  const std::string file = In("scores.json");
  const Ran ran = Vlaq({"eval", In("bundle"), "--episodes", data, "--json", "-o", file});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Json::parse(Content(file)), ran.json());
  EXPECT_EQ(Vlaq({"eval", In("bundle"), "--episodes", data, "-o", file}).exit_code, 2);
  EXPECT_EQ(Vlaq({"eval", In("bundle"), "--episodes", data, "-o", file, "--force"}).exit_code, 0);
}

// Red and blue change places in what the policy sees.
TEST_F(Eval, TheChannelOrderIsASetting) {
  const std::string data = Record("channels", 3);
  const auto mae = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"eval", In("bundle"), "--episodes", data, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Vlaq(arguments).json()["policy"]["ablations"][0]["summary"]["mae"].get<double>();
  };
  EXPECT_NE(mae({}), mae({"--channel-order", "bgr"}));
}

// A bundle without a tokenizer gets the prompt of its export, which is said; in the simulator that is useless.
TEST_F(Eval, WithoutATokenizerInstructionsAreNotHeard) {
  const std::string data = Record("no_instruction", 2);
  const std::string checkpoint = In("bundle_checkpoint/model.safetensors");
  const Ran made = Vlaq({"export", checkpoint, "-o", In("deaf_bundle"), "--config", In("bundle_checkpoint/config.json"),
                         "--policy", In("bundle_checkpoint/policy.json")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Ran ran = Vlaq({"eval", In("deaf_bundle"), "--episodes", data, "--ablation", "swapped_instruction", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("warning:"), HasSubstr("tokenizer"), HasSubstr("--tokenizer")));
  EXPECT_EQ(ran.json()["policy"]["ablations"][0]["moved"]["value"], 0.0);
  const Ran hears = Vlaq({"eval", In("deaf_bundle"), "--episodes", data, "--ablation", "swapped_instruction", "--json",
                          "--tokenizer", SmallTokenizer()});
  ASSERT_EQ(hears.exit_code, 0) << hears.err;
  EXPECT_EQ(ran.json()["policy"]["tokenizer_sha256"], "");
  EXPECT_EQ(hears.json()["policy"]["tokenizer_sha256"].get<std::string>().size(), 64U) << "it is not the bundle's own";
  EXPECT_GT(hears.json()["policy"]["ablations"][0]["moved"]["value"].get<double>(), 0);
  ExpectUsage({"eval", In("deaf_bundle"), "--rollouts", "1"}, "cannot be told where to go");
}

TEST_F(Eval, ACheckpointIsEvaluatedAsItsBundleIs) {
  const std::string data = Record("checkpoint_data", 3);
  const Json bundle = Vlaq({"eval", In("bundle"), "--episodes", data, "--json"}).json();
  const std::vector<std::string> arguments{"eval",        In("bundle_checkpoint/model.safetensors"),
                                           "--config",    In("bundle_checkpoint/config.json"),
                                           "--policy",    In("bundle_checkpoint/policy.json"),
                                           "--tokenizer", SmallTokenizer(),
                                           "--episodes",  data,
                                           "--json"};
  const Ran ran = Vlaq(arguments);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.json()["policy"]["kind"], "checkpoint");
  EXPECT_EQ(ran.json()["policy"]["runs_on"], "onnxruntime, cpu");
  EXPECT_EQ(ran.json()["policy"]["tokenizer_sha256"], "") << "it is in the bundle that was made";
  EXPECT_EQ(Vlaq(arguments).out, ran.out) << "the hash is that of the same bundle, wherever it was made";
  EXPECT_EQ(ran.json()["policy"]["ablations"][0]["summary"], bundle["policy"]["ablations"][0]["summary"]);
}

constexpr std::string_view kExpertTable =
    R"(4 simulated episodes, seeds 5000000 to 5000003

expert scripted, sees the true state
ablation  success %  95 % interval  told side %  other side %  collided %  timed out %)";

TEST_F(Simulated, TheExpertDrives) {
  const Ran ran = Vlaq({"eval", "--expert", "--rollouts", "4"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(::testing::StartsWith(std::string(kExpertTable)),
                             HasSubstr("none          100.0  51.0 to 100.0        100.0           0.0         0.0"),
                             HasSubstr("layout (none)  success  of")));
  const Json json = Vlaq({"eval", "--expert", "--rollouts", "4", "--json", "--seed", "9"}).json();
  EXPECT_EQ(json["mode"], "simulation");
  EXPECT_EQ(json["first_seed"], 9);
  EXPECT_EQ(json["policy"]["kind"], "expert");
  const Json& outcomes = json["policy"]["ablations"][0]["outcomes"];
  ASSERT_EQ(outcomes.size(), 4U);
  EXPECT_EQ(outcomes[3]["seed"], 12);
}

TEST_F(Simulated, ShardsMergeIntoTheWhole) {
  const std::vector<std::string> base{"eval",       "--expert", "--rollouts",         "7",
                                      "--ablation", "none",     "swapped_instruction"};
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = base;
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  };
  const std::string whole_json = run({"--json"});
  const std::string whole_text = run({});
  for (const std::string i : {"0", "1", "2"}) {
    EXPECT_THAT(run({"--shard", i + "/3", "-o", In("s" + i + ".json")}), HasSubstr("shard " + i + " of 3"));
  }
  const Ran json = Vlaq({"eval", "merge", In("s2.json"), In("s0.json"), In("s1.json"), "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.err;
  EXPECT_EQ(json.out, whole_json);
  const Ran text = Vlaq({"eval", "merge", In("s0.json"), In("s1.json"), In("s2.json"), "-o", In("merged.json")});
  EXPECT_EQ(text.out, whole_text);
  EXPECT_EQ(Content(In("merged.json")), Json::parse(whole_json).dump(1) + "\n");
  const Ran missing = Vlaq({"eval", "merge", In("s0.json"), In("s2.json")});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, AllOf(HasSubstr("of 3 shards these are missing: 1"), HasSubstr("--shard i/n")));
  const Ran twice = Vlaq({"eval", "merge", In("s0.json"), In("s0.json"), In("s1.json")});
  EXPECT_EQ(twice.exit_code, 3);
  EXPECT_THAT(twice.err, HasSubstr("is shard 0 again"));
}

TEST_F(Simulated, ABundleDrivesAndIsPairedWithAProgram) {
  // A program of the shell that never moves: 32 x 18 pixels are 1728 bytes.
  const std::string program = "while read -r l; do head -c 1728 >/dev/null; echo '{\"action\": [0, 0]}'; done";
  const std::vector<std::string> arguments{"eval",  In("bundle"), "--rollouts",          "2",    "--camera-size",
                                           "32x18", "--json",     "--reference-program", program};
  const Ran ran = Vlaq(arguments);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json json = ran.json();
  EXPECT_EQ(json["policy"]["kind"], "bundle");
  EXPECT_EQ(json["reference"]["kind"], "program");
  EXPECT_EQ(json["world"]["width"], 32);
  EXPECT_EQ(json["reference"]["ablations"][0]["summary"]["timed_out"]["count"], 2);
  EXPECT_EQ(json["comparison"][0]["only_reference"], 0);
  EXPECT_EQ(Vlaq(arguments).out, ran.out) << "the same at every run";
  const Ran gone =
      Vlaq({"eval", "--expert", "--rollouts", "1", "--camera-size", "32x18", "--reference-program", "exit 3"});
  EXPECT_EQ(gone.exit_code, 4);
  EXPECT_THAT(gone.err, AllOf(HasSubstr("ended with status 3"), Not(HasSubstr("seed"))));
}

TEST_F(Simulated, WhatIsRecordedCanBeInspectedAndScored) {
  const std::string data = In("recorded");
  const Ran ran =
      Vlaq({"sim", "record", "--rollouts", "2", "--seed", "3", "-o", data, "--camera-size", "32x18", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json report = ran.json();
  EXPECT_EQ(report["schema"], "vlaq.sim.record/1");
  ASSERT_EQ(report["episodes"].size(), 2U);
  int steps = 0;
  for (const Json& episode : report["episodes"]) {
    EXPECT_TRUE(episode["succeeded"].get<bool>());
    EXPECT_TRUE(fs::exists(data + "/" + episode["file"].get<std::string>()));
    steps += episode["steps"].get<int>();
  }
  const Ran inspected = Vlaq({"inspect", data});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, AllOf(HasSubstr("2 episodes, " + std::to_string(steps) + " steps"), HasSubstr("32x18")));
  const Ran scored =
      Vlaq({"eval", In("bundle"), "--episodes", data, "--json", "--ablation", "none", "shuffled_images"});
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  const Json conditions = scored.json()["policy"]["ablations"];
  EXPECT_EQ(conditions[0]["summary"]["steps"], steps);
  EXPECT_GT(conditions[1]["moved"]["value"].get<double>(), 0);
  const Ran again = Vlaq({"sim", "record", "--rollouts", "2", "--seed", "3", "-o", data, "--camera-size", "32x18"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("--force"));
}

TEST_F(Simulated, ABundleMayDriveWhileTheExpertLabels) {
  const Ran ran = Vlaq({"sim", "record", "--bundle", In("bundle"), "--rollouts", "1", "--seed", "3", "-o",
                        In("labeled"), "--camera-size", "32x18"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("1 episodes"));
  ASSERT_EQ(Vlaq({"sim", "record", "--rollouts", "1", "--seed", "3", "-o", In("by_expert"), "--camera-size", "32x18"})
                .exit_code,
            0);
  const auto file = fs::directory_iterator(In("labeled"))->path().filename();
  EXPECT_NE(Content(In("labeled") / file), Content(In("by_expert") / file));
}

TEST_F(Simulated, RenderWritesTwoPicturesAndWhatTheyShow) {
  const Ran ran = Vlaq({"sim", "render", "--seed", "3", "-o", In("pictures"), "--camera-size", "32x18", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json report = ran.json();
  EXPECT_EQ(report["schema"], "vlaq.sim.render/1");
  EXPECT_TRUE(report["succeeded"].get<bool>());
  ASSERT_EQ(report["files"].size(), 2U);
  EXPECT_EQ(report["path"].size(), report["steps"].get<size_t>() + 1);
  const std::string file_of_it = "000000003_" + report["layout"].get<std::string>() + ".json";
  EXPECT_EQ(Json::parse(Content(fs::path(In("pictures")) / file_of_it)), report);
  for (const Json& file : report["files"]) {
    const auto source = image::OpenPictures({fs::path(In("pictures")) / file.get<std::string>()});
    ASSERT_TRUE(source.ok()) << source.error().ToString();
    const auto picture = (*source)->Read(0);
    ASSERT_TRUE(picture.ok()) << picture.error().ToString();
    const auto& rgb = picture->pixels.rgb;
    EXPECT_GT(picture->pixels.width, 32);
    EXPECT_NE(*std::ranges::min_element(rgb), *std::ranges::max_element(rgb)) << "there is something on it";
  }
  EXPECT_EQ(Vlaq({"sim", "render", "--seed", "3", "-o", In("pictures"), "--camera-size", "32x18"}).exit_code, 2);
  const Ran text = Vlaq({"sim", "render", "--seed", "3", "-o", In("pictures"), "--camera-size", "32x18", "--force",
                         "--policy", In("bundle")});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("seed 3"), HasSubstr("_camera.png")));
}

// A build without the simulator says so, and what to do.
TEST_F(Eval, WithoutASimulatorNothingDrives) {
  if (!sim::World::Unavailable()) GTEST_SKIP() << "there is a simulator";
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"eval", "--expert", "--rollouts", "1"},
                                                    {"sim", "record", "--rollouts", "1", "-o", In("never")},
                                                    {"sim", "render", "-o", In("never")}}) {
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 4);
    EXPECT_THAT(ran.err, HasSubstr("vlaq:"));
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

}  // namespace
}  // namespace vlaq

// Measuring as users do: the program starts its workers itself, and other programs that do not tell the truth. Nothing
// here depends on how fast anything is: a build with assertions on a busy machine is never VALID, and that is the
// point.
#include <algorithm>
#include <cstdlib>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"
#include "program.h"
#include "tensor/convert.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BenchTest : public CliTest {
 protected:
  // A few rounds, one thread.
  static Ran Bench(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "bench");
    arguments.insert(arguments.end(), {"--threads", "1", "--budget", "2", "--rounds", "7", "--percentiles", "50",
                                       "--frames-count", "3"});
    return Program(arguments);
  }
  static Json BenchJson(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Ran ran = Bench(arguments);
    EXPECT_THAT(ran.exit_code, ::testing::AnyOf(0, 6)) << ran.err;
    return ran.out.empty() ? Json{} : ran.json();
  }
  static std::vector<std::string> Findings(const Json& subject) {
    std::vector<std::string> names;
    for (const Json& finding : subject["verdict"]["findings"]) names.push_back(finding["check"]);
    return names;
  }
  static std::string PublishedTable() { return VLAQ_TESTDATA "/../examples/mobile_vla/published.json"; }
  static std::string RefusedWith(int code, const std::vector<std::string>& arguments) {
    const Ran ran = Bench(arguments);
    EXPECT_EQ(ran.exit_code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    return ran.err;
  }
  // A subject in shell: `answer` to every question of one step.
  static std::string Shell(const std::string& name, const std::string& answer) {
    Overwrite(
        In(name + ".sh"),
        "read -r hello\n"
        "echo '{\"ready\": true, \"runs_on\": \"a shell\", \"precision\": \"fp32\", \"load_ns\": 1, \"threads\": 1}'\n"
        "while read -r question; do\n"
        "  frames=$(echo \"$question\" | sed 's/.*\\[\\(.*\\)\\].*/\\1/' | tr ',' ' ')\n"
        "  one='' actions=''\n"
        "  for f in $frames; do one=\"$one,10000000\"; actions=\"$actions,[$f.5]\"; done\n" +
            answer + "\ndone\n");
    return name + "=cmd:sh " + In(name + ".sh");
  }
  // Its steps take longer than its answers.
  static std::string Liar(const std::string& name) {
    return Shell(
        name,
        R"(long=$(echo "${one#,}" | sed 's/10000000/90000000000/g'); echo "{\"start_ns\":[${one#,}],\"wall_ns\":[$long],\"cpu_ns\":[${one#,}],\"actions\":[${actions#,}]}")");
  }
  static std::string Honest(const std::string& name) {
    return Shell(
        name,
        R"(for f in $frames; do sleep 0.01; done; echo "{\"start_ns\":[${one#,}],\"wall_ns\":[${one#,}],\"cpu_ns\":[${one#,}],\"actions\":[${actions#,}]}")");
  }
};

TEST_F(BenchTest, AnAbsentProviderStops) {
  EXPECT_THAT(RefusedWith(4, {Bundle(), "--provider", "tensorrt", "--fallback-provider", "cuda", "--provider-option",
                              "device_id=0"}),
              HasSubstr("no execution provider 'tensorrt'"));
}

TEST_F(BenchTest, MeasuresABundleInBothWays) {
  const Json results = BenchJson({"new=" + Bundle(), "window=whole:" + Bundle()});
  EXPECT_EQ(results["schema"], "vlaq.results/1");
  ASSERT_EQ(results["subjects"].size(), 2U);
  for (const Json& subject : results["subjects"]) {
    EXPECT_GT(subject["summary"]["n"], 0);
    EXPECT_EQ(subject["samples"]["wall_ns"].size(), subject["summary"]["n"]);
    EXPECT_GT(subject["memory"]["own_bytes"], 1'000'000);
    EXPECT_EQ(subject["precision"], "fp32");
    EXPECT_GT(subject["size_bytes"], 1'000'000);
    EXPECT_LT(subject["outputs"]["largest"], 1e-5) << "both compute the same";
    EXPECT_THAT(Findings(subject), Not(::testing::Contains("outputs_differ")));
    EXPECT_THAT(Findings(subject), Not(::testing::Contains("identity")));
  }
  EXPECT_EQ(results["subjects"][0]["mode"], "streaming");
  EXPECT_EQ(results["subjects"][1]["mode"], "whole");
  EXPECT_EQ(results["comparisons"][0]["first"], "new");
  EXPECT_LT(results["comparisons"][0]["ratio"]["median"], 1) << "one frame instead of eight";
  EXPECT_LT(results["harness"]["call_ns"], 20'000);
}

TEST_F(BenchTest, SaysWhatMadeIt) {
  const Json made =
      BenchJson({"a=" + Bundle(), "--protocol", "published", "--provider", "cpu", "--max-difference", "0.05"})["made"];
  EXPECT_EQ(made["command"], (Json{"vlaq",
                                   "bench",
                                   "a=" + Bundle(),
                                   "--protocol",
                                   "published",
                                   "--provider",
                                   "cpu",
                                   "--max-difference",
                                   "0.05",
                                   "--json",
                                   "--threads",
                                   "1",
                                   "--budget",
                                   "2",
                                   "--rounds",
                                   "7",
                                   "--percentiles",
                                   "50",
                                   "--frames-count",
                                   "3"}));
  EXPECT_EQ(made["revision"], Program({"doctor", "--json"}).json()["vlaq"]["revision"]);
  EXPECT_THAT(made["revision"].get<std::string>(), ::testing::MatchesRegex("([0-9a-f]+(-dirty)?)?"));
}

TEST_F(BenchTest, TheTableSaysWhatWasMeasured) {
  const Ran ran = Bench({"a=" + Bundle(), "--profile", "--roofline", "-o", In("roofline.json"), "--force"});
  const Json peaks = Json::parse(Content(In("roofline.json")))["peaks"];
  EXPECT_EQ(ran.out.find("But others took") != std::string::npos, peaks["other_load"] > 0.1)
      << "a roofline from a loaded machine says so: " << peaks;
  EXPECT_FALSE(peaks["kernels"]["fp32"].get<std::string>().empty());
  EXPECT_THAT(ran.out, AllOf(HasSubstr("serving protocol, 1 thread"), HasSubstr("seeded noise"), HasSubstr("median ms"),
                             HasSubstr("Where a step of a spends its time"), HasSubstr("MatMul"), HasSubstr("GMAC/s: "),
                             HasSubstr("in float32 (")));
}

TEST_F(BenchTest, PublishedIsTwentyRuns) {
  const Json results = BenchJson({"a=" + Bundle(), "--protocol", "published"});
  EXPECT_EQ(results["subjects"][0]["summary"]["n"], 20);
  EXPECT_EQ(results["subjects"][0]["warm_up"]["runs"], 5);
}

TEST_F(BenchTest, ControlCountsDeadlines) {
  const Json results = BenchJson({"a=" + Bundle(), "--protocol", "control", "--period", "20ms", "--duration", "0.2s"});
  const Json& deadline = results["subjects"][0]["summary"]["deadline"];
  EXPECT_EQ(deadline["period_ns"], 20'000'000);
  EXPECT_GT(deadline["of"], 0);
  EXPECT_LE(deadline["missed"], deadline["of"]);
}

// Nobody asked for percentiles: those that the frames allow are claimed, and none is a reason to be INVALID.
TEST_F(BenchTest, PercentilesAreThoseThatTheRunAllows) {
  const auto control = [](const std::string& duration) {
    const Ran ran = Program({"bench", "a=" + Bundle(), "--protocol", "control", "--period", "20", "--duration",
                             duration, "--threads", "1", "--frames-count", "3", "--json"});
    EXPECT_THAT(ran.exit_code, ::testing::AnyOf(0, 6)) << ran.err;
    return ran.json();
  };
  const Json few = control("0.5");
  EXPECT_EQ(few["settings"]["percentiles"], Json::array({0.5}));
  EXPECT_THAT(Findings(few["subjects"][0]), Not(::testing::Contains("too_few_runs"))) << few["subjects"][0]["summary"];
  EXPECT_EQ(control("4")["settings"]["percentiles"], (Json{0.5, 0.9}));
}

TEST_F(BenchTest, SubjectsAreCalledByTheLastPartOfTheirPath) {
  const Json results = BenchJson({Bundle() + "/", "whole:" + Bundle(), "--protocol", "published"});
  EXPECT_EQ(results["subjects"][0]["name"], std::filesystem::path(Bundle()).filename().string());
  EXPECT_EQ(results["subjects"][1]["name"], "whole:" + std::filesystem::path(Bundle()).filename().string());
  // Two of one name are called as they were typed.
  std::filesystem::create_directories(In("same_name"));
  std::filesystem::create_symlink(Bundle(),
                                  In("same_name") + "/" + std::filesystem::path(Bundle()).filename().string());
  const std::string other = In("same_name") + "/" + std::filesystem::path(Bundle()).filename().string();
  const Json two = BenchJson({Bundle(), other, "--protocol", "published"});
  EXPECT_EQ(two["subjects"][0]["name"], Bundle());
  EXPECT_EQ(two["subjects"][1]["name"], other);
}

// A line a subject; the rest is there for whoever asks. Two threads are claimed where one was asked for, and times are.
TEST_F(BenchTest, ALineForEachSubject) {
  const std::string subject = Liar("bad");
  std::string script = Content(In("bad.sh"));
  Overwrite(In("bad.sh"), script.replace(script.find("\"threads\": 1"), 12, "\"threads\": 2"));
  const Ran brief = Bench({subject, "--protocol", "published"});
  EXPECT_EQ(brief.exit_code, 6);
  EXPECT_THAT(brief.out, AllOf(HasSubstr("INVALID bad: claims"), HasSubstr("more findings: --verbose"),
                               Not(HasSubstr("bad: threads"))));
  EXPECT_THAT(Bench({subject, "--protocol", "published", "-v"}).out,
              AllOf(HasSubstr("INVALID bad: claims"), HasSubstr("INVALID bad: threads"), Not(HasSubstr("--verbose"))));
}

TEST_F(BenchTest, ResultsOfARunBeforeAreCalledThat) {
  const Ran first = Bench({Liar("it"), "--protocol", "published", "-o", In("again.json")});
  EXPECT_EQ(first.exit_code, 6) << first.err;
  EXPECT_THAT(first.err, HasSubstr("--force replaces them"));
  EXPECT_THAT(RefusedWith(2, {Liar("it"), "-o", In("again.json")}),
              AllOf(HasSubstr("results of an earlier run, 0 of 1 subjects VALID"), HasSubstr("--force")));
  EXPECT_EQ(Bench({Liar("it"), "--protocol", "published", "-o", In("again.json"), "--force"}).exit_code, 6);
}

TEST_F(BenchTest, ABatchSweep) {
  const Json results = BenchJson({"a=whole:" + Bundle(), "--batch", "1,2"});
  ASSERT_EQ(results["sweeps"].size(), 1U);
  EXPECT_EQ(results["sweeps"][0]["axis"], "batch");
  EXPECT_EQ(results["sweeps"][0]["points"][1]["value"], 2);
  EXPECT_THAT(RefusedWith(2, {Bundle(), "--batch", "2"}), HasSubstr("no batch"));
}

TEST_F(BenchTest, AnotherProgramIsASubject) {
  const Json results = BenchJson({Honest("one"), Honest("two")});
  EXPECT_EQ(results["subjects"][1]["outputs"]["largest"], 0);
  EXPECT_EQ(results["subjects"][1]["runs_on"], "a shell");
}

TEST_F(BenchTest, AFastWrongAnswerIsNoResult) {
  const std::string wrong = Shell(
      "wrong",
      R"(echo "{\"start_ns\":[${one#,}],\"wall_ns\":[${one#,}],\"cpu_ns\":[${one#,}],\"actions\":[$(echo "${actions#,}" | tr 5 9)]}")");
  const Json results = BenchJson({Honest("right"), wrong});
  EXPECT_THAT(Findings(results["subjects"][1]), ::testing::Contains("outputs_differ"));
  EXPECT_EQ(results["subjects"][1]["verdict"]["state"], "INVALID");
}

TEST_F(BenchTest, AProgramThatLooksAtNoFrameIsNoPolicy) {
  const auto constant = [](const std::string& name) {
    return Shell(
        name,
        R"(echo "{\"start_ns\":[${one#,}],\"wall_ns\":[${one#,}],\"cpu_ns\":[${one#,}],\"actions\":[$(echo "${actions#,}" | sed 's/\[[0-9.]*\]/[0.5]/g')]}")");
  };
  const std::string slight = Shell(
      "slight",
      R"(for f in $frames; do sleep 0.01; done; echo "{\"start_ns\":[${one#,}],\"wall_ns\":[${one#,}],\"cpu_ns\":[${one#,}],\"actions\":[$(echo "${actions#,}" | sed 's/\[\([0-9]*\).5\]/[0.50\1]/g')]}")");
  const Json results = BenchJson({slight, constant("blind")});
  EXPECT_EQ(results["settings"]["max_difference_given"], false);
  EXPECT_LT(results["subjects"][1]["outputs"]["largest"], 0.01);
  EXPECT_THAT(Findings(results["subjects"][1]), ::testing::Contains("output_independent_of_input"));
  const Json told = BenchJson({slight, constant("blind"), "--max-difference", "0.01"});
  EXPECT_EQ(told["settings"]["max_difference_given"], true);
  EXPECT_THAT(Findings(told["subjects"][1]), Not(::testing::Contains("output_independent_of_input")));
}

TEST_F(BenchTest, AClockThatLiesIsCaught) {
  const Json results = BenchJson({Honest("right"), Liar("liar")});
  EXPECT_THAT(Findings(results["subjects"][1]), ::testing::Contains("claims"));
}

TEST_F(BenchTest, AStepThatIsNotWaitedForIsCaught) {
  const std::string asynchronous = Shell(
      "launched",
      R"(for f in $frames; do sleep 0.01; done; short=$(echo "${one#,}" | sed 's/10000000/2000000/g'); echo "{\"start_ns\":[${one#,}],\"wall_ns\":[$short],\"cpu_ns\":[${one#,}],\"actions\":[${actions#,}]}")");
  const Json results = BenchJson({Honest("right"), asynchronous});
  EXPECT_THAT(Findings(results["subjects"][0]), Not(::testing::Contains("unaccounted_time")));
  EXPECT_THAT(Findings(results["subjects"][1]), ::testing::Contains("unaccounted_time"));
  EXPECT_EQ(results["subjects"][1]["verdict"]["state"], "INVALID");
  EXPECT_EQ(results["subjects"][1]["answers"]["wall_ns"].size(), results["subjects"][1]["answers"]["steps"].size());
  const std::string none = Shell(
      "none",
      R"(none=$(echo "${one#,}" | sed 's/10000000/0/g'); echo "{\"start_ns\":[${one#,}],\"wall_ns\":[$none],\"cpu_ns\":[${one#,}],\"actions\":[${actions#,}]}")");
  EXPECT_THAT(RefusedWith(4, {Honest("right"), none}), AllOf(HasSubstr("'none'"), HasSubstr("no time is")));
}

TEST_F(BenchTest, AStandInIsAnotherNetwork) {
  const Ran made = Vlaq({"synth", "checkpoint", "--size", "micro", "--seed", "2", "-o", In("other.pth"), "--force"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Ran exported = Vlaq({"export", In("other.pth"), "-o", In("other"), "--config", In("config.json"), "--policy",
                             In("policy.json"), "--force"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const Json results = BenchJson({"it=" + Bundle(), "other=" + In("other"), "--max-difference", "0.001"});
  EXPECT_THAT(Findings(results["subjects"][1]), ::testing::Contains("outputs_differ"));
}

TEST_F(BenchTest, AStandInIsNotItsOwnMeasure) {
  // A program that does not say how large it is, then the stand-in, then the whole.
  const auto counted = [](const std::string& name, int64_t parameters) {
    std::string subject = Honest(name);
    std::string script = Content(In(name + ".sh"));
    const size_t at = script.find("\"load_ns\"");
    Overwrite(In(name + ".sh"), script.insert(at, "\"parameters\": " + std::to_string(parameters) + ", "));
    return subject;
  };
  const Json results = BenchJson({Honest("first"), counted("stand_in", 1000), counted("whole", 150'000)});
  EXPECT_TRUE(results["subjects"][0]["identity"].is_null());
  EXPECT_THAT(Findings(results["subjects"][1]), ::testing::Contains("identity"));
  EXPECT_EQ(results["subjects"][2]["identity"], 1.0);
  const Json turned = BenchJson({counted("stand_in", 1000), counted("whole", 150'000)});
  EXPECT_EQ(turned["subjects"][1]["identity"], 150.0) << "not cut off at 1";
  EXPECT_THAT(Findings(turned["subjects"][1]), ::testing::Contains("identity"));
}

TEST_F(BenchTest, WhoDiesIsNamed) {
  EXPECT_THAT(RefusedWith(4, {Honest("right"), "dead=cmd:false"}),
              AllOf(HasSubstr("'dead'"), HasSubstr("ended with status 1")));
  EXPECT_THAT(RefusedWith(4, {Honest("right"), Shell("dies", "exit 3")}),
              AllOf(HasSubstr("'dies'"), HasSubstr("status 3")));
  EXPECT_THAT(RefusedWith(4, {"silent=cmd:sleep 9", "--timeout", "0.3"}), HasSubstr("did not answer"));
}

TEST_F(BenchTest, WhatCannotBeMeasuredIsRefused) {
  EXPECT_THAT(RefusedWith(2, {}), HasSubstr("name what to measure"));
  EXPECT_THAT(RefusedWith(2, {"tourch:x"}), AllOf(HasSubstr("'tourch'"), HasSubstr("torch-streaming")));
  EXPECT_THAT(RefusedWith(3, {In("nothing")}), HasSubstr("nothing"));
  EXPECT_THAT(RefusedWith(3, {"torch:" + In("nothing.pth")}), HasSubstr("does not exist"));
  EXPECT_THAT(RefusedWith(2, {"a=" + Bundle(), "a=whole:" + Bundle()}), HasSubstr("two subjects are called 'a'"));
  EXPECT_THAT(RefusedWith(2, {"torch:" + Checkpoint()}), HasSubstr("name a bundle"));
  // The encoder's prompt is as long as nobody said.
  EXPECT_THAT(RefusedWith(4, {"onnx:" + Bundle() + "/encoder.onnx"}),
              AllOf(HasSubstr("nothing says how large"), HasSubstr("--extent"), HasSubstr("'onnx:encoder.onnx'")));
  EXPECT_THAT(RefusedWith(2, {Bundle(), "--percentiles", "150"}), HasSubstr("150"));
  Overwrite(In("there.json"), "mine");
  EXPECT_THAT(RefusedWith(2, {Bundle(), "-o", In("there.json")}), HasSubstr("already exists"));
  EXPECT_EQ(Content(In("there.json")), "mine");
}

// Half an hour of measuring must not be lost to what could be known before.
TEST_F(BenchTest, WhatWouldFailAtTheEndIsRefusedAtOnce) {
  EXPECT_THAT(RefusedWith(3, {Bundle(), "-o", Checkpoint() + "/x.json"}), HasSubstr("is no folder"));
  EXPECT_THAT(RefusedWith(2, {Bundle(), "-o", Folder().string(), "--force"}), HasSubstr("is a folder"));
  EXPECT_THAT(RefusedWith(2, {"whole:" + Bundle(), "new=" + Bundle(), "--batch", "1,2"}), HasSubstr("'new' streams"));
  EXPECT_THAT(RefusedWith(3, {Bundle(), "--episodes", In("no_episodes")}), HasSubstr("no_episodes"));
  EXPECT_THAT(RefusedWith(2, {Honest("it"), "--episodes", In("no_episodes")}), HasSubstr("is a bundle"));
  EXPECT_THAT(RefusedWith(3, {"pytorch=whole:" + Bundle(), "onnx=whole:" + Bundle(), "int8=whole:" + Bundle(),
                              "streaming=" + Bundle(), "--published", PublishedTable(), "--published-to",
                              Checkpoint() + "/below"}),
              HasSubstr("is no folder"));
}

TEST_F(BenchTest, ASweepThatFailsLosesNothing) {
  // Knows one thread, and ends when it is asked for more.
  Overwrite(
      In("single.sh"),
      "read -r hello; case \"$hello\" in *'\"threads\":1,'*) ;; *) echo '{\"error\": \"one thread only\"}';; esac\n"
      "echo '{\"ready\": true, \"runs_on\": \"a shell\", \"threads\": 1}'\n"
      "while read -r question; do\n"
      "  frames=$(echo \"$question\" | sed 's/.*\\[\\(.*\\)\\].*/\\1/' | tr ',' ' ')\n"
      "  one='' actions=''\n"
      "  for f in $frames; do sleep 0.01; one=\"$one,10000000\"; actions=\"$actions,[$f.5]\"; done\n"
      "  echo \"{\\\"start_ns\\\":[${one#,}],\\\"wall_ns\\\":[${one#,}],\\\"cpu_ns\\\":[${one#,}],\\\"actions\\\":"
      "[${actions#,}]}\"\ndone\n");
  const Ran ran = Program({"bench", "single=cmd:sh " + In("single.sh"), "--sweep-threads", "1,2", "--protocol",
                           "published", "--frames-count", "3", "-o", In("swept.json")});
  EXPECT_EQ(ran.exit_code, 4) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("one thread only"));
  EXPECT_THAT(ran.out, HasSubstr("single"));
  const Json written = Json::parse(Content(In("swept.json")));
  EXPECT_EQ(written["subjects"][0]["summary"]["n"], 20);
  EXPECT_TRUE(written["sweeps"].empty());
}

TEST_F(BenchTest, OddNumbersAndNamesAreNoBugs) {
  const Ran ran = Program({"bench", "caf\xe9=" + Bundle(), "--budget", "1e10", "--duration", "1e300", "--timeout",
                           "1e300", "--threads", "1", "--protocol", "published", "-o", In("latin1.json")});
  EXPECT_THAT(ran.exit_code, ::testing::AnyOf(0, 6)) << ran.err;
  EXPECT_EQ(Json::parse(Content(In("latin1.json")))["subjects"][0]["name"], "caf\uFFFD");
  const std::string sixteen = Honest("sixteen");
  std::string script = Content(In("sixteen.sh"));
  const size_t at = script.find("\"threads\": 1");
  ASSERT_NE(at, std::string::npos);
  Overwrite(In("sixteen.sh"), script.insert(at + 12, "6"));
  EXPECT_THAT(Findings(BenchJson({sixteen, "--protocol", "published"})["subjects"][0]), ::testing::Contains("threads"));
}

TEST_F(BenchTest, AGraphAloneSaysItsImageSize) {
  const std::string golden = VLAQ_TESTDATA "/golden/mean_hidden/";
  const Ran made = Vlaq({"export", golden + "checkpoint.pth", "--config", golden + "config.json", "--policy",
                         golden + "policy.json", "-o", In("small")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Json policy = Json::parse(Content(In("small/policy.json")));
  ASSERT_EQ(policy["settings"]["image_size"], 28) << "not the 224 of others";
  const Json results = BenchJson({"graph=" + In("small/mae0222_model_cpu.onnx"), "--protocol", "published"});
  EXPECT_EQ(results["subjects"][0]["summary"]["n"], 20);
}

// ---- any policy ----

std::string ImportedFile(const std::string& name) { return VLAQ_TESTDATA "/onnx_import/" + name; }

// What ONNX Runtime gave from Python for `output`, as a list in JSON.
std::string RecordedBy(const std::string& io, const std::string& output) {
  const auto file = checkpoint::Checkpoint::Open(ImportedFile(io));
  EXPECT_TRUE(file.ok());
  const auto floats = ToFloat32((*file)->Read(*(*file)->Find("out." + output)));
  EXPECT_TRUE(floats.ok());
  Json numbers = Json::array();
  for (const float number : floats->data<float>()) numbers.push_back(static_cast<double>(number));
  return numbers.dump();
}

TEST_F(BenchTest, AnImportedPolicyGivesWhatOnnxRuntimeGives) {
  const std::string graph = ImportedFile("hand_unnamed_gemm_13.onnx"), io = "hand_unnamed_gemm_13.io.safetensors";
  const Ran imported = Vlaq({"import", graph, "-o", In("gemm"), "--force"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const std::string recorded = Shell(
      "recorded",
      R"(for f in $frames; do sleep 0.01; done; echo "{\"start_ns\":[${one#,}],\"wall_ns\":[${one#,}],\"cpu_ns\":[${one#,}],\"actions\":[$(echo "${actions#,}" | sed 's/\[0.5\]/)" +
          RecordedBy(io, "y") + R"(/g')]}")");
  const Json results = BenchJson({recorded, "bundle=" + In("gemm"), "file=onnx:" + graph, "--inputs",
                                  ImportedFile(io) + ":in.", "--protocol", "published"});
  ASSERT_EQ(results["subjects"].size(), 3U);
  for (size_t i = 1; i < 3; ++i) {
    const Json& subject = results["subjects"][i];
    EXPECT_LT(subject["outputs"]["largest"], 1e-6) << subject["name"];
    EXPECT_EQ(subject["outputs"]["steps"], 20);
    EXPECT_GT(subject["parameters"], 10);
    EXPECT_GT(subject["size_bytes"], 10);
    EXPECT_LT(subject["summary"]["median_ns"], 50'000'000);
  }
  EXPECT_EQ(results["subjects"][1]["mode"], "default") << "its schedule";
  const Json& settings = results["settings"];
  EXPECT_THAT(settings["inputs"]["what"].get<std::string>(), HasSubstr("1 step of"));
  EXPECT_THAT(settings["action_unit"].get<std::string>(), HasSubstr("as the graph gives 'y'"));
  EXPECT_EQ(settings["span"], "model: inputs in memory to outputs");
  EXPECT_EQ(settings["window"], 1);
  const Ran text = Bench({In("gemm"), "--protocol", "published"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("3 steps of seeded noise"), HasSubstr("(as the graph gives 'y')"))) << text.err;
}

TEST_F(BenchTest, WhatIsNotGivenIsMadeUpAlikeForAll) {
  const std::string head = ImportedFile("split_head_legacy_17.onnx");
  const Json results = BenchJson({"a=onnx:" + head, "b=onnx:" + head, "--profile"});
  EXPECT_EQ(results["subjects"][1]["outputs"]["largest"], 0);
  EXPECT_GT(results["subjects"][1]["outputs"]["spread"], 0) << "steps differ";
  EXPECT_FALSE(results["subjects"][1]["operators"].is_null());
  EXPECT_THAT(results["settings"]["inputs"]["what"].get<std::string>(), HasSubstr("3 steps of seeded noise"));
  // Another network on the same inputs is another policy.
  const Json memory = BenchJson({"m=onnx:" + ImportedFile("hand_recurrent_17.onnx"),
                                 "n=onnx:" + ImportedFile("hand_recurrent_17.onnx"), "--protocol", "published"});
  EXPECT_EQ(memory["subjects"][1]["outputs"]["others"]["h1"]["largest"], 0) << "further outputs by name";
}

TEST_F(BenchTest, InputsThatDoNotFitAreRefused) {
  const std::string graph = "onnx:" + ImportedFile("hand_unnamed_gemm_13.onnx");
  const auto file = [](const std::string& name, const std::map<std::string, Tensor>& tensors) {
    EXPECT_TRUE(checkpoint::WriteSafetensors(In(name), tensors).ok());
    return In(name);
  };
  EXPECT_THAT(RefusedWith(3, {graph, "--inputs", file("nine.safetensors", {{"obs", Tensor::Make(DType::kF32, {9})}})}),
              AllOf(HasSubstr("'obs' is float32 [9]"), HasSubstr("the input is float32 [8]")));
  EXPECT_THAT(RefusedWith(3, {graph, "--inputs", file("odd.safetensors", {{"odd", Tensor::Make(DType::kF32, {8})}})}),
              HasSubstr("'odd' is no input"));
  EXPECT_THAT(RefusedWith(2, {graph, "--frames", Frames()}), HasSubstr("no camera"));
  EXPECT_THAT(RefusedWith(2, {graph, "--extent", "tokens=3"}), HasSubstr("leaves open a 'tokens'"));
  EXPECT_THAT(RefusedWith(2, {graph, "--extent", "tokens"}), HasSubstr("NAME=NUMBER"));
  EXPECT_THAT(RefusedWith(4, {"onnx:" + ImportedFile("hand_recurrent_17.onnx"), "--batch", "2"}),
              HasSubstr("no batch"));
  const Ran imported = Vlaq({"import", ImportedFile("hand_unnamed_gemm_13.onnx"), "-o", In("no_whole"), "--force"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_THAT(RefusedWith(2, {"whole:" + In("no_whole")}),
              AllOf(HasSubstr("no schedule 'whole'"), HasSubstr("there are: default")));
}

TEST_F(BenchTest, WithoutPyTorchSaysWhatToInstall) {
  const Ran ran = Program({"bench", Bundle(), "torch:" + Checkpoint()}, "VLAQ_PYTHON=/no/python");
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.err, HasSubstr("script/pytorch"));
}

// Without PyTorch, as here: its row is absent and nothing stands in for it.
TEST_F(BenchTest, ThePublishedFiles) {
  const std::string int8 = In("published_int8");
  const Ran made = Vlaq({"quantize", Bundle(), "--target", "cpu", "--precision", "int8", "-o", int8, "--force"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const std::vector<std::string> good{"onnx=whole:" + Bundle(), "int8=whole:" + int8, "streaming=" + int8};
  std::vector<std::string> arguments = good;
  arguments.insert(arguments.end(),
                   {"--published", PublishedTable(), "--published-to", In("published"), "--protocol", "published"});
  const Ran ran = Bench(arguments);
  EXPECT_THAT(ran.exit_code, ::testing::AnyOf(0, 6)) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("ONNX INT8 streaming"), HasSubstr("speed-up"), HasSubstr("files: PyTorch.")));
  const std::string folder = In("published/quantized_models_cpu/");
  const Json document = Json::parse(Content(folder + "mae0222_quantization_results_cpu.json"));
  EXPECT_FALSE(document.contains("pytorch"));
  for (const char* column : {"onnx", "int8", "streaming"}) {
    EXPECT_GT(document[column]["avg_time_ms"], 0) << column;
    EXPECT_NEAR(document[column]["fps"].get<double>() * document[column]["avg_time_ms"].get<double>(), 1000, 1e-6);
    EXPECT_TRUE(document[column]["speedup"].is_null()) << "its meaning is a ratio to PyTorch";
    EXPECT_THAT(document[column]["runs_on"], HasSubstr("ONNX Runtime"));
    EXPECT_EQ(document[column]["precision"], std::string(column) == "onnx" ? "fp32" : "int8");
    EXPECT_EQ(document[column]["mode"], std::string(column) == "streaming" ? "streaming" : "whole");
  }
  for (const auto& [field, value] : document["streaming"].items()) {
    EXPECT_TRUE(field == "what" || field == "difference_against" || document["meaning"].contains(field)) << field;
  }
  // The graph stands alone with its weights.
  const Ran inspected = Vlaq({"inspect", folder + "mae0222_model_cpu.onnx"});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.err;

  // No label on what it is not.
  const auto refused = [&](std::vector<std::string> subjects) {
    subjects.insert(subjects.end(),
                    {"--published", PublishedTable(), "--published-to", In("elsewhere"), "--protocol", "published"});
    return RefusedWith(2, subjects);
  };
  EXPECT_THAT(refused({"a=" + Bundle()}), HasSubstr("named int8"));
  EXPECT_THAT(refused({"pytorch=whole:" + Bundle(), good[1]}), HasSubstr("pytorch is of kind 'whole'"));
  EXPECT_THAT(refused({"pytorch=torch-compile:" + Checkpoint(), good[1]}), HasSubstr("of kind 'torch-compile'"));
  EXPECT_THAT(refused({Honest("onnx"), good[1]}), HasSubstr("onnx is of kind 'cmd'"));
  EXPECT_THAT(refused({"onnx=whole:" + int8, good[1]}), AllOf(HasSubstr("onnx must be fp32"), HasSubstr("is int8")));
  EXPECT_THAT(refused({"int8=whole:" + Bundle()}), AllOf(HasSubstr("int8 must be int8"), HasSubstr("is fp32")));
  EXPECT_THAT(refused({"int8=" + int8}), HasSubstr("int8 is of kind 'bundle'"));
  EXPECT_THAT(refused({good[1], "streaming=whole:" + int8}), HasSubstr("streaming is of kind 'whole'"));
  const Ran other = Vlaq({"synth", "checkpoint", "--size", "micro", "--seed", "3", "-o", In("third.pth"), "--force"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  const Ran exported = Vlaq({"export", In("third.pth"), "-o", In("third"), "--config", In("config.json"), "--policy",
                             In("policy.json"), "--force"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const Ran third =
      Vlaq({"quantize", In("third"), "--target", "cpu", "--precision", "int8", "-o", In("third_int8"), "--force"});
  ASSERT_EQ(third.exit_code, 0) << third.err;
  EXPECT_THAT(refused({good[1], "streaming=" + In("third_int8")}), HasSubstr("different weights"));
}

TEST_F(BenchTest, ATableThatSaysTooLittleIsRefused) {
  const Json good = Json::parse(Content(PublishedTable()));
  const auto refused = [&](const Json& table) {
    Overwrite(In("table.json"), table.dump());
    return RefusedWith(3, {Bundle(), "--published", In("table.json"), "--published-to", In("nowhere")});
  };
  EXPECT_THAT(refused(Json::object()), HasSubstr("schema is missing: it must be \"vlaq.published_table/1\""));
  for (const char* key : {"provider", "folder", "results", "reference", "graph", "columns", "meaning"}) {
    Json without = good;
    without.erase(key);
    EXPECT_THAT(refused(without), HasSubstr("table.json")) << key;
  }
  Json strange = good;
  strange["reference"] = "nobody";
  EXPECT_THAT(refused(strange), HasSubstr("there is no column 'nobody'"));
  strange = good;
  strange["results"] = "../results.json";
  EXPECT_THAT(refused(strange), HasSubstr("no plain file name"));
  strange = good;
  strange["columns"][1].erase("kind");
  EXPECT_THAT(refused(strange), HasSubstr("columns[1].kind is missing"));
  strange["columns"][1] = good["columns"][0];
  EXPECT_THAT(refused(strange), HasSubstr("two columns are called 'pytorch'"));
  EXPECT_THAT(RefusedWith(2, {Bundle(), "--published", PublishedTable()}), HasSubstr("belong together"));
}

// ---- compare ----

// Results of one subject whose steps take so long.
std::string Stored(int64_t ns, const std::function<void(Json&)>& edit = {}) {
  Json samples{{"round", Json::array()}, {"wall_ns", Json::array()}};
  for (int i = 0; i < 20; ++i) {
    samples["round"].push_back(i);
    samples["wall_ns"].push_back(ns + 1000 * (i % 5));
  }
  Json json{{"schema", "vlaq.results/1"},
            {"machine", {{"cpu", "one"}}},
            {"settings",
             {{"protocol", "serving"}, {"threads", 1}, {"batch", 1}, {"window", 8}, {"inputs", {{"sha256", "x"}}}}},
            {"subjects",
             {{{"name", "a"}, {"verdict", {{"state", "VALID"}}}, {"samples", samples}, {"summary", {{"n", 20}}}}}}};
  if (edit) edit(json);
  return json.dump();
}

TEST_F(BenchTest, CompareFailsOnARegressionOnly) {
  Overwrite(In("old.json"), Stored(1'000'000));
  Overwrite(In("same.json"), Stored(1'010'000));
  Overwrite(In("slow.json"), Stored(1'200'000));
  const Ran same = Vlaq({"compare", In("old.json"), In("same.json")});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr("no difference shown"));
  const Ran slow = Vlaq({"compare", In("old.json"), In("slow.json"), "--json"});
  EXPECT_EQ(slow.exit_code, 5);
  EXPECT_EQ(slow.json()["changes"][0]["verdict"], "SLOWER");
  EXPECT_THAT(slow.err, HasSubstr("slower by more than 5 %"));
  EXPECT_EQ(Vlaq({"compare", In("old.json"), In("slow.json"), "--threshold", "0.3"}).exit_code, 0);
  const Ran fast = Vlaq({"compare", In("slow.json"), In("old.json")});
  EXPECT_EQ(fast.exit_code, 0);
  EXPECT_THAT(fast.out, HasSubstr("faster"));
}

TEST_F(BenchTest, CompareRefusesWhatIsNoFairComparison) {
  Overwrite(In("old.json"), Stored(1'000'000));
  Overwrite(In("other.json"), Stored(1'000'000, [](Json& j) { j["machine"]["cpu"] = "two"; }));
  const Ran other = Vlaq({"compare", In("old.json"), In("other.json")});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("processors differ"));
  EXPECT_EQ(Vlaq({"compare", In("old.json"), In("other.json"), "--allow-different"}).exit_code, 0);
  Overwrite(In("bad.json"), "{}");
  const Ran bad = Vlaq({"compare", In("old.json"), In("bad.json")});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_THAT(bad.err, HasSubstr("schema"));
}

}  // namespace
}  // namespace vlaq

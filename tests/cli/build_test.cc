// Engines without a board: a stand-in for trtexec (tests/board) ends in every way that the real one does, and `vlaq
// build` keeps, refuses or explains. Nothing that the stand-in says may come out as measured.
#include <algorithm>

#include "program.h"
#include "stand_in.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Build : public BoardTest {
 protected:
  static void SetUpTestSuite() { QuantizeFor("tensorrt-8.6"); }
  void SetUp() override { fs::remove_all(Folder()); }

  static std::string Trtexec(const std::string& scenario) { return StandIn(In("trtexec_" + scenario), scenario); }
  // vlaq build with the INT8 bundle's whole graph, unless told otherwise.
  static Ran Run(const std::string& scenario, std::vector<std::string> bundles = {In("int8")},
                 const std::vector<std::string>& more = {"--parts", "whole"}) {
    std::vector<std::string> arguments{"build"};
    arguments.insert(arguments.end(), bundles.begin(), bundles.end());
    arguments.insert(arguments.end(), {"--engine-dir", Folder(), "--trtexec", Trtexec(scenario)});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Vlaq(arguments);
  }
  static std::vector<std::string> Files() {
    std::vector<std::string> names;
    if (!fs::exists(Folder())) return names;
    for (const auto& entry : fs::directory_iterator(Folder())) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  // No engine, no record, nothing temporary: at most the log of the failure and TensorRT's own cache.
  static void ExpectNothingMade() {
    for (const std::string& name : Files()) {
      EXPECT_TRUE(name.ends_with(".log") || name.ends_with(".cache")) << name;
    }
  }
};

TEST_F(Build, MakesTheEnginesUnderThePublishedNames) {
  const Ran ran = Run("ok", {In("fp16"), In("int8")}, {});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  for (const char* name : {"mae0222_model_fp16.trt", "mae0222_model_int8.trt", "encoder_fp16.trt", "encoder_int8.trt",
                           "head_fp16.trt", "head_int8.trt"}) {
    EXPECT_TRUE(fs::exists(File(name))) << name;
    EXPECT_THAT(ran.out, HasSubstr(name));
    const Json record = Json::parse(Content(File(std::string(name) + ".json")));
    EXPECT_EQ(record["builder"]["tensorrt"], "8.6.2");
    EXPECT_EQ(record["measured"], false);
  }
  EXPECT_EQ(Files().size(), 13U) << ::testing::PrintToString(Files());  // and the timing cache
  EXPECT_THAT(ran.out, AllOf(HasSubstr("100.0 %"), HasSubstr("Nothing here counts as measured")));
  const Json options = Json::parse(Content(File("mae0222_model_int8.trt.json")))["options"];
  EXPECT_THAT(options.dump(), AllOf(HasSubstr("--int8"), HasSubstr("--fp16"), HasSubstr("1x1x3x224x224"),
                                    HasSubstr("8x8x3x224x224"), HasSubstr("--profilingVerbosity=detailed")));
}

// Whatever graphs a policy has: their inputs' extents follow from its schedules.
TEST_F(Build, TakesImportedBundles) {
  const Ran imported = Vlaq({"import", std::string(VLAQ_TESTDATA) + "/onnx_import/hand_unnamed_gemm_13.onnx", "-o",
                             In("imported"), "--force"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const Ran half = Vlaq({"quantize", In("imported"), "--target", "tensorrt-8.6", "--precision", "fp16", "-o",
                         In("imported_fp16"), "--force"});
  ASSERT_EQ(half.exit_code, 0) << half.err;
  const Ran dry = Vlaq({"build", In("imported_fp16"), "--engine-dir", Folder(), "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_THAT(dry.out, AllOf(HasSubstr("_fp16.trt"), HasSubstr("--onnx=")));
  const Ran built = Run("ok", {In("imported_fp16")}, {"--json"});
  EXPECT_EQ(built.exit_code, 0) << built.err;
  EXPECT_EQ(built.json()["engines"].size(), 1U);
  const Ran wrong = Run("ok", {In("imported_fp16")}, {"--parts", "encoder"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("has no graph 'encoder'"), HasSubstr("there are: ")));
}

// An engine is fed with frames: one that takes more is told before the hours of building, not after.
TEST_F(Build, AReferenceIsForGraphsOfFramesAlone) {
  const std::string files = std::string(VLAQ_TESTDATA) + "/onnx_import/split_encoder_legacy_17.onnx";
  ASSERT_EQ(Vlaq({"import", files, "-o", In("two"), "--force"}).exit_code, 0);
  const Ran half =
      Vlaq({"quantize", In("two"), "--target", "tensorrt-8.6", "--precision", "fp16", "-o", In("two_fp16"), "--force"});
  ASSERT_EQ(half.exit_code, 0) << half.err;
  const Ran ran = Run("ok", {In("two_fp16")}, {"--measure", "--reference", In("two"), "--frames", Frames()});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("on frames alone"), HasSubstr("takes 2 inputs")));
}

TEST_F(Build, KeepsWhatIsMadeOfTheSame) {
  ASSERT_EQ(Run("ok").exit_code, 0);
  const auto time = fs::last_write_time(File("mae0222_model_int8.trt"));
  const Ran again = Run("ok");
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("kept, its bundle, options and TensorRT are the same"));
  EXPECT_EQ(fs::last_write_time(File("mae0222_model_int8.trt")), time);
  // Other options, or a file that is not the one recorded: never replaced without being told to.
  const Ran other = Run("ok", {In("int8")}, {"--parts", "whole", "--workspace", "512MiB"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, AllOf(HasSubstr("already exists"), HasSubstr("--force")));
  EXPECT_EQ(Run("ok", {In("int8")}, {"--parts", "whole", "--workspace", "512MiB", "--force"}).exit_code, 0);
  Overwrite(File("mae0222_model_int8.trt"), "something else");
  EXPECT_EQ(Run("ok", {In("int8")}, {"--parts", "whole", "--workspace", "512MiB"}).exit_code, 2);
  fs::remove(File("mae0222_model_int8.trt.json"));
  const Ran unknown = Run("ok");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("nothing says what it was made of"));
}

TEST_F(Build, GoesOnWhereItStopped) {
  ASSERT_EQ(Run("ok", {In("fp16")}).exit_code, 0);
  // The second engine fails, the first stays; then only the second is built.
  EXPECT_EQ(Run("ok", {In("fp16"), In("int8")}).exit_code, 0);
  const Json report = Run("ok", {In("fp16"), In("int8")}, {"--parts", "whole", "--json"}).json();
  EXPECT_EQ(report["engines"][0]["state"], "kept");
  EXPECT_EQ(report["engines"][1]["state"], "kept");
  EXPECT_FALSE(report["engines"][1].contains("build_seconds"));  // a stand-in's
}

// A trtexec that fails where its words hold `where`, and else is the stand-in.
std::string FailsAt(const std::string& path, const std::string& where) {
  Overwrite(path, "#!/bin/sh\ncase \"$*\" in *" + where +
                      "*) echo '[E] something of its own'; exit 1;; esac\nexec python3 '" VLAQ_TESTDATA
                      "/../tests/board/stand_in_trtexec.py' ok \"$@\"\n");
  ::chmod(path.c_str(), 0755);
  return path;
}

// The graph of the whole window may not fit into the memory of a small board where encoder and head do.
TEST_F(Build, OneThatFailsDoesNotKeepTheOthers) {
  std::vector<std::string> arguments{"build",  In("fp16"),  "--engine-dir",
                                     Folder(), "--trtexec", FailsAt(In("trtexec_no_whole"), "mae0222_model_fp16.trt"),
                                     "--json"};
  const Ran ran = Vlaq(arguments);
  EXPECT_EQ(ran.exit_code, 4) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("1 of 3 engines failed (mae0222_model_fp16.trt), the others are there"),
                             HasSubstr("something of its own")));
  const Json report = ran.json();
  ASSERT_EQ(report["engines"].size(), 2U);
  EXPECT_EQ(report["engines"][0]["part"], "encoder");
  EXPECT_EQ(report["engines"][1]["part"], "head");
  ASSERT_EQ(report["failed"].size(), 1U);
  EXPECT_TRUE(fs::exists(File("encoder_fp16.trt.json")));
  EXPECT_FALSE(fs::exists(File("mae0222_model_fp16.trt")));
  arguments.insert(arguments.end(), {"--measure"});
  EXPECT_EQ(Vlaq(arguments).exit_code, 4);
  const Json results = Json::parse(Content(File("jetson_tensorrt_results.json")));
  EXPECT_TRUE(results.contains("fp16_encoder"));
  EXPECT_FALSE(results.contains("fp16"));
}

TEST_F(Build, EndsAsSpecified) {
  struct Case {
    const char* scenario;
    int exit_code;
    const char* says;
  };
  const std::vector<Case> cases{
      {"unsupported", 3,
       "does not know an operator of the graph: \"[8] No importer registered for op: DynamicQuantizeLinear"},
      {"out_of_memory", 4, "out of memory while building"},
      {"fallback", 5, "the engine fell back: 0.0 % of the MACs"},
      {"opaque_fallback", 5, "fell back, by its size"},
      {"tensorrt_10", 3, "was made for tensorrt-8.6, and this is TensorRT 10.3.0"},
      {"truncated_log", 4, "breaks off before a verdict"},
      {"truncated_json", 4, "is no JSON: it is cut off or damaged"},
      {"truncated_engine", 4, "the engine is truncated"},
      {"names_only", 4, "names of layers alone"},
      {"crash", 4, "crashed: it was ended by signal 11"},
      {"killed", 4, "killed from outside, as the system does when memory runs out"},
      {"full_disk", 3, "the engine could not be written: \"Saving engine to file failed.\""},  // the disk here has room
      {"unknown_option", 4, "does not know an option that vlaq gives"},
      {"other_program", 4, "does not say which TensorRT it belongs to"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.scenario);
    fs::remove_all(Folder());
    const Ran ran = Run(c.scenario);
    EXPECT_EQ(ran.exit_code, c.exit_code) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(c.says));
    EXPECT_THAT(ran.out, IsEmpty());
    ExpectNothingMade();
  }
  // A failure leaves its log; the next success takes it away.
  ASSERT_EQ(Run("crash").exit_code, 4);
  EXPECT_TRUE(fs::exists(File("mae0222_model_int8.trt.log")));
  ASSERT_EQ(Run("ok").exit_code, 0);
  EXPECT_FALSE(fs::exists(File("mae0222_model_int8.trt.log")));
}

TEST_F(Build, AFailureLeavesTheEngineThatWasThere) {
  ASSERT_EQ(Run("ok").exit_code, 0);
  const std::string before = Content(File("mae0222_model_int8.trt"));
  for (const char* scenario : {"crash", "full_disk", "fallback", "truncated_json"}) {
    EXPECT_NE(Run(scenario, {In("int8")}, {"--parts", "whole", "--force"}).exit_code, 0) << scenario;
    EXPECT_EQ(Content(File("mae0222_model_int8.trt")), before) << scenario;
  }
  EXPECT_EQ(Run("crash").exit_code, 2);  // another trtexec would build another engine
  const Ran kept = Run("ok");
  EXPECT_EQ(kept.exit_code, 0) << kept.err;
  EXPECT_THAT(kept.out, HasSubstr("kept, "));
}

TEST_F(Build, AnOpaqueEngineIsJudgedByItsSize) {
  const Ran ran = Run("opaque", {In("fp16")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("by its size"), HasSubstr("in layers that do not say what they compute in")));
  EXPECT_EQ(Run("opaque_fallback", {In("fp16")}, {"--parts", "whole", "--force"}).exit_code, 5);
  // A few megabytes say nothing of a small policy: kernels take as much.
  const Ran unclear = Run("opaque_unclear", {In("fp16")}, {"--parts", "whole", "--force"});
  EXPECT_EQ(unclear.exit_code, 0) << unclear.err;
  EXPECT_THAT(unclear.out, AllOf(HasSubstr("NOT PROVEN"), Not(HasSubstr("by its size"))));
  EXPECT_EQ(Json::parse(Content(File("mae0222_model_fp16.trt.json")))["runs_in"]["proven"], false);
}

// The head is all float32 there: --int8 would make TensorRT invent scales for it.
TEST_F(Build, NoInt8IsAskedForWhereThePlanHasNone) {
  const std::vector<std::string> dry{"build", In("int8"), "--engine-dir", Folder(), "--dry-run", "--parts"};
  for (const char* part : {"encoder", "head"}) {
    std::vector<std::string> arguments = dry;
    arguments.emplace_back(part);
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.out.find("--int8") != std::string::npos, part == std::string("encoder")) << ran.out;
  }
}

TEST_F(Build, FromTensorRt10OnAnEngineIsWrapped) {
  const Ran made = Vlaq({"quantize", Bundle(), "--target", "tensorrt-10", "--precision", "fp16", "--stats",
                         In("stats.json"), "-o", In("ten")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Ran ran = Run("tensorrt_10", {In("ten")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json options = Json::parse(Content(File("mae0222_model_fp16.trt.json")))["options"];
  EXPECT_THAT(options.dump(), AllOf(HasSubstr("--stronglyTyped"), Not(HasSubstr("--fp16"))));
  const std::string wrapper = File("mae0222_model_fp16.trt.onnx");
  EXPECT_THAT(Content(wrapper), AllOf(HasSubstr("EPContext"), HasSubstr("mae0222_model_fp16.trt")));
  EXPECT_THAT(Vlaq({"inspect", wrapper}).out, AllOf(HasSubstr("pixel_values"), HasSubstr("actions")));
  // Built again, the engine is kept, and what belongs to it is there again.
  const std::string model = Content(wrapper);
  fs::remove(wrapper);
  EXPECT_THAT(Run("tensorrt_10", {In("ten")}).out, HasSubstr("kept, "));
  EXPECT_EQ(Content(wrapper), model);
}

TEST_F(Build, ADryRunShowsTheCommandsOfEachVersion) {
  const std::vector<std::string> dry{"build", In("int8"), "--engine-dir", Folder(), "--parts", "whole", "--dry-run"};
  const Ran ran = Vlaq(dry);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("trtexec --onnx="), HasSubstr("--int8 --fp16"), HasSubstr("--skipInference"),
                    HasSubstr("--loadEngine="), HasSubstr("--exportLayerInfo="), HasSubstr("nothing was run")));
  EXPECT_FALSE(fs::exists(Folder()));
  std::vector<std::string> ten = dry;
  ten.insert(ten.end(), {"--tensorrt", "10.3"});
  const Ran wrong = Vlaq(ten);
  EXPECT_EQ(wrong.exit_code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("quantize it again with --target tensorrt-10"));
}

TEST_F(Build, SaysWhatIsMissing) {
  const Ran none = Vlaq({"build", In("int8"), "--engine-dir", Folder(), "--trtexec", "/no/trtexec"});
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.err, AllOf(HasSubstr("there is no trtexec (/no/trtexec)"), HasSubstr("nvidia-jetpack")));
  EXPECT_FALSE(fs::exists(Folder()));
  const Ran fp32 = Run("ok", {Bundle()});
  EXPECT_EQ(fp32.exit_code, 3);
  EXPECT_THAT(fp32.err, HasSubstr("is a fp32 bundle"));
  const Ran missing = Run("ok", {In("int8")}, {"--precision", "fp16,int8"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("no bundles are for an engine of fp16"));
  ExpectUsage({"build", In("int8"), "--engine-dir", Folder(), "--choose"}, "-o plan.json");
  ExpectUsage({"build", In("int8"), "--engine-dir", Folder(), "--measure", "--reference", Bundle()}, "belong together");
  const Ran version = Run("ok", {In("int8")}, {"--tensorrt", "10.3"});
  EXPECT_EQ(version.exit_code, 4);
  EXPECT_THAT(version.err, HasSubstr("belongs to TensorRT 8.6.2, and 10.3 is asked for"));
}

TEST_F(Build, AStandInIsNeverMeasured) {
  Overwrite(In("estimate.json"), R"({"schema": "vlaq.estimate/1", "fp16_ms": 12})");
  const Ran ran = Run("ok", {In("fp16"), In("int8")},
                      {"--measure", "--duration", "1", "--reference", Bundle(), "--frames", Frames(), "--estimate",
                       In("estimate.json")});
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("nothing was measured"), HasSubstr("the tool says that it is a stand-in"),
                             HasSubstr("is no aarch64 program")));
  const Json results = Json::parse(Content(File("jetson_tensorrt_results.json")));
  EXPECT_EQ(results["measured"], false);
  for (const char* name : {"fp16", "int8", "fp16_encoder", "int8_head"}) {
    const Json& entry = results[name];
    EXPECT_EQ(entry["measured"], false);
    EXPECT_FALSE(entry["why"].empty());
    EXPECT_EQ(entry.size(), 3U) << entry;  // measured, why, engine: no figure of any kind
  }
  EXPECT_EQ(results["estimate"]["measured"], false);
  EXPECT_EQ(results["estimate"]["content"]["fp16_ms"], 12);
  // Nowhere in what was written or said.
  for (const auto& entry : fs::directory_iterator(Folder())) {
    EXPECT_THAT(Content(entry.path()), Not(HasSubstr("\"measured\": true"))) << entry.path();
  }
  const Json report = Run("ok", {In("fp16"), In("int8")}, {"--json"}).json();
  for (const Json& engine : report["engines"]) EXPECT_EQ(engine["measured"], false);
}

TEST_F(Build, ChoosesByTime) {
  const std::vector<std::string> choose{"--parts", "whole", "--choose", "-o", In("chosen.json"), "--force"};
  const Ran fast = Run("ok", {In("fp16"), In("int8")}, choose);
  ASSERT_EQ(fast.exit_code, 0) << fast.err;
  EXPECT_THAT(fast.out, HasSubstr("groups stay INT8"));
  EXPECT_THAT(fast.err, HasSubstr("not measured"));
  const Json kept = Json::parse(Content(In("chosen.json")));
  fs::remove_all(Folder());
  const Ran slow = Run("int8_slow", {In("fp16"), In("int8")}, choose);
  ASSERT_EQ(slow.exit_code, 0) << slow.err;
  EXPECT_THAT(slow.out, HasSubstr("0 of "));
  const Json reverted = Json::parse(Content(In("chosen.json")));
  size_t int8 = 0, timed = 0;
  for (const Json& op : kept["operators"]) {
    if (op["form"] == "static_int8") ++int8;
  }
  for (const Json& op : reverted["operators"]) {
    EXPECT_NE(op["form"], "static_int8");
    if (op["rule"] != "TIME-01") continue;
    ++timed;
    EXPECT_THAT(op["reason"].get<std::string>(),
                AllOf(StartsWith("INT8 "), HasSubstr("no gain"), HasSubstr("not measured")));
  }
  EXPECT_GT(int8, 0U);
  EXPECT_EQ(timed, int8);
  // The plan is one that quantize obeys.
  const Ran again =
      Vlaq({"quantize", Bundle(), "--plan", In("chosen.json"), "--stats", In("stats.json"), "-o", In("again")});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  // Actions that are too far from fp32's take INT8 back whatever it gains.
  fs::remove_all(Folder());
  std::vector<std::string> accurate = choose;
  accurate.insert(accurate.end(), {"--max-difference", "0.0000001", "--reference", Bundle(), "--frames", Frames()});
  const Ran far = Run("ok", {In("fp16"), In("int8")}, accurate);
  ASSERT_EQ(far.exit_code, 0) << far.err;
  EXPECT_THAT(Content(In("chosen.json")), AllOf(HasSubstr("ACC-01"), HasSubstr("actions differ by")));
  const Ran one = Run("ok", {In("int8")}, choose);
  EXPECT_EQ(one.exit_code, 2);
}

// ---- what must fail, fails before hours of building ----

TEST_F(Build, RefusesBeforeItBuilds) {
  const std::vector<std::string> both{In("fp16"), In("int8")}, one{In("int8")};
  const std::vector<std::string> compared{"--reference", Bundle(), "--frames", Frames()};
  Overwrite(In("there.json"), "{}");
  fs::create_directories(In("few"));
  fs::copy_file(Frames() + "/frame1.jpg", In("few") + "/frame1.jpg", fs::copy_options::overwrite_existing);
  struct Case {
    std::vector<std::string> bundles, more;
    int exit_code;
    const char* says;
  };
  const std::vector<Case> cases{
      {both, {"--measure", "--estimate", In("nope.json")}, 3, "nope.json"},
      {both, {"--choose", "-o", In("there.json")}, 2, "there.json"},
      {both, {"--choose", "-o", In("there.json") + "/plan.json"}, 3, "is no folder"},
      {one, {"--choose", "-o", In("new.json")}, 2, "--choose compares an FP16 engine with an INT8 one"},
      {both, {"--choose", "-o", In("new.json"), "--parts", "head"}, 2, "--parts whole or encoder"},
      {both,
       {"--choose", "-o", In("new.json"), "--parts", "encoder,head", "--max-difference", "0.1", "--reference", Bundle(),
        "--frames", Frames()},
       2,
       "build --parts whole, too"},
      {both, {"--measure", "--reference", Bundle(), "--frames", Frames(), "--ort", In("no.so")}, 4, "no.so"},
      {both, {"--measure", "--reference", Bundle(), "--frames", Frames(), "--provider", "tensorrt"}, 4, "tensorrt"},
      {both, {"--measure", "--reference", In("fp16"), "--frames", Frames()}, 3, "is no fp32 bundle"},
      {both, {"--measure", "--reference", In("nowhere"), "--frames", Frames()}, 3, "nowhere"},
      {both, {"--measure", "--reference", Bundle(), "--frames", In("few")}, 3, "gives 1 frames"},
      {both, {"--workspace", "2GB"}, 2, "say 1907MiB"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(::testing::PrintToString(c.more));
    const Ran ran = Run("ok", c.bundles, c.more);
    EXPECT_EQ(ran.exit_code, c.exit_code) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(c.says));
    EXPECT_THAT(Files(), IsEmpty());
  }
  EXPECT_EQ(Content(In("there.json")), "{}");
}

TEST_F(Build, OptionsThatWouldDoNothingAreErrors) {
  const auto usage = [](const std::vector<std::string>& more, const std::string& says) {
    std::vector<std::string> arguments{"build", In("int8"), "--engine-dir", Folder(), "--trtexec", Trtexec("ok")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    SCOPED_TRACE(says);
    ExpectUsage(arguments, says);
  };
  usage({"-o", "plan.json"}, "--choose");
  usage({"--min-gain", "0.1"}, "--choose");
  usage({"--max-difference", "0.1"}, "--choose");
  usage({"--duration", "3"}, "--measure");
  usage({"--estimate", "x.json"}, "--measure");
  usage({"--samples", "3", "--measure"}, "--reference");
  usage({"--reference", Bundle(), "--frames", Frames()}, "--reference is compared with for --measure");
  usage({"--reference", Bundle(), "--frames", Frames(), "--choose", "-o", "x.json"}, "add one of them");
  usage({"--measure", "--threads", "2"}, "the options of the back end are for running --reference");
  usage({"--workspace", "512"}, "Say 512MiB or 512GiB");
  usage({"--workspace", "many"}, "--workspace");
}

// ---- jetson_tensorrt_results.json: what was measured is not lost ----

TEST_F(Build, MeasuredResultsNeverGiveWayToNone) {
  const std::string measured = R"({"schema": "vlaq.jetson/1", "measured": true, "fp16": {"measured": true}})";
  fs::create_directories(Folder());
  const std::string path = File("jetson_tensorrt_results.json");
  for (const std::string& there : {measured, std::string(R"({"measured": true})"),
                                   std::string(R"({"measured": false, "int8": {"measured": true}})")}) {
    Overwrite(path, there);
    for (const bool force : {false, true}) {
      std::vector<std::string> more{"--measure"};
      if (force) more.emplace_back("--force");
      const Ran ran = Run("ok", {In("fp16"), In("int8")}, more);
      EXPECT_EQ(ran.exit_code, 6);
      EXPECT_THAT(ran.err, AllOf(HasSubstr("holds measured figures"), HasSubstr("nothing can be measured here")));
      EXPECT_EQ(Content(path), there);
      EXPECT_EQ(Files().size(), 1U) << "it is found out before anything is built";
    }
  }
  // Of somebody else, with --force only; of our own that measured nothing, without.
  const std::vector<std::string> whole{"--parts", "whole", "--measure"};
  Overwrite(path, R"({"tensorrt_fp16": {"fps": 3}})");
  const Ran foreign = Run("ok", {In("fp16")}, whole);
  EXPECT_EQ(foreign.exit_code, 2);
  EXPECT_THAT(foreign.err, HasSubstr("vlaq did not write it"));
  EXPECT_EQ(Run("ok", {In("fp16")}, {"--parts", "whole", "--measure", "--force"}).exit_code, 6);
  EXPECT_EQ(Json::parse(Content(path))["measured"], false);
  EXPECT_EQ(Run("ok", {In("fp16")}, whole).exit_code, 6);
}

TEST_F(Build, WhatCouldBeMeasuredIsWrittenThoughTheRestFails) {
  const std::vector<std::string> measure{"build",    In("fp16"),  In("int8"),    "--engine-dir",
                                         Folder(),   "--measure", "--reference", Bundle(),
                                         "--frames", Frames(),    "--samples",   "2"};
  const auto with = [&](const std::string& tool) {
    std::vector<std::string> arguments = measure;
    arguments.insert(arguments.end(), {"--trtexec", tool});
    return Vlaq(arguments);
  };
  const Ran no_mae = with(FailsAt(In("trtexec_no_mae"), "--loadInputs"));
  EXPECT_EQ(no_mae.exit_code, 4) << no_mae.err;
  EXPECT_THAT(no_mae.err, HasSubstr("something of its own"));
  Json results = Json::parse(Content(File("jetson_tensorrt_results.json")));
  EXPECT_TRUE(results.contains("int8_head")) << results;
  EXPECT_EQ(results["compared"]["windows"], 2);
  EXPECT_EQ(results["compared"]["frames"], 10);  // 0 to 7 and 2 to 9
  EXPECT_EQ(results["compared"]["frames_sha256"].get<std::string>().size(), 64U);

  fs::remove_all(Folder());
  const Ran one = with(FailsAt(In("trtexec_one"), "encoder_fp16.trt.times"));
  EXPECT_EQ(one.exit_code, 4) << one.err;
  results = Json::parse(Content(File("jetson_tensorrt_results.json")));
  EXPECT_THAT(results["fp16_encoder"]["why"].dump(), HasSubstr("running encoder_fp16.trt"));
  EXPECT_THAT(results["int8_head"]["why"].dump(), HasSubstr("stand-in"));
  EXPECT_TRUE(fs::exists(File("encoder_fp16.trt.log")));
}

}  // namespace
}  // namespace vlaq

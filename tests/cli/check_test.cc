// Whether TensorRT will take a bundle: what vlaq quantizes for it passes, what it quantizes for the CPU is refused by
// name.
#include <set>

#include "data/testing.h"
#include "program.h"
#include "tiny_bundle.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CheckTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    MakeTinyBundle(folder_->path(), "fp32");
    fs::create_directory(In("episodes"));
    for (const std::string side : {"left", "right"}) {
      const data::TestEpisode episode{
          .length = 4, .instruction = "pass " + side + " of the box", .layout = "1box_hori_" + side};
      ASSERT_TRUE(data::WriteTestEpisode(In("episodes/" + side + ".h5"), episode));
    }
    const Ran ran = Vlaq({"calibrate", In("fp32"), "--episodes", In("episodes"), "--samples", "8", "--threads", "1",
                          "-o", In("stats.json")});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string In(const std::string& name) { return (folder_->path() / name).string(); }
  static std::string Quantized(const std::string& target, const std::string& precision) {
    std::string output = In(target + "_" + precision);
    if (fs::exists(output)) return output;
    const Ran ran = Vlaq({"quantize", In("fp32"), "--target", target, "--precision", precision, "--stats",
                          In("stats.json"), "-o", output});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return output;
  }
  static Ran Check(const std::string& path, const std::string& version, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"check", path, "--tensorrt", version};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Vlaq(arguments);
  }

 private:
  static inline TemporaryFolder* folder_ = nullptr;
};

TEST_F(CheckTest, WhatIsMadeForAVersionPasses) {
  const std::vector<std::array<std::string, 3>> table{
      {"tensorrt-8.6", "int8", "8.6"},  {"tensorrt-8.6", "fp16", "8.6"},  {"tensorrt-10", "int8", "10.3"},
      {"tensorrt-10", "fp16", "10.3"},  {"tensorrt-10", "mixed", "10.3"}, {"tensorrt-8.6", "int8", "10.3"},
      {"tensorrt-8.6", "mixed", "8.6"},
  };
  for (const auto& [target, precision, version] : table) {
    const Ran ran = Check(Quantized(target, precision), version);
    EXPECT_EQ(ran.exit_code, 0) << target << " " << precision << " " << version << "\n" << ran.out << ran.err;
    EXPECT_THAT(ran.out, AllOf(HasSubstr("3 graphs"), HasSubstr("0 errors"), HasSubstr("rules looked at")));
  }
  for (const char* version : {"8.6", "10.3"}) EXPECT_EQ(Check(In("fp32"), version).exit_code, 0) << version;
}

// INT4 needs an opset that the documents of 10.x do not list: said, not refused.
TEST_F(CheckTest, Int4IsAWarning) {
  const Ran ran = Check(Quantized("tensorrt-10", "int4"), "10.3");
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("warning TRT-Q16a"));
  EXPECT_EQ(Check(Quantized("tensorrt-10", "int4"), "8.6").exit_code, 5);
}

// 8.6 takes no INT8 constants; the plan for 10 stores them.
TEST_F(CheckTest, WhatIsMadeForANewerVersionIsRefusedByTheOlder) {
  const Ran ran = Check(Quantized("tensorrt-10", "int8"), "8.6");
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.out, HasSubstr("error TRT-Q13"));
}

TEST_F(CheckTest, WhatIsMadeForTheCpuIsRefusedByName) {
  const std::string bundle = Quantized("cpu", "int8");
  for (const char* version : {"8.6", "10.3"}) {
    const Ran ran = Check(bundle, version, {"--json"});
    EXPECT_EQ(ran.exit_code, 5) << version;
    EXPECT_THAT(ran.err, HasSubstr("TensorRT " + std::string(version)));
    const Json report = ran.json();
    EXPECT_EQ(report["schema"], "vlaq.check/1");
    EXPECT_EQ(report["tensorrt"], version);
    EXPECT_EQ(report["accepted"], false);
    EXPECT_EQ(report["graphs"].size(), 3U);
    EXPECT_GT(report["rules"].get<int>(), 30);
    std::set<std::string> found, graphs;
    size_t errors = 0;
    for (const Json& finding : report["findings"]) {
      if (finding["severity"] != "error") continue;
      ++errors;
      found.insert(finding["id"].get<std::string>() + " " + finding["op_type"].get<std::string>());
      graphs.insert(finding["graph"]);
      EXPECT_FALSE(finding["node"].get<std::string>().empty());
      EXPECT_FALSE(finding["reason"].get<std::string>().empty() || finding["fix"].get<std::string>().empty());
    }
    EXPECT_EQ(report["errors"], errors);
    EXPECT_THAT(found, ::testing::IsSupersetOf(
                           {"TRT-G09 MatMulInteger", "TRT-G09 DynamicQuantizeLinear", "TRT-G08 DynamicQuantizeLSTM"}));
    EXPECT_EQ(graphs, (std::set<std::string>{"encoder", "head", "whole"}));
  }
}

TEST_F(CheckTest, TextSaysWhatWhereAndInstead) {
  const Ran ran = Check(Quantized("cpu", "int8"), "8.6.2");
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("TensorRT 8.6 (JetPack 6.0)"), HasSubstr("error TRT-G09"), HasSubstr("encoder: "),
                    HasSubstr("  emit: "), HasSubstr(" more\n"), HasSubstr("will not take it")));
}

TEST_F(CheckTest, AFileByItself) {
  const Ran ran = Check(In("fp32/head.onnx"), "10.1", {"--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.json()["graphs"][0]["graph"], "head.onnx");
  EXPECT_EQ(ran.json()["accepted"], true);
}

TEST_F(CheckTest, BadInput) {
  Overwrite(In("text.onnx"), "this is no model");
  EXPECT_EQ(Check(In("text.onnx"), "8.6").exit_code, 3);
  EXPECT_EQ(Check(In("absent.onnx"), "8.6").exit_code, 3);
  EXPECT_EQ(Check(In("episodes"), "8.6").exit_code, 3);

  fs::create_directory(In("alone"));
  fs::copy_file(In("fp32/encoder.onnx"), In("alone/encoder.onnx"));
  const Ran ran = Check(In("alone/encoder.onnx"), "8.6");
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("weights.bin"), HasSubstr("missing")));
}

// A bundle for TensorRT is asked for its own version; what is by design in it is counted, and told with --all.
TEST_F(CheckTest, ABundlesOwnVersion) {
  const std::string bundle = Quantized("tensorrt-8.6", "fp16");
  const Ran own = Vlaq({"check", bundle});
  EXPECT_EQ(own.exit_code, 0) << own.err;
  EXPECT_THAT(own.out, AllOf(HasSubstr("TensorRT 8.6"), HasSubstr("not shown: "), Not(HasSubstr("\nnote ")),
                             Not(HasSubstr("warning FP-05"))));
  EXPECT_THAT(Vlaq({"check", bundle, "--all"}).out, AllOf(HasSubstr("\nnote "), Not(HasSubstr("not shown"))));
  EXPECT_THAT(Vlaq({"check", Quantized("tensorrt-10", "fp16")}).out, HasSubstr("TensorRT 10.3"));
}

TEST_F(CheckTest, Usage) {
  ExpectUsage({"check", In("fp32")}, "--tensorrt VERSION is missing; known are 8.6, 10.0, 10.1, 10.3");
  ExpectUsage({"check", "--tensorrt", "8.6"}, "what to look at is missing");
  ExpectUsage({"check", In("fp32"), "--tensorrt", "9.9"}, "TensorRT 9.9 are not known; known are 8.6, 10.0");
}

// The bundle for 10 stores INT8 constants, which 8.6 does not take; its copy does not, and everything else is the same.
TEST_F(CheckTest, FixWritesABundle) {
  const std::string source = Quantized("tensorrt-10", "int8"), output = In("fixed");
  const Ran ran = Check(source, "8.6", {"--fix", "-o", output, "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const Json fix = ran.json()["fix"];
  EXPECT_EQ(fix["accepted"], true);
  size_t fixed = 0;
  for (const Json& outcome : fix["outcomes"]) {
    EXPECT_FALSE(outcome["how"].get<std::string>().empty());
    fixed += outcome["id"] == "TRT-Q13" && outcome["fixed"] == true ? 1U : 0U;
  }
  EXPECT_GT(fixed, 0U);
  EXPECT_EQ(Check(output, "8.6").exit_code, 0);
  EXPECT_EQ(Content(output + "/weights.bin"), Content(source + "/weights.bin"));
  EXPECT_EQ(Content(output + "/plan.json"), Content(source + "/plan.json"));
  const Json policy = Json::parse(Content(output + "/policy.json"));
  EXPECT_EQ(policy["provenance"]["command"], "check --fix");

  const auto actions = [](const std::string& bundle) {
    const Ran run = Vlaq({"run", bundle, "--frames", std::string(VLAQ_TESTDATA) + "/image/cli_frames", "--backend",
                          "reference", "--json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    Json list = Json::array();
    const Json document = run.exit_code == 0 ? run.json() : Json{{"steps", Json::array()}};
    for (const Json& step : document["steps"]) list.push_back(step["action"]);
    return list;
  };
  EXPECT_GT(actions(source).size(), 0U);
  EXPECT_EQ(actions(source), actions(output));

  EXPECT_EQ(Check(source, "8.6", {"--fix", "-o", output}).exit_code, 2) << "it is there";
  const Ran text = Check(source, "8.6", {"--fix", "-o", output, "--force"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, AllOf(HasSubstr("fixed error TRT-Q13"), HasSubstr("findings fixed")));
}

// What cannot be fixed is said, written all the same, and still fails.
TEST_F(CheckTest, FixSaysWhatItCannot) {
  const Ran ran = Check(Quantized("cpu", "int8"), "10.3", {"--fix", "-o", In("not_fixed")});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("NOT fixed error TRT-G09"), HasSubstr("needs calibrated ranges")));
  EXPECT_TRUE(fs::exists(In("not_fixed/policy.json")));
  ExpectUsage({"check", In("fp32"), "--tensorrt", "8.6", "--fix"}, "--fix needs -o OUT");
  ExpectUsage({"check", In("fp32"), "--tensorrt", "8.6", "-o", In("x")}, "-o OUT is for --fix");
  ExpectUsage({"check", In("fp32"), "--tensorrt", "8.6", "--fix", "-o", In("fp32"), "--force"},
              "the output is the input");
}

// docs/check.md shows the rules as the program has them.
TEST_F(CheckTest, TheManualHasTheRules) {
  const Ran ran = Vlaq({"check", "--list-rules"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(Content(VLAQ_TESTDATA "/../docs/check.md"), HasSubstr(ran.out));
  const Ran json = Vlaq({"check", "--list-rules", "--json"});
  EXPECT_GT(json.json()["rules"].size(), 60U);
  EXPECT_EQ(json.json()["schema"], "vlaq.check-rules/1");
}

}  // namespace
}  // namespace vlaq

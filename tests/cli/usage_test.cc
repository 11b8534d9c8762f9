// What a person sees who mistypes, and the exit code a script sees.
#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Usage, HelpAndVersionSucceed) {
  const Ran help = Vlaq({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* verb : {"inspect", "export", "run", "verify", "synth", "doctor", "completion"}) {
    EXPECT_THAT(help.out, HasSubstr(verb));
    const Ran own = Vlaq({verb, "--help"});
    EXPECT_EQ(own.exit_code, 0);
    EXPECT_THAT(own.out,
                AllOf(HasSubstr("Usage: vlaq"), HasSubstr(std::string(verb) == "synth" ? "Exit codes" : "Example")));
  }
  EXPECT_THAT(Vlaq({"synth", "checkpoint", "--help"}).out, HasSubstr("Examples:"));
  EXPECT_THAT(help.out, HasSubstr("5 verification failed"));
  EXPECT_THAT(Vlaq({"--version"}).out, HasSubstr("vlaq 0."));
}

TEST(Usage, UnknownWordsComeFirstWithASuggestion) {
  ExpectUsage({"exprt", "x"}, "there is no verb 'exprt'\n  did you mean export?");
  ExpectUsage({"run", "x", "--thread", "2"}, "there is no option --thread\n  did you mean --threads?");
  ExpectUsage({"synth", "checkpoint", "--sed=3"}, "did you mean --seed?");
  ExpectUsage({"synth", "checkpont", "-o", "x"}, "no verb 'checkpont' below `vlaq synth`\n  did you mean checkpoint?");
  ExpectUsage({"completion", "zsh"}, "no verb 'zsh' below `vlaq completion`\n");
  ExpectUsage({"help"}, "did you mean --help?");
  ExpectUsage({"--verson"}, "did you mean --version?");
  ExpectUsage({"run", "x", "-t", "2"}, "there is no option -t\n");
  ExpectUsage({"run", "x", "-t2"}, "there is no option -t\n");
  ExpectUsage({"inspect", "x", "--nonsense"}, "there is no option --nonsense");
}

TEST(Usage, MissingWordsAreNamed) {
  ExpectUsage({}, "`vlaq` needs a verb: inspect, export, calibrate, ");
  ExpectUsage({"run", "x"}, "--frames is required");
  ExpectUsage({"export", "x"}, "--output is required");
  ExpectUsage({"export", "x", "-o"}, "--output: 1 required");
  ExpectUsage({"synth"}, "`vlaq synth` needs a verb: checkpoint\n  `vlaq synth --help` shows");
  ExpectUsage({"synth", "checkpoint"}, "`vlaq synth checkpoint --help` shows the usage");
  ExpectUsage({"completion"}, "vlaq completion bash");
}

TEST(Usage, WrongValuesAreNamed) {
  ExpectUsage({"export", "x", "-o", "y", "--feature-source", "mean_hiden"}, "did you mean mean_hidden?");
  ExpectUsage({"export", "x", "-o", "y", "--prompt-layout", "zzz"}, "hf_processor, robovlms, fork_fallback");
  ExpectUsage({"export", "x", "-o", "y", "--precision", "fp17"}, "did you mean fp16?");
  ExpectUsage({"export", "x", "-o", "y", "--target", "moon"}, "--target: 'moon' is not known");
  ExpectUsage({"export", "x", "-o", "y", "--prompt-ids", "1,two"}, "--prompt-ids must be token ids");
  ExpectUsage({"export", "x", "-o", "y", "--prompt-ids", "1,-2"}, "--prompt-ids must be token ids");
  ExpectUsage({"synth", "checkpoint", "--size", "huge", "-o", "/tmp/x"}, "choose one of micro, full");
  ExpectUsage({"synth", "checkpoint", "--seed", "-1", "-o", "/tmp/x"}, "--seed: must not be negative");
  ExpectUsage({"run", "x", "--frames", "y", "--threads", "-1"}, "--threads: Value -1 not in range 0 to 1024");
  ExpectUsage({"run", "x", "--frames", "y", "--threads", "two"}, "--threads");
  // Before anything is read, so that no work of minutes is lost.
  ExpectUsage({"run", "x", "--frames", "y", "--backend", "refrence"}, "did you mean reference?");
  ExpectUsage({"verify", "x", "--backend", "nonsense"}, "choose one of onnxruntime, reference");
  ExpectUsage({"run", "x", "--frames", "y", "--instruction", "go", "--prompt-ids", "1"}, "excludes");
}

TEST(Usage, MissingFilesAreBadInput) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"inspect", "/nowhere"},
                                                    {"export", "/nowhere", "-o", "/tmp/vlaq_never"},
                                                    {"run", "/nowhere", "--frames", "x"},
                                                    {"verify", "/nowhere"}}) {
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 3) << arguments[0];
    EXPECT_THAT(ran.err, HasSubstr("/nowhere"));
  }
}

TEST(Doctor, ShowsWhatThereIs) {
  const Ran text = Vlaq({"doctor"});
  EXPECT_EQ(text.exit_code, 0) << text.out;
  EXPECT_THAT(text.out, AllOf(HasSubstr("onnxruntime"), HasSubstr("protobuf"), HasSubstr("threads")));
  const Json json = Vlaq({"doctor", "--json"}).json();
  EXPECT_EQ(json["schema"], "vlaq.doctor/1");
  EXPECT_TRUE(json["can_run"].get<bool>());
  EXPECT_GE(json["machine"]["threads"].get<int>(), 1);
  EXPECT_TRUE(json["missing"].empty()) << json["missing"];
  EXPECT_THAT(json["backends"][0]["version"].get<std::string>(), AllOf(HasSubstr("/"), HasSubstr("cpu")));
  EXPECT_TRUE(json["vlaq"].contains("revision"));
  EXPECT_GT(json["machine"]["free_disk_bytes"].get<uint64_t>(), 0U);
  std::vector<std::string> libraries;
  for (const Json& row : json["libraries"]) {
    EXPECT_THAT(row["version"].get<std::string>(), ::testing::MatchesRegex(".*[0-9].*")) << row;
    libraries.push_back(row["name"]);
  }
  EXPECT_THAT(libraries, ::testing::IsSupersetOf({"libonnx", "protobuf", "SentencePiece", "libjpeg-turbo", "libpng",
                                                  "OpenSSL", "xxHash", "fmt", "nlohmann-json", "CLI11"}));
}

TEST(Doctor, SaysWhatIsMissing) {
  const Ran ran = Vlaq({"doctor", "--ort", "/nowhere/libonnxruntime.so"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("Missing:"), HasSubstr("/nowhere/libonnxruntime.so"), HasSubstr("script/setup")));
  const Json json = Vlaq({"doctor", "--json", "--ort", "/nowhere/libonnxruntime.so"}).json();
  EXPECT_FALSE(json["can_run"].get<bool>());
  EXPECT_EQ(json["backends"][0]["state"], "missing");
}

}  // namespace
}  // namespace vlaq

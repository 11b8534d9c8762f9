// What a person sees who mistypes, and the exit code a script sees.
#include <fmt/format.h>

#include <cerrno>

#include "base/machine.h"
#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Usage, HelpAndVersionSucceed) {
  const Ran help = Vlaq({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* command : {"inspect", "export", "run", "verify", "synth", "doctor", "completion"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
    const Ran own = Vlaq({command, "--help"});
    EXPECT_EQ(own.exit_code, 0);
    EXPECT_THAT(own.out,
                AllOf(HasSubstr("Usage: vlaq"), HasSubstr(std::string(command) == "synth" ? "Exit codes" : "Example")));
  }
  EXPECT_THAT(Vlaq({"synth", "checkpoint", "--help"}).out, HasSubstr("Examples:"));
  EXPECT_THAT(help.out, HasSubstr("5 verification failed"));
  EXPECT_THAT(Vlaq({"--version"}).out, HasSubstr("vlaq 0."));
}

TEST(Usage, UnknownWordsComeFirstWithASuggestion) {
  ExpectUsage({"exprt", "x"}, "there is no command 'exprt'\n  did you mean export?");
  ExpectUsage({"run", "x", "--thread", "2"}, "there is no option --thread\n  did you mean --threads?");
  ExpectUsage({"synth", "checkpoint", "--sed=3"}, "did you mean --seed?");
  ExpectUsage({"synth", "checkpont", "-o", "x"},
              "no command 'checkpont' below `vlaq synth`\n  did you mean checkpoint?");
  ExpectUsage({"completion", "zsh"}, "no command 'zsh' below `vlaq completion`\n");
  ExpectUsage({"run", "x", "--thr", "2"}, "there is no option --thr\n  did you mean --threads?");
  ExpectUsage({"inspect", "x", "--js"}, "did you mean --json?");
  ExpectUsage({"--verson"}, "did you mean --version?");
  ExpectUsage({"run", "x", "-t", "2"}, "there is no option -t\n");
  ExpectUsage({"run", "x", "-t2"}, "there is no option -t\n");
  ExpectUsage({"inspect", "x", "--nonsense"}, "there is no option --nonsense");
}

TEST(Usage, WordsOfOtherToolsAreUnderstood) {
  const std::pair<const char*, const char*> meant[] = {
      {"benchmark", "bench"}, {"convert", "export"}, {"infer", "run"},        {"test", "verify"},
      {"validate", "verify"}, {"quant", "quantize"}, {"evaluate", "eval"},    {"simulate", "sim"},
      {"EXPORT", "export"},   {"insp", "inspect"},   {"version", "--version"}};
  for (const auto& [word, command] : meant) {
    ExpectUsage({word, "x"}, fmt::format("there is no command '{}'\n  did you mean {}?", word, command));
    ExpectUsage({"help", word}, fmt::format("did you mean {}?", command));
  }
  const Ran odd = Vlaq({"zzzzzzzz"});
  EXPECT_THAT(odd.err, ::testing::Not(HasSubstr("did you mean")));
}

TEST(Usage, HelpIsGroupedAndSaysWhereToBegin) {
  const Ran alone = Vlaq({});
  EXPECT_EQ(alone.exit_code, 0);
  EXPECT_THAT(alone.err, IsEmpty());
  size_t last = 0;
  for (const char* heading :
       {"\nMake a policy that runs:\n  export", "\nProve it:\n  golden", "\nMeasure it:\n  bench", "\nRun it:\n  run",
        "\nTake it to a board:\n", "\nData:\n", "\nLook around:\n", "To begin with:\n  vlaq doctor"}) {
    const size_t at = alone.out.find(heading);
    ASSERT_NE(at, std::string::npos) << heading;
    EXPECT_GT(at, last);
    last = at;
  }
  EXPECT_EQ(Vlaq({"help"}).out, alone.out);
  EXPECT_EQ(Vlaq({"--help"}).out, alone.out);
  EXPECT_EQ(Vlaq({"help", "run"}).out, Vlaq({"run", "--help"}).out);
  EXPECT_EQ(Vlaq({"help", "plan", "quantize"}).out, Vlaq({"plan", "quantize", "--help"}).out);
  ExpectUsage({"help", "plan", "quantise"}, "no command 'quantise' below `vlaq plan`\n  did you mean quantize?");
}

TEST(Usage, ValuesMayBeInUpperCase) {
  const Ran ran = Vlaq({"export", "/nowhere", "-o", "/tmp/vlaq_never", "--precision", "FP16"});
  EXPECT_EQ(ran.exit_code, 3) << ran.err;
  ExpectUsage({"run", "x", "--frames", "y", "--backend", "tvm"}, "onnxruntime, reference");
}

TEST(Usage, TooManyThreadsAreRefused) {
  ExpectUsage({"run", "x", "--frames", "y", "--threads", "1000"}, "--threads 1000 on a machine of");
  const Ran warned = Vlaq({"run", "/nowhere", "--frames", "y", "--threads", std::to_string(ThisMachine().cores + 1)});
  EXPECT_EQ(warned.exit_code, 3);
  EXPECT_THAT(warned.err, HasSubstr("warning: --threads"));
}

// Hours of work must not end in a missing folder.
TEST(Usage, PlacesOfOutputsAreCheckedFirst) {
  const TemporaryFolder folder;
  Overwrite(folder.path() / "there", "x");
  const std::string there = (folder.path() / "there").string();
  const std::vector<std::vector<std::string>> files{{"calibrate", "/nowhere", "--frames", "x"},
                                                    {"eval", "/nowhere", "--episodes", "x"},
                                                    {"eval", "merge", "/nowhere"},
                                                    {"verify", "/nowhere"},
                                                    {"bench", "/nowhere"},
                                                    {"plan", "quantize", "/nowhere"},
                                                    {"synth", "checkpoint"},
                                                    {"report", "/nowhere"},
                                                    {"data", "split", "/nowhere"}};
  const std::vector<std::vector<std::string>> folders{
      {"export", "/nowhere"},
      {"quantize", "/nowhere", "--target", "cpu", "--precision", "int8"},
      {"sim", "render"},
      {"sim", "record", "--rollouts", "1"}};
  for (const auto& commands : {files, folders}) {
    for (std::vector<std::string> arguments : commands) {
      const std::string name = arguments[0] + " " + arguments[1];
      arguments.insert(arguments.end(), {"-o", there + "/below/x.pth"});
      const Ran below_a_file = Vlaq(arguments);
      EXPECT_EQ(below_a_file.exit_code, 3) << name;
      EXPECT_THAT(below_a_file.err, HasSubstr("there: is no folder")) << name;
      arguments.back() = "/proc/1/x.pth";
      const Ran read_only = Vlaq(arguments);
      EXPECT_EQ(read_only.exit_code, 3) << name;
      EXPECT_THAT(read_only.err, HasSubstr("/proc/1")) << name;
      arguments.back() = there;
      const Ran exists = Vlaq(arguments);
      EXPECT_NE(exists.exit_code, 0) << name;
      EXPECT_THAT(exists.err, HasSubstr("there")) << name;
      arguments.back() = "";
      EXPECT_EQ(Vlaq(arguments).exit_code, 2) << name;
    }
  }
  for (std::vector<std::string> arguments : files) {
    arguments.insert(arguments.end(), {"-o", folder.path().string()});
    EXPECT_THAT(Vlaq(arguments).err, HasSubstr("is a folder")) << arguments[0];
  }
  EXPECT_EQ(Content(there), "x");
}

// A file that fails as a full disk does, wherever a command prints.
TEST(Usage, StandardOutputThatCannotBeWrittenIsAnError) {
  class Full : public std::streambuf {
    int overflow(int /*c*/) override { return Fail(); }
    std::streamsize xsputn(const char* /*text*/, std::streamsize /*size*/) override { return Fail() + 1; }
    static int Fail() {
      errno = ENOSPC;
      return -1;
    }
  };
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"doctor"},
                                                    {"doctor", "--json"},
                                                    {"completion", "bash"},
                                                    {"--help"},
                                                    {"--version"},
                                                    {}}) {
    Full full;
    std::ostream out(&full);
    std::ostringstream err;
    EXPECT_EQ(cli::Run(arguments, out, err), 3);
    EXPECT_EQ(err.str(), "vlaq: cannot write standard output: No space left on device\n");
  }
}

TEST(Usage, MissingWordsAreNamed) {
  ExpectUsage({"run"}, "bundle is missing: The bundle that");
  ExpectUsage({"export", "x"}, "--output is required");
  ExpectUsage({"export", "x", "-o"}, "--output: 1 required");
  ExpectUsage({"synth"}, "`vlaq synth` needs a command: checkpoint\n  `vlaq synth --help` shows");
  ExpectUsage({"synth", "checkpoint"}, "`vlaq synth checkpoint --help` shows the usage");
  ExpectUsage({"completion"}, "vlaq completion bash");
  for (const char* time : {"soon", "0", "-1s", "3 s", "1e999", "5d", "nan", "inf", "ms"}) {
    ExpectUsage({"bench", "x", std::string("--budget=") + time}, "is no time: a number above 0 and ms, s, min or h");
  }
}

TEST(Usage, WrongValuesAreNamed) {
  ExpectUsage({"export", "x", "-o", "y", "--feature-source", "mean_hiden"}, "did you mean mean_hidden?");
  ExpectUsage({"export", "x", "-o", "y", "--prompt-layout", "zzz"}, "hf_processor, robovlms, fork_fallback");
  ExpectUsage({"export", "x", "-o", "y", "--precision", "fp17"}, "choose one of fp32, fp16, bf16-as-stored");
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
  EXPECT_THAT(libraries,
              ::testing::IsSupersetOf({"libonnx", "protobuf", "SentencePiece", "libjpeg-turbo", "libpng", "OpenSSL",
                                       "xxHash", "fmt", "nlohmann-json", "CLI11", "Cyclone DDS"}));
}

TEST(Doctor, SaysWhichToolsOfABoardAreThere) {
  const Json json = Vlaq({"doctor", "--json"}).json();
  const std::string text = Vlaq({"doctor"}).out;
  std::vector<std::string> names;
  for (const Json& row : json["tools"]) {
    names.push_back(row["name"]);
    EXPECT_EQ(row["found"].get<bool>(), !row["version"].get<std::string>().empty()) << row;
    if (!row["found"].get<bool>()) {
      EXPECT_THAT(text, HasSubstr("not found"));
    }
  }
  EXPECT_THAT(names,
              ::testing::IsSupersetOf({"trtexec", "TensorRT", "CUDA", "L4T (JetPack)", "power mode", "PyTorch"}));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("Nothing is missing.\n")));
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

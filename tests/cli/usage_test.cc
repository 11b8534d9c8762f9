// What a person sees who mistypes, and the exit code a script sees.
#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void ExpectUsage(const std::vector<std::string>& arguments, const std::string& message) {
  const Ran ran = Vlaq(arguments);
  EXPECT_EQ(ran.exit_code, 2) << message;
  EXPECT_THAT(ran.err, HasSubstr(message));
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST(Usage, HelpAndVersionSucceed) {
  const Ran help = Vlaq({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* verb : {"inspect", "export", "run", "verify", "synth", "doctor", "completion"}) {
    EXPECT_THAT(help.out, HasSubstr(verb));
    const Ran own = Vlaq({verb, "--help"});
    EXPECT_EQ(own.exit_code, 0);
    EXPECT_THAT(own.out, HasSubstr("Usage: vlaq"));
  }
  EXPECT_THAT(help.out, HasSubstr("5 verification failed"));
  EXPECT_THAT(Vlaq({"--version"}).out, HasSubstr("vlaq 0."));
}

TEST(Usage, UnknownWordsComeFirstWithASuggestion) {
  ExpectUsage({"exprt", "x"}, "there is no verb 'exprt'\n  did you mean export?");
  ExpectUsage({"run", "x", "--thread", "2"}, "there is no option --thread\n  did you mean --threads?");
  ExpectUsage({"synth", "checkpoint", "--sed=3"}, "did you mean --seed?");
  ExpectUsage({"inspect", "x", "--nonsense"}, "there is no option --nonsense");
}

TEST(Usage, MissingWordsAreNamed) {
  ExpectUsage({}, "subcommand is required");
  ExpectUsage({"run", "x"}, "--frames is required");
  ExpectUsage({"export", "x"}, "--output is required");
  ExpectUsage({"synth"}, "subcommand is required");
  ExpectUsage({"completion"}, "vlaq completion bash");
}

TEST(Usage, WrongValuesAreNamed) {
  ExpectUsage({"export", "x", "-o", "y", "--feature-source", "mean_hiden"}, "did you mean mean_hidden?");
  ExpectUsage({"export", "x", "-o", "y", "--prompt-layout", "zzz"}, "hf_processor, robovlms, fork_fallback");
  ExpectUsage({"export", "x", "-o", "y", "--precision", "fp17"}, "fp1");
  ExpectUsage({"export", "x", "-o", "y", "--target", "moon"}, "--target 'moon'");
  ExpectUsage({"export", "x", "-o", "y", "--prompt-ids", "1,two"}, "--prompt-ids must be token ids");
  ExpectUsage({"export", "x", "-o", "y", "--prompt-ids", "1,-2"}, "--prompt-ids must be token ids");
  ExpectUsage({"synth", "checkpoint", "--size", "huge", "-o", "/tmp/x"}, "choose full");
  ExpectUsage({"run", "x", "--frames", "y", "--threads", "-1"}, "--threads");
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
  EXPECT_GE(json["libraries"].size(), 9U);
}

TEST(Doctor, SaysWhatIsMissing) {
  const Ran ran = Vlaq({"doctor", "--ort", "/nowhere/libonnxruntime.so"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("Missing:"), HasSubstr("/nowhere/libonnxruntime.so")));
}

}  // namespace
}  // namespace vlaq

// Where outputs go, and what is never lost for them; inputs that are no files, and names that are no UTF-8.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class Outputs : public CliTest {
 protected:
  static std::vector<std::string> ExportTo(const std::string& output) {
    return {"export", Checkpoint(), "-o", output, "--config", In("config.json"), "--policy", In("policy.json")};
  }
  static pid_t Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), VLAQ_PROGRAM);
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const std::string out = In("out"), err = In("err");
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (std::freopen(out.c_str(), "w", stdout) == nullptr || std::freopen(err.c_str(), "w", stderr) == nullptr)
      ::_exit(126);
    ::execv(VLAQ_PROGRAM, words.data());
    ::_exit(127);
  }
  static int Wait(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
};

TEST_F(Outputs, ForceTakesNothingButTheBundle) {
  const std::string bundle = Copy("with_notes");
  Overwrite(bundle + "/NOTES.txt", "work");
  for (const std::vector<std::string>& arguments :
       {ExportTo(bundle), {"quantize", Bundle(), "--target", "cpu", "--precision", "int8", "-o", bundle}}) {
    std::vector<std::string> forced = arguments;
    forced.emplace_back("--force");
    const Ran ran = Vlaq(forced);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("NOTES.txt does not belong to the bundle"));
    EXPECT_EQ(Content(bundle + "/NOTES.txt"), "work");
  }
  fs::remove(bundle + "/NOTES.txt");
  std::vector<std::string> forced = ExportTo(bundle + "/");
  forced.emplace_back("--force");
  EXPECT_EQ(Vlaq(forced).exit_code, 0);
  fs::create_directories(In("folder"));
  forced[3] = In("folder");
  EXPECT_THAT(Vlaq(forced).err, HasSubstr("was not written by vlaq"));
}

// Exports are short here, so one may be over first: then again.
TEST_F(Outputs, AFolderThatAppearsMeanwhileStays) {
  const std::string output = In("meanwhile");
  for (int attempt = 0; attempt < 100; ++attempt) {
    fs::remove_all(output);
    const pid_t child = Start(ExportTo(output));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const auto begun = [] {
      for (const auto& entry : fs::directory_iterator(Folder())) {
        if (entry.path().string().find("meanwhile.part-") != std::string::npos) return true;
      }
      return false;
    };
    while (!begun() && !fs::exists(output) && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    std::error_code exists;
    const bool ours = fs::create_directory(output, exists);
    if (ours) Overwrite(output + "/thesis.txt", "work");
    const int code = Wait(child);
    if (!ours) continue;
    EXPECT_EQ(Content(output + "/thesis.txt"), "work");
    EXPECT_EQ(code, 2) << Content(In("err"));
    EXPECT_THAT(Content(In("err")), HasSubstr("already exists"));
    EXPECT_FALSE(begun());
    return;
  }
  FAIL() << "no export was slow enough";
}

TEST_F(Outputs, OfTwoAtOnceOneWins) {
  for (int round = 0; round < 5; ++round) {
    const std::string output = In("two");
    fs::remove_all(output);
    const std::vector<std::string> int8{"quantize", Bundle(), "--target", "cpu", "--precision", "int8", "-o", output};
    std::vector<std::string> fp16 = int8;
    fp16[5] = "fp16";
    const pid_t first = Start(int8), second = Start(fp16);
    const int first_code = Wait(first), second_code = Wait(second);
    EXPECT_EQ(std::min(first_code, second_code), 0);
    EXPECT_EQ(std::max(first_code, second_code), 2) << Content(In("err"));
    EXPECT_EQ(Vlaq({"inspect", output, "--json"}).json()["precision"], first_code == 0 ? "int8" : "fp16");
  }
}

TEST_F(Outputs, PipesAndFoldersInPlaceOfFilesAreErrors) {
  const std::string bundle = Copy("with_pipe");
  fs::remove(bundle + "/policy.json");
  ASSERT_EQ(::mkfifo((bundle + "/policy.json").c_str(), 0600), 0);
  const std::string weights = Copy("weights_pipe");
  fs::remove(weights + "/weights.bin");
  ASSERT_EQ(::mkfifo((weights + "/weights.bin").c_str(), 0600), 0);
  const std::string pipe = In("pipe.pth"), picture = In("pipe.png"), episode = In("pipe.h5");
  for (const std::string& path : {pipe, picture, episode}) ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::vector<std::vector<std::string>> all{
      {"inspect", bundle},
      {"inspect", pipe},
      {"inspect", episode},
      {"verify", bundle},
      {"verify", weights},
      {"run", weights, "--frames", Frames()},
      {"run", Bundle(), "--frames", picture},
      {"eval", Bundle(), "--episodes", episode},
      {"verify", Bundle(), "--against", pipe},
      {"verify", Bundle(), "--golden", pipe},
      {"report", pipe, "--markdown"},
      {"export", pipe, "-o", In("never")},
      {"export", Checkpoint(), "-o", In("never"), "--policy", pipe},
      {"export", Checkpoint(), "-o", In("never"), "--config", In("config.json"), "--policy", In("policy.json"),
       "--instruction", "go", "--tokenizer", pipe},
      {"plan", "cost", pipe},
      {"check", pipe, "--tensorrt", "8.6"}};
  for (const auto& arguments : all) {
    const auto start = std::chrono::steady_clock::now();
    const Ran ran = Vlaq(arguments);
    EXPECT_THAT(ran.exit_code, ::testing::AnyOf(2, 3, 5)) << ::testing::PrintToString(arguments) << ran.err;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  }
  EXPECT_THAT(Vlaq({"inspect", pipe}).err, HasSubstr("is a pipe"));
}

TEST_F(Outputs, NamesNeedNotBeUtf8) {
  const std::string name = In("a\xFF.pth"), bundle = In("b\xFF");
  fs::copy_file(Checkpoint(), name);
  const Ran made =
      Vlaq({"export", name, "-o", bundle, "--config", In("config.json"), "--policy", In("policy.json"), "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(Vlaq({"inspect", bundle, "--json"}).json()["provenance"]["sources"][0]["file"], "a\xEF\xBF\xBD.pth");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"verify", bundle, "--against", name, "-o", In("receipt.json"), "--json"},
        {"calibrate", bundle, "--frames", Frames(), "--samples", "2", "-o", In("stats\xFF.json"), "--json"},
        {"quantize", bundle, "--target", "cpu", "--precision", "int8", "-o", In("q\xFF"), "--json"},
        {"run", bundle, "--frames", Frames(), "--json"}}) {
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, arguments[0] == "verify" ? 7 : 0) << arguments[0] << ": " << ran.err;
    EXPECT_TRUE(Json::accept(ran.out)) << arguments[0];
  }
}

TEST_F(Outputs, WithoutAFolderForTemporaryFilesNobodyIsAccused) {
  const Ran ran = Program({"verify", Bundle()}, "TMPDIR=/nowhere");
  EXPECT_EQ(ran.exit_code, 3) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("TMPDIR"));
  EXPECT_THAT(ran.out, Not(HasSubstr("NOT VERIFIED")));
}

}  // namespace
}  // namespace vlaq

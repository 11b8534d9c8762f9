// What only shows in a process of its own: variables of the environment, and being killed.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Process : public CliTest {
 protected:
  // Starts the built program with its output in the file "output".
  static pid_t Start(std::vector<std::string> arguments, const char* variable = nullptr, const char* value = nullptr) {
    arguments.insert(arguments.begin(), VLAQ_PROGRAM);
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const std::string output = In("output");
    const pid_t child = ::fork();
    if (child != 0) return child;
    const int file = ::open(output.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ::dup2(file, 1);
    ::dup2(file, 2);
    if (variable != nullptr) ::setenv(variable, value, 1);
    ::execv(VLAQ_PROGRAM, words.data());
    ::_exit(127);
  }
  static int Wait(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }
  static std::vector<std::string> ExportTo(const std::string& output) {
    return {"export", Checkpoint(), "-o", output, "--config", In("config.json"), "--policy", In("policy.json")};
  }
  // The temporary folders of exports.
  static size_t HalfMade() {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(Folder())) {
      if (entry.path().string().find(".part-") != std::string::npos) ++count;
    }
    return count;
  }

  // Sends the signal while an export writes. Exports are short here, so one may be over first: then again.
  static void KillMidway(const std::string& output, int signal) {
    for (int attempt = 0; attempt < 50; ++attempt) {
      fs::remove_all(output);
      const pid_t child = Start(ExportTo(output));
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (HalfMade() == 0 && !fs::exists(output) && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
      ::kill(child, signal);
      const int status = Wait(child);
      if (fs::exists(output)) {  // the signal came late; what is there must be whole
        EXPECT_EQ(Vlaq({"verify", output, "--against", Checkpoint()}).exit_code, 0);
      } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return;
      }
    }
    FAIL() << "no export could be killed before its end";
  }
};

TEST_F(Process, AKilledExportLeavesNoBundle) {
  KillMidway(In("killed"), SIGKILL);
  EXPECT_FALSE(fs::exists(In("killed")));
  // The next one is not disturbed.
  const Ran again = Vlaq(ExportTo(In("killed")));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(HalfMade(), 0U);
  for (const auto& entry : fs::directory_iterator(Bundle())) {
    EXPECT_EQ(Content(entry.path()), Content(fs::path(In("killed")) / entry.path().filename())) << entry.path();
  }
}

TEST_F(Process, AnInterruptedExportLeavesNothing) {
  for (const int signal : {SIGINT, SIGTERM}) {
    KillMidway(In("stopped"), signal);
    EXPECT_FALSE(fs::exists(In("stopped")));
    EXPECT_EQ(HalfMade(), 0U);
  }
}

// trtexec works on a board for hours, and in gigabytes: it must not go on without us.
TEST_F(Process, AnInterruptedBuildEndsItsTrtexec) {
  for (const char* step : {"calibrate", "quantize"}) {
    std::vector<std::string> arguments{step, Bundle()};
    if (step == std::string("calibrate")) {
      arguments.insert(arguments.end(), {"--frames", Frames(), "--samples", "2", "-o", In("stats.json"), "--force"});
    } else {
      arguments.insert(arguments.end(), {"--target", "tensorrt-8.6", "--precision", "fp16", "--stats", In("stats.json"),
                                         "-o", In("fp16"), "--force"});
    }
    const Ran made = Vlaq(arguments);
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  const std::string engines = In("engines"), pid_file = In("trtexec.pid");
  Overwrite(In("trtexec"), "#!/bin/sh\ncase \"$*\" in *--onnx=*) echo $$ >'" + pid_file + "' ;; esac\nexec python3 '" +
                               VLAQ_TESTDATA "/../tests/board/stand_in_trtexec.py' slow \"$@\"\n");
  ::chmod(In("trtexec").c_str(), 0755);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    fs::remove_all(engines);
    fs::remove(pid_file);
    const pid_t child = Start({"build", In("fp16"), "--engine-dir", engines, "--trtexec", In("trtexec")});
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const auto writes = [&engines] {
      if (!fs::exists(engines)) return false;
      for (const auto& entry : fs::directory_iterator(engines)) {
        if (entry.path().string().find(".part-") != std::string::npos) return true;
      }
      return false;
    };
    while (!writes() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const pid_t trtexec = std::atoi(Content(pid_file).c_str());
    ASSERT_GT(trtexec, 0);
    ::kill(child, signal);
    const int status = Wait(child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + signal);
    // It may be a zombie that nobody has waited for yet.
    const std::string state = Content(fmt::format("/proc/{}/stat", trtexec));
    EXPECT_TRUE(state.empty() || state.find(") Z ") != std::string::npos) << state;
    EXPECT_FALSE(writes()) << signal;
  }
}

TEST_F(Process, TheLibraryThatTheEnvironmentNamesIsTheOne) {
  const int status = Wait(Start({"run", Bundle(), "--frames", Frames()}, "VLAQ_ORT", "/nowhere/libonnxruntime.so"));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 4);
  EXPECT_THAT(Content(In("output")), HasSubstr("/nowhere/libonnxruntime.so"));
}

TEST_F(Process, TheReferenceBackEndNeedsNoLibrary) {
  const int status =
      Wait(Start({"run", Bundle(), "--frames", Frames() + "/frame2.png", "--backend", "reference", "--json"},
                 "VLAQ_ORT", "/nowhere/libonnxruntime.so"));
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0) << Content(In("output"));
  const Json slow = Json::parse(Content(In("output")));
  const Json fast = Vlaq({"run", Bundle(), "--frames", Frames() + "/frame2.png", "--json"}).json();
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(slow["steps"][0]["action"][0][i].get<double>(), fast["steps"][0]["action"][0][i].get<double>(), 1e-5);
  }
}

}  // namespace
}  // namespace vlaq

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
  // Whether a process that is not our child ends within seconds: one that was killed may have to wait for a processor
  // to die on, and be a zombie then that nobody has waited for.
  static bool Ends(pid_t process) {
    for (int i = 0; i < 500; ++i) {
      const std::string state = Content(fmt::format("/proc/{}/stat", process));
      if (state.empty() || state.find(") Z ") != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
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
        EXPECT_EQ(Vlaq({"verify", output, "--against", Checkpoint()}).exit_code, 7) << "intact";
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

// A mapped file that is cut off while it is read: a message that names it, and nothing half-made. Exports are short
// here, so one may be over first: then again.
TEST_F(Process, ACheckpointThatIsCutOffIsNamed) {
  const std::string checkpoint = In("cut.pth"), output = In("from_cut");
  for (int attempt = 0; attempt < 200; ++attempt) {
    fs::remove_all(output);
    fs::copy_file(Checkpoint(), checkpoint, fs::copy_options::overwrite_existing);
    const pid_t child =
        Start({"export", checkpoint, "-o", output, "--config", In("config.json"), "--policy", In("policy.json")});
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (HalfMade() == 0 && !fs::exists(output) && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    fs::resize_file(checkpoint, 4096);
    const int status = Wait(child);
    ASSERT_TRUE(WIFEXITED(status)) << status;
    if (Content(In("output")).find("was cut off") == std::string::npos) continue;
    EXPECT_EQ(WEXITSTATUS(status), 3);
    EXPECT_THAT(Content(In("output")), HasSubstr("cut.pth: was cut off"));
    EXPECT_FALSE(fs::exists(output));
    EXPECT_EQ(HalfMade(), 0U);
    return;
  }
  FAIL() << "no export could be caught while it read";
}

TEST_F(Process, OutputThatCannotBeWrittenIsAnErrorAndAClosedPipeIsQuiet) {
  const auto shell = [](const std::string& command) {
    const int status = std::system((command + " 2>'" + In("err") + "'").c_str());  // NOLINT(concurrency-mt-unsafe)
    return WEXITSTATUS(status);
  };
  const std::string program = std::string("'") + VLAQ_PROGRAM + "' ", bundle = "'" + Bundle() + "' ";
  for (const std::string& command : {"inspect " + bundle, "inspect --json " + bundle, "plan cost " + bundle,
                                     std::string("completion bash "), std::string("--help ")}) {
    EXPECT_EQ(shell(program + command + ">/dev/full"), 3) << command;
    EXPECT_EQ(Content(In("err")), "vlaq: cannot write standard output: No space left on device\n") << command;
    EXPECT_EQ(shell(program + command + ">&-"), 3) << command;
    EXPECT_THAT(Content(In("err")), HasSubstr("cannot write standard output: Bad file descriptor")) << command;
    EXPECT_EQ(shell("{ " + program + command + "; echo $? >'" + In("code") + "'; } | true"), 0) << command;
    EXPECT_EQ(Content(In("err")), "") << command;
    EXPECT_THAT(Content(In("code")), ::testing::AnyOf("141\n", "0\n")) << command;
  }
}

// Files opened later must not get the number of a stream that is closed.
TEST_F(Process, ClosedStreamsDamageNoOutput) {
  const std::string command = std::string("'") + VLAQ_PROGRAM + "' export '" + Checkpoint() + "' --config '" +
                              In("config.json") + "' --policy '" + In("policy.json") + "' -o '" + In("closed") + "'";
  const int status = std::system((command + " <&- >&- 2>&-").c_str());  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(WEXITSTATUS(status), 3) << "its words went nowhere";
  EXPECT_EQ(Vlaq({"verify", In("closed"), "--against", Checkpoint()}).exit_code, 7) << "intact";
}

// Programs that talk to vlaq end with it, however it ends.
TEST_F(Process, NoProgramOfOursOutlivesUs) {
  for (const int signal : {SIGTERM, SIGINT, SIGKILL}) {
    const std::string pid_file = In(fmt::format("pid{}", signal));
    const pid_t child = Start({"bench", Bundle(), "x=cmd:sh -c 'echo $$ >" + pid_file + "; exec sleep 1000'"});
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (Content(pid_file).empty() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const pid_t worker = std::atoi(Content(pid_file).c_str());
    ASSERT_GT(worker, 0) << Content(In("output"));
    ::kill(child, signal);
    Wait(child);
    EXPECT_TRUE(Ends(worker)) << signal;
  }
}

// Few processes, little memory, a small stack: words and an exit code, never a crash.
TEST_F(Process, NarrowLimitsAreNoCrash) {
  const std::string program = std::string("'") + VLAQ_PROGRAM + "' ";
  const auto run = [&](const std::string& limits, const std::string& arguments) {
    const std::string command = limits + "; " + program + arguments + " >'" + In("out") + "' 2>'" + In("err") + "'";
    return std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe)
  };
  const std::string command = "run '" + Bundle() + "' --frames '" + Frames() + "' --threads 2";
  const int small_stack = run("ulimit -s 64", command);
  EXPECT_EQ(WEXITSTATUS(small_stack), 4) << Content(In("err"));
  EXPECT_THAT(Content(In("err")), HasSubstr("ulimit -s 8192"));
  for (const char* megabytes : {"20", "40", "60", "100", "200", "400"}) {
    const int status = run(fmt::format("ulimit -v {}000", megabytes), command);
    EXPECT_TRUE(WIFEXITED(status)) << megabytes;
    EXPECT_LT(WEXITSTATUS(status), 128) << megabytes << " MB: " << Content(In("err"));
  }
}

// A set of episodes of which a part is missing looks like a smaller whole one.
TEST_F(Process, AnInterruptedRecordingLeavesNothing) {
  for (const int signal : {SIGINT, SIGKILL}) {
    const pid_t child = Start({"sim", "record", "--rollouts", "1000", "-o", In("recorded")});
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (HalfMade() == 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    ::kill(child, signal);
    Wait(child);
    EXPECT_FALSE(fs::exists(In("recorded")));
    if (signal == SIGINT) {
      EXPECT_EQ(HalfMade(), 0U);
    }
  }
  const Ran again = Vlaq({"sim", "record", "--rollouts", "1", "-o", In("recorded")});
  if (again.exit_code == 4) GTEST_SKIP() << again.err;  // built without the simulator
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(HalfMade(), 0U) << "what the killed one left";
  const Ran twice = Vlaq({"sim", "record", "--rollouts", "2", "-o", In("recorded")});
  EXPECT_EQ(twice.exit_code, 2) << "before anything is driven";
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
    const auto writes = [&engines, &pid_file] {
      if (!fs::exists(engines) || Content(pid_file).empty()) return false;
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
    EXPECT_TRUE(Ends(trtexec)) << signal;
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

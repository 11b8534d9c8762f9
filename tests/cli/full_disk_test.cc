// The disk is full: each command that writes says so, exits with 3, leaves nothing half-written, and what was there
// before is there still. A limit on the size of files stands for the disk: past it a write fails as on a full one.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>

#include "program.h"
#include "sim/world.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Files = std::map<std::string, uintmax_t>;

Files FilesUnder(const fs::path& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    files[entry.path().string()] = entry.is_regular_file() ? entry.file_size() : 0;
  }
  return files;
}

// Runs the program where no file can grow beyond `room` bytes. In a process of its own, since the limit stays. What it
// says goes through a pipe, which has no such limit.
Ran RunInRoom(std::vector<std::string> arguments, uintmax_t room) {
  arguments.insert(arguments.begin(), VLAQ_PROGRAM);
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_WRONLY), 1);
    ::dup2(ends[1], 2);
    const rlimit limit{room, room};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    ::execv(VLAQ_PROGRAM, words.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  Ran ran;
  char part[4096];
  for (ssize_t n = 0; (n = ::read(ends[0], part, sizeof part)) > 0;) ran.err.append(part, static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

class FullDisk : public CliTest {
 protected:
  // With no room at all, for a page, and for all but the last byte of the largest file that `arguments` would write to
  // `output`; first where an earlier result is, with --force, then where nothing is.
  static void ExpectRefused(const std::vector<std::string>& arguments, const std::string& output) {
    ASSERT_EQ(Vlaq(arguments).exit_code, 0);
    uintmax_t largest = 0;
    if (fs::is_directory(output)) {
      for (const auto& [name, bytes] : FilesUnder(output)) largest = std::max(largest, bytes);
    } else {
      largest = fs::file_size(output);
    }
    std::vector<std::string> forced = arguments;
    forced.emplace_back("--force");
    const std::vector<uintmax_t> rooms{0, std::min<uintmax_t>(4096, largest - 1), largest - 1};
    for (const uintmax_t room : rooms) ExpectRefusedIn(room, forced);
    fs::remove_all(output);
    for (const uintmax_t room : rooms) ExpectRefusedIn(room, arguments);
  }

 private:
  static void ExpectRefusedIn(uintmax_t room, const std::vector<std::string>& arguments) {
    const Files before = FilesUnder(Folder());
    const Ran ran = RunInRoom(arguments, room);
    EXPECT_EQ(ran.exit_code, 3) << room << " bytes: " << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("cannot write: File too large")) << room << " bytes";
    EXPECT_EQ(FilesUnder(Folder()), before) << room << " bytes";
  }
};

TEST_F(FullDisk, Export) {
  ExpectRefused(
      {"export", Checkpoint(), "-o", In("again"), "--config", In("config.json"), "--policy", In("policy.json")},
      In("again"));
}

TEST_F(FullDisk, Quantize) {
  for (const char* precision : {"int8", "int4", "fp16"}) {
    ExpectRefused({"quantize", Bundle(), "--target", "cpu", "--precision", precision, "-o", In("small")}, In("small"));
  }
}

TEST_F(FullDisk, PlanQuantize) {
  ExpectRefused({"plan", "quantize", Bundle(), "--target", "cpu", "--precision", "int8", "-o", In("plan.json")},
                In("plan.json"));
}

// No room for temporary files is not the bundle's fault.
TEST_F(FullDisk, VerifyAccusesNobody) {
  for (const uintmax_t room : {0U, 100U, 4096U}) {
    const Ran ran = RunInRoom({"verify", Bundle()}, room);
    EXPECT_EQ(ran.exit_code, 3) << room << ": " << ran.err;
    EXPECT_THAT(ran.err, ::testing::Not(HasSubstr("verification failed"))) << room;
    EXPECT_THAT(ran.err, HasSubstr("TMPDIR")) << room;
  }
}

TEST_F(FullDisk, Calibrate) {
  ExpectRefused(
      {"calibrate", Bundle(), "--frames", Frames(), "--samples", "2", "--threads", "1", "-o", In("stats.json")},
      In("stats.json"));
}

// The first of three files must not stay when the second finds no room: the next try would want --force.
TEST_F(FullDisk, SimRender) {
  if (const auto why = sim::World::Unavailable()) GTEST_SKIP() << *why;
  ExpectRefused({"sim", "render", "--seed", "1", "-o", In("pictures")}, In("pictures"));
}

}  // namespace
}  // namespace vlaq

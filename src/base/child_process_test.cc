#include "base/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/testing.h"

namespace vlaq {
namespace {

using ::testing::HasSubstr;

constexpr double kTimeoutS = 20;

// True once there is no such process, or only what is left of one that nobody asked about; waits for that.
bool Ends(pid_t pid) {
  for (int i = 0; i < 500; ++i) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const size_t name_end = stat.rfind(") ");
    if (name_end == std::string::npos || stat[name_end + 2] == 'Z' || stat[name_end + 2] == 'X') return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::unique_ptr<ChildProcess> Start(const std::string& command) {
  auto child = ChildProcess::Start(command);
  EXPECT_TRUE(child.ok()) << child.error().ToString();
  return std::move(*child);
}

TEST(ChildProcess, AnswersWhatItIsAsked) {
  const auto child = Start("while read -r line; do echo \"heard $line\"; done");
  ASSERT_TRUE(child->Write(AsBytes("one\ntwo\n"), kTimeoutS).ok());
  EXPECT_EQ(*child->ReadLine(kTimeoutS), "heard one");
  EXPECT_EQ(*child->ReadLine(kTimeoutS), "heard two");
}

// A program that inherits a blocked signal can be ended by none but SIGKILL.
TEST(ChildProcess, GetsNoBlockedSignals) {
  sigset_t blocked, before;
  sigfillset(&blocked);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto handler = std::signal(SIGPIPE, SIG_IGN);
  const auto child = Start("exec cat /proc/self/status");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGPIPE, handler);
  std::string masks;
  for (auto line = child->ReadLine(kTimeoutS); line.ok(); line = child->ReadLine(kTimeoutS)) {
    if (line->starts_with("SigBlk:") || line->starts_with("SigIgn:")) masks += line->substr(8);
  }
  EXPECT_EQ(masks, std::string(32, '0'));
}

TEST(ChildProcess, EndsWithWhatItStarted) {
  pid_t started = 0;
  {
    const auto child = Start("sleep 1000 & echo $!; wait");
    started = std::atoi(child->ReadLine(kTimeoutS)->c_str());
    ASSERT_GT(started, 0);
  }
  EXPECT_TRUE(Ends(started));
  const auto gone = Start("sleep 1000 & echo $!");
  started = std::atoi(gone->ReadLine(kTimeoutS)->c_str());
  EXPECT_THAT(gone->ReadLine(0.1).error().what, ::testing::AnyOf(HasSubstr("status 0"), HasSubstr("did not answer")));
}

TEST(ChildProcess, EndsWithAProgramThatIsKilled) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    const auto child = ChildProcess::Start("exec sleep 1000");
    const int pid = child.ok() ? (*child)->pid() : -1;
    static_cast<void>(!::write(ends[1], &pid, sizeof pid));
    for (;;) ::pause();
  }
  int pid = 0;
  ASSERT_EQ(::read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, 0), 0);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_TRUE(Ends(pid));
}

TEST(ChildProcess, IsEndedWithAllOthersWhenTheProgramIsInterrupted) {
  const pid_t parent = ::fork();
  if (parent == 0) {
    const auto child = ChildProcess::Start("trap '' TERM INT; sleep 1000 & wait; sleep 1000");
    EndRunningPrograms();
    ::_exit(child.ok() && ::waitpid((*child)->pid(), nullptr, 0) > 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(parent, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(ChildProcess, HasNoFileOfOursButItsOwn) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);  // without O_CLOEXEC
  const auto child = Start("test -e /proc/self/fd/" + std::to_string(ends[1]) + " && echo inherited || echo none");
  EXPECT_EQ(*child->ReadLine(kTimeoutS), "none");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ChildProcess, SaysHowItEnded) {
  const auto child = Start("exit 3");
  EXPECT_THAT(child->ReadLine(kTimeoutS).error().ToString(), HasSubstr("ended with status 3"));
  EXPECT_EQ(child->pid(), 0);
  const auto killed = Start("kill -9 $$");
  EXPECT_THAT(killed->ReadLine(kTimeoutS).error().ToString(), HasSubstr("signal 9"));
}

TEST(ChildProcessTest, ReadsBytesWhateverTheyAre) {
  auto child = ChildProcess::Start("printf 'ab\\ncd'; exec cat");
  ASSERT_TRUE(child.ok());
  EXPECT_EQ(*(*child)->Read(4, 5), "ab\nc");
  EXPECT_EQ(*(*child)->Read(1, 5), "d");
  EXPECT_FALSE((*child)->Read(1, 0.05).ok());
}

}  // namespace
}  // namespace vlaq

#include "base/bus_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>

#include "base/mapped_file.h"
#include "base/output.h"
#include "base/testing.h"

namespace vlaq {
namespace {

struct Ended {
  int status = 0;
  std::string said;
};

// In a process of its own, with a thread that waits for SIGTERM, as the program has it.
Ended EndOf(void (*work)(const std::filesystem::path&), const std::filesystem::path& file) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread([signals] {
      siginfo_t info{};
      sigwaitinfo(&signals, &info);
      ::_exit(info.si_code == SI_QUEUE ? info.si_value.sival_int : 99);
    }).detach();
    NameFilesOfBusErrors();
    work(file);
    ::_exit(0);
  }
  ::close(ends[1]);
  Ended ended;
  std::array<char, 4096> part{};
  for (ssize_t n = 0; (n = ::read(ends[0], part.data(), part.size())) > 0;) {
    ended.said.append(part.data(), static_cast<size_t>(n));
  }
  ::close(ends[0]);
  ::waitpid(child, &ended.status, 0);
  return ended;
}

void ReadACutFile(const std::filesystem::path& file) {
  const auto map = MappedFile::Open(file);
  std::filesystem::resize_file(file, 10);
  const volatile std::byte* last = &(*map)->bytes().back();
  static_cast<void>(*last);
}

TEST(BusError, NamesTheFileAndEndsAsBadInput) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "weights\x1b.bin";
  ASSERT_TRUE(WriteFile(file, std::string(100'000, 'x'), Existing::kRefuse).ok());
  const Ended ended = EndOf(ReadACutFile, file);
  EXPECT_TRUE(WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 3) << ended.status;
  EXPECT_THAT(ended.said, ::testing::StartsWith("vlaq: " + folder.path().string() + "/weights?.bin: was cut off"));
  EXPECT_THAT(ended.said, ::testing::EndsWith("\n"));
}

TEST(BusError, OthersEndTheProgramAsEver) {
  const Ended ended = EndOf(
      [](const std::filesystem::path&) {
        std::raise(SIGBUS);
        std::raise(SIGBUS);
      },
      "");
  EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGBUS) << ended.status;
  EXPECT_EQ(ended.said, "");
}

}  // namespace
}  // namespace vlaq

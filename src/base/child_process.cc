#include "base/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/program_error.h"

namespace vlaq {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLongestLine = size_t{1} << 20;

Clock::time_point DeadlineIn(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::Start(const std::string& command) {
  // A pair of sockets and no pipes: writing to a program that is gone is then an error, not a signal.
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return ProgramError(command, "no socket for a program", errno);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, sockets[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, sockets[1], STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // so that what the shell starts can be ended with it
  posix_spawnattr_setpgroup(&attributes, 0);
  std::string shell = "sh";
  std::string option = "-c";
  std::string line = command;
  const std::array<char*, 4> arguments{shell.data(), option.data(), line.data(), nullptr};
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(sockets[1]);
  if (code != 0) {
    ::close(sockets[0]);
    return ProgramError(command, "the program cannot be started", code);
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(command, pid, sockets[0]));
}

ChildProcess::~ChildProcess() {
  ::close(socket_);  // the end of its input: a well-behaved program leaves by itself
  if (pid_ <= 0) return;
  constexpr int kTries = 20;
  for (int i = 0; i < kTries; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
    ::usleep(10'000);
  }
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Error ChildProcess::Gone() {
  int status = 0;
  constexpr int kTries = 100;  // its output ends a moment before it can be waited for
  for (int i = 0; i < kTries && pid_ > 0; ++i) {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) pid_ = 0;
    if (pid_ > 0) ::usleep(10'000);
  }
  std::string how = "closed its output";
  if (pid_ == 0 && WIFEXITED(status)) how = fmt::format("ended with status {}", WEXITSTATUS(status));
  if (pid_ == 0 && WIFSIGNALED(status)) how = fmt::format("was ended by signal {}", WTERMSIG(status));
  return {ErrorCode::kBackend, "the program " + how, command_, "its own messages stand above"};
}

bool ChildProcess::WaitFor(short events, Clock::time_point deadline) const {
  for (;;) {
    const std::chrono::duration<double, std::milli> left = deadline - Clock::now();
    if (left.count() <= 0) return false;
    constexpr double kLongestWaitMs = 60'000;  // of one poll(); it takes an int
    pollfd ready{socket_, events, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(std::min(left.count(), kLongestWaitMs)) + 1);
    if (count > 0 || (count < 0 && errno != EINTR)) return true;  // or an error, which the next call will name
  }
}

Status ChildProcess::Write(Bytes bytes, double timeout_s) {
  const auto deadline = DeadlineIn(timeout_s);
  while (!bytes.empty()) {
    if (!WaitFor(POLLOUT, deadline)) {
      return Error{ErrorCode::kBackend, fmt::format("the program did not read its input within {} s", timeout_s),
                   command_, ""};
    }
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<size_t>(sent));
    } else if (errno != EINTR && errno != EAGAIN) {
      return Gone();
    }
  }
  return {};
}

Result<std::string> ChildProcess::ReadLine(double timeout_s) {
  const auto deadline = DeadlineIn(timeout_s);
  for (;;) {
    if (const size_t end = received_.find('\n'); end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    if (received_.size() > kLongestLine) {
      return Error{ErrorCode::kBackend, "the program printed more than 1 MiB without a line's end", command_, ""};
    }
    if (!WaitFor(POLLIN, deadline)) {
      return Error{ErrorCode::kBackend, fmt::format("the program did not answer within {} s", timeout_s), command_, ""};
    }
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      received_.append(buffer.data(), static_cast<size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      return Gone();
    }
  }
}

}  // namespace vlaq

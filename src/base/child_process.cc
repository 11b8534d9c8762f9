#include "base/child_process.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include "base/program_error.h"
#include "base/spawn.h"

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
  const auto pid =
      Spawn({.arguments = {"/bin/sh", "-c", command}, .input = sockets[1], .output = sockets[1], .own_group = true});
  ::close(sockets[1]);
  if (!pid.ok()) {
    ::close(sockets[0]);
    return Within(command, pid.error());
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(command, *pid, sockets[0]));
}

ChildProcess::ChildProcess(std::string command, int pid, int socket)
    : command_(std::move(command)), pid_(pid), running_(std::in_place, pid, true), socket_(socket) {}

ChildProcess::~ChildProcess() {
  ::close(socket_);  // the end of its input: a well-behaved program leaves by itself
  constexpr int kTries = 20;
  End(kTries);
}

std::optional<int> ChildProcess::End(int tries) {
  if (pid_ == 0) return std::nullopt;
  bool by_itself = false;
  for (int i = 0; i < tries && !by_itself; ++i) {
    by_itself = HasEnded(pid_);
    if (!by_itself) ::usleep(10'000);
  }
  ::kill(-pid_, SIGKILL);  // it, or what it started and left behind
  HasEnded(pid_, true);
  running_.reset();
  int status = 0;
  ::waitpid(std::exchange(pid_, 0), &status, 0);
  return by_itself ? std::optional(status) : std::nullopt;
}

Error ChildProcess::Gone() {
  constexpr int kTries = 100;  // its output ends a moment before it can be waited for
  const std::optional<int> status = End(kTries);
  std::string how = "closed its output";
  if (status && WIFEXITED(*status)) how = fmt::format("ended with status {}", WEXITSTATUS(*status));
  if (status && WIFSIGNALED(*status)) how = fmt::format("was ended by signal {}", WTERMSIG(*status));
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
    VLAQ_RETURN_IF_ERROR(Receive(deadline, timeout_s));
  }
}

Result<std::string> ChildProcess::Read(size_t size, double timeout_s) {
  const auto deadline = DeadlineIn(timeout_s);
  while (received_.size() < size) VLAQ_RETURN_IF_ERROR(Receive(deadline, timeout_s));
  std::string bytes = received_.substr(0, size);
  received_.erase(0, size);
  return bytes;
}

Status ChildProcess::Receive(Clock::time_point deadline, double timeout_s) {
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
  return {};
}

}  // namespace vlaq

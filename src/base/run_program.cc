#include "base/run_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/program_error.h"
#include "base/running.h"
#include "base/spawn.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Reads until the other end is closed. False at the deadline.
bool ReadAll(int input, Clock::time_point deadline, ProgramRun& run,
             const std::function<void(std::string_view)>& each_part) {
  std::array<char, 16384> buffer{};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    constexpr int64_t kLongestWaitMs = 60'000;
    pollfd ready{input, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(std::min<int64_t>(left, kLongestWaitMs)) + 1) <= 0) continue;
    const ssize_t got = ::read(input, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    const std::string_view part(buffer.data(), static_cast<size_t>(got));
    if (run.output.size() + part.size() <= ProgramRun::kLongestOutput) run.output += part;
    if (each_part) each_part(part);
  }
}

}  // namespace

std::string ProgramRun::HowItEnded() const {
  if (signal == 0) return fmt::format("ended with status {}", exit_code);
  return fmt::format("was ended by signal {} ({})", signal, ::strsignal(signal));  // NOLINT(concurrency-mt-unsafe)
}

Result<ProgramRun> RunProgram(const std::vector<std::string>& arguments, double timeout_s,
                              const std::function<void(std::string_view)>& each_part) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return ProgramError(arguments[0], "no pipe for a program", errno);
  const auto start = Clock::now();
  // In our process group, so that Ctrl-C reaches it, too.
  const auto pid = Spawn({.arguments = arguments, .output = ends[1], .errors_to_output = true});
  ::close(ends[1]);
  if (!pid.ok()) {
    ::close(ends[0]);
    return pid.error();
  }
  ProgramRun run;
  std::optional<RunningProgram> running(*pid);
  const auto deadline = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s));
  const bool in_time = ReadAll(ends[0], deadline, run, each_part);
  ::close(ends[0]);
  if (!in_time) ::kill(*pid, SIGKILL);
  HasEnded(*pid, true);
  running.reset();
  int status = 0;
  rusage usage{};
  while (::wait4(*pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  if (!in_time) {
    return Error{ErrorCode::kBackend, fmt::format("did not end within {} s", timeout_s), arguments[0],
                 "give it longer with --timeout"};
  }
  run.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  run.peak_resident_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) run.signal = WTERMSIG(status);
  return run;
}

std::string FindProgram(const std::vector<std::string>& names) {
  const auto runs = [](const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
  };
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  for (const std::string& name : names) {
    if (name.find('/') != std::string::npos) {
      if (runs(name)) return name;
      continue;
    }
    std::string_view rest = path != nullptr ? path : "";
    while (!rest.empty()) {
      const std::string_view folder = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
      if (!folder.empty() && runs(fs::path(folder) / name)) return (fs::path(folder) / name).string();
    }
  }
  return "";
}

std::string ShellWord(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string ShellLine(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + ShellWord(word);
  return line;
}

}  // namespace vlaq

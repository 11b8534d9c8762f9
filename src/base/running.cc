#include "base/running.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <mutex>

namespace vlaq {
namespace {

std::mutex& RunningMutex() {
  static std::mutex mutex;
  return mutex;
}
// What a signal to the program is sent to: its number, or minus that of its group.
std::map<pid_t, pid_t>& Running() {
  static std::map<pid_t, pid_t> running;
  return running;
}

}  // namespace

bool HasEnded(pid_t pid, bool wait) {
  siginfo_t info{};
  const int options = WEXITED | WNOWAIT | (wait ? 0 : WNOHANG);
  int code = 0;
  while ((code = ::waitid(P_PID, static_cast<id_t>(pid), &info, options)) != 0 && errno == EINTR) {
  }
  return code != 0 || info.si_pid == pid;
}

RunningProgram::RunningProgram(pid_t pid, bool group) : pid_(pid) {
  const std::lock_guard lock(RunningMutex());
  Running().emplace(pid, group ? -pid : pid);
}

RunningProgram::~RunningProgram() {
  const std::lock_guard lock(RunningMutex());
  Running().erase(pid_);
}

void EndRunningPrograms() {
  RunningMutex().lock();  // for good: nobody may go on as if a program had ended by itself
  for (const auto& [pid, receiver] : Running()) ::kill(receiver, SIGKILL);
  constexpr int kTries = 200;
  constexpr useconds_t kBetween = 10'000;
  for (int i = 0; i < kTries; ++i) {
    bool all = true;
    for (const auto& [pid, receiver] : Running()) all = all && HasEnded(pid);
    if (all) return;
    ::usleep(kBetween);
  }
}

}  // namespace vlaq

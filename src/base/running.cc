#include "base/running.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <mutex>
#include <set>

namespace vlaq {
namespace {

std::mutex& RunningMutex() {
  static std::mutex mutex;
  return mutex;
}
std::set<pid_t>& Running() {
  static std::set<pid_t> running;
  return running;
}

bool IsGone(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

}  // namespace

RunningProgram::RunningProgram(pid_t pid) : pid_(pid) {
  const std::lock_guard lock(RunningMutex());
  Running().insert(pid);
}

RunningProgram::~RunningProgram() {
  const std::lock_guard lock(RunningMutex());
  Running().erase(pid_);
}

void EndRunningPrograms() {
  RunningMutex().lock();  // for good: nobody may go on as if a program had ended by itself
  for (const pid_t pid : Running()) ::kill(pid, SIGKILL);
  constexpr int kTries = 200;
  constexpr useconds_t kBetween = 10'000;
  for (int i = 0; i < kTries; ++i) {
    bool all = true;
    for (const pid_t pid : Running()) all = all && IsGone(pid);
    if (all) return;
    ::usleep(kBetween);
  }
}

}  // namespace vlaq

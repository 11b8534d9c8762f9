#include "base/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/program_error.h"

namespace vlaq {
namespace {

// What is done between fork() and exec(): system calls only, since other threads may have held any lock.
[[noreturn]] void BecomeProgram(const SpawnRequest& request, char* const* arguments, pid_t parent, int failure) {
  const auto move = [](int from, int to) { return from == to || ::dup2(from, to) >= 0; };
  bool good = true;
  if (request.own_group) good = ::setpgid(0, 0) == 0;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it ended before it could be told of
  const int input = request.input >= 0 ? request.input : ::open("/dev/null", O_RDONLY);
  good = good && input >= 0 && move(input, STDIN_FILENO);
  if (request.output >= 0) good = good && move(request.output, STDOUT_FILENO);
  if (request.errors_to_output) good = good && move(STDOUT_FILENO, STDERR_FILENO);
  // What libraries opened without O_CLOEXEC (sockets of DDS) is not the program's, and would outlive us in it. Linux
  // before 5.11 cannot; then it is as ever.
  static_cast<void>(::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC));
  ::signal(SIGPIPE, SIG_DFL);  // the one that we ignore; handlers of ours end with exec()
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (good) ::execvp(arguments[0], arguments);
  const int reason = errno;
  static_cast<void>(!::write(failure, &reason, sizeof reason));
  ::_exit(127);
}

}  // namespace

Result<pid_t> Spawn(const SpawnRequest& request) {
  std::vector<std::string> words = request.arguments;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  std::array<int, 2> failure{};  // closed by exec(), or says why there was none
  if (::pipe2(failure.data(), O_CLOEXEC) != 0) return ProgramError(words[0], "no pipe for a program", errno);
  const pid_t parent = ::getpid();
  // No handler of ours may run in the child.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) BecomeProgram(request, pointers.data(), parent, failure[1]);
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(failure[1]);
  int reason = pid < 0 ? fork_error : 0;
  if (pid > 0) {
    ssize_t got = 0;
    while ((got = ::read(failure[0], &reason, sizeof reason)) < 0 && errno == EINTR) {
    }
    if (got == sizeof reason) {
      while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    } else {
      reason = 0;
    }
  }
  ::close(failure[0]);
  if (reason != 0) return ProgramError(words[0], "cannot be started", reason);
  return pid;
}

}  // namespace vlaq

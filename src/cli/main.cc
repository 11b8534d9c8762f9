#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/bus_error.h"
#include "base/interrupt.h"
#include "base/running.h"
#include "base/unfinished.h"
#include "cli/app.h"

namespace {

constexpr rlim_t kMinStack = rlim_t{1} << 20U, kUsualStack = rlim_t{8} << 20U;
constexpr int kBackEndExit = 4;

// Ctrl-C, kill, a lost terminal and a mapped file that is gone leave no half-made files behind, and no program that
// goes on making them; but work that waits to be told so stops by itself. All threads block the signals; one waits for
// them. False if there can be no such thread.
bool CleanUpWhenInterrupted() {
  static sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  struct sigaction hang_up {};
  sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);  // nohup: go on
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    std::thread([] {
      siginfo_t info{};
      bool from_us = false;
      do {
        while (sigwaitinfo(&signals, &info) < 0) {
        }
        from_us = info.si_code == SI_QUEUE && info.si_pid == ::getpid();  // base/bus_error.h
      } while (!from_us && vlaq::AskToStop());
      vlaq::UndoWhatLasts();
      vlaq::EndRunningPrograms();
      vlaq::RemoveUnfinishedOutputsAndExit(from_us ? info.si_value.sival_int : 128 + info.si_signo);
    }).detach();
  } catch (const std::system_error& error) {
    std::cerr << "vlaq: cannot start a thread: " << error.code().message()
              << "; raise the limits on processes and memory (ulimit -u, ulimit -v)\n";
    return false;
  }
  vlaq::NameFilesOfBusErrors();
  return true;
}

// A file must not get the number of a standard stream that is closed: what is printed would go into it. Reading and
// writing still fail, as they do on closed ones, but for messages, which go nowhere.
void HoldStandardStreams() {
  const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
  for (int stream = 0; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    if (::open("/dev/null", modes[stream]) < 0) return;
  }
}

// Small stacks (ulimit -s) end in crashes deep inside libraries.
bool HasStack() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kMinStack) return true;
  if (limit.rlim_max >= kMinStack) {
    limit.rlim_cur = std::min(limit.rlim_max, kUsualStack);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, limit.rlim_cur);
    const bool raised = ::setrlimit(RLIMIT_STACK, &limit) == 0 && pthread_setattr_default_np(&attributes) == 0;
    pthread_attr_destroy(&attributes);
    if (raised) return true;
  }
  std::cerr << "vlaq: the stack may have " << limit.rlim_cur / 1024 << " kB only, and 1 MB is needed; raise it with "
            << "ulimit -s 8192\n";
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  HoldStandardStreams();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error like others, and Run() is quiet about it
  std::ios::sync_with_stdio(false);
  if (!HasStack() || !CleanUpWhenInterrupted()) return kBackEndExit;
  return vlaq::cli::Run({argv + 1, argv + argc}, std::cout, std::cerr);
}

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "base/unfinished.h"
#include "cli/app.h"

namespace {

// Ctrl-C and kill leave no half-made files behind. All threads block the two signals; one waits for them.
void CleanUpWhenInterrupted() {
  static sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([] {
    int signal = 0;
    sigwait(&signals, &signal);
    vlaq::RemoveUnfinishedOutputs();
    ::_exit(128 + signal);
  }).detach();
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that went away (`vlaq inspect ... | head`) is no crash.
  std::signal(SIGPIPE, SIG_DFL);
  CleanUpWhenInterrupted();
  std::ios::sync_with_stdio(false);
  return vlaq::cli::Run({argv + 1, argv + argc}, std::cout, std::cerr);
}

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "base/running.h"
#include "base/unfinished.h"
#include "cli/app.h"

namespace {

// Ctrl-C, kill and a lost terminal leave no half-made files behind, and no program that goes on making them. All
// threads block the signals; one waits for them.
void CleanUpWhenInterrupted() {
  static sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  struct sigaction hang_up {};
  sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);  // nohup: go on
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([] {
    int signal = 0;
    sigwait(&signals, &signal);
    vlaq::EndRunningPrograms();
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

// For work that goes on until somebody ends it (a server, a robot's loop): the first Ctrl-C or SIGTERM asks it to stop,
// and it ends as it likes; the next one ends the program as ever. Thread-safe.
#pragma once

#include <functional>

namespace vlaq {

// While it lives, an interruption calls `stop` on another thread, once, instead of ending the program. One at a time.
class WhenInterrupted {
 public:
  explicit WhenInterrupted(std::function<void()> stop);
  // Afterwards `stop` is not running.
  ~WhenInterrupted();
  WhenInterrupted(const WhenInterrupted&) = delete;
  WhenInterrupted& operator=(const WhenInterrupted&) = delete;
};

// For the thread that takes signals: false if nobody waits for that, or was asked already.
bool AskToStop();

}  // namespace vlaq

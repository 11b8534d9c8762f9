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

// While it lives, a program that ends by a signal calls `undo` before, on the thread that takes signals: for what would
// outlast the program, as a terminal's mode does. It must not wait for other threads.
class UndoneBySignal {
 public:
  explicit UndoneBySignal(std::function<void()> undo);
  ~UndoneBySignal();
  UndoneBySignal(const UndoneBySignal&) = delete;
  UndoneBySignal& operator=(const UndoneBySignal&) = delete;
};

// For the thread that takes signals, before it ends the program.
void UndoWhatLasts();

}  // namespace vlaq

// The programs that this process started and waits for, so that an interrupted one leaves none at work. Thread-safe.
#pragma once

#include <sys/types.h>

namespace vlaq {

// Known as long as it lives. Its end must be waited for without reaping it (HasEnded) before it is forgotten: the
// number of a reaped process may be another's.
class RunningProgram {
 public:
  // `group`: the number is that of its process group, too, which is ended as a whole.
  explicit RunningProgram(pid_t pid, bool group = false);
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

 private:
  pid_t pid_;
};

// True if the program has ended; with `wait` only then does it return. It is not reaped.
bool HasEnded(pid_t pid, bool wait = false);

// Ends all of them and waits until they are gone, two seconds at most. For a program about to end by a signal: whoever
// waits for one of them waits for ever.
void EndRunningPrograms();

}  // namespace vlaq

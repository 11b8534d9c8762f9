// The programs that this process started and waits for, so that an interrupted one leaves none at work. Thread-safe.
#pragma once

#include <sys/types.h>

namespace vlaq {

// Known as long as it lives. Its end must be waited for without reaping it (waitid with WNOWAIT) before it is
// forgotten: the number of a reaped process may be another's.
class RunningProgram {
 public:
  explicit RunningProgram(pid_t pid);
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

 private:
  pid_t pid_;
};

// Ends all of them and waits until they are gone, two seconds at most. For a program about to end by a signal: whoever
// waits for one of them waits for ever.
void EndRunningPrograms();

}  // namespace vlaq

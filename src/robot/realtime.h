// What Linux offers so that the control tick comes in time: a real-time priority, a processor of its own, memory that
// stays.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace vlaq::robot {

struct RealTimeOptions {
  int priority = 0;                  // SCHED_FIFO, 1 to 99; 0: as any thread
  std::vector<int> processors = {};  // of the tick; empty: any
  bool lock_memory = false;          // mlockall
};

// Keeps all memory of the process, now and later, from being paged out. Errors: kBackend with the limit that forbids it
// and how it is raised.
Status LockMemory();
// For the calling thread. Errors: as above; kUsage for a priority or processors that there are not.
Status BecomeRealTime(const RealTimeOptions& options);

// What would forbid SCHED_FIFO and mlockall to this user: one line each with the remedy; empty: nothing.
std::vector<std::string> RealTimeLimits();

// Whether this kernel lets a real-time thread interrupt its own work (PREEMPT_RT).
bool IsRealTimeKernel();

}  // namespace vlaq::robot

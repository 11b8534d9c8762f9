// What Linux offers so that the control tick comes in time: a real-time priority, a processor of its own, memory that
// stays.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace vlaq::robot {

struct RealTimeOptions {
  int priority = 0;  // SCHED_FIFO, 1 to 99; 0: as any thread
  // Of the threads that the tick depends on, which receive and send: below it, so that they never delay it.
  int priority_of_others() const { return priority > 1 ? priority - 1 : priority; }
  std::vector<int> processors = {};  // of the tick; empty: any
  bool lock_memory = false;          // mlockall
};

// Keeps all memory of the process, now and later, from being paged out. Errors: kBackend with the limit that forbids it
// and how it is raised.
Status LockMemory();
// For the calling thread. Errors: as above; kUsage for a priority or processors that there are not.
Status BecomeRealTime(const RealTimeOptions& options);

// While it lives, the calling thread, and the threads that it begins, have SCHED_FIFO.
class RaisedPriority {
 public:
  // `priority` 1 to 99; 0: they are left as they are. Errors: as BecomeRealTime.
  static Result<RaisedPriority> Raise(int priority);
  // The calling thread, which must be the same, is as it was before; those that it began stay.
  ~RaisedPriority();
  RaisedPriority(RaisedPriority&& other) noexcept : before_(std::exchange(other.before_, std::nullopt)) {}
  RaisedPriority& operator=(RaisedPriority&&) = delete;

 private:
  struct Scheduling {
    int policy = 0, priority = 0;
  };
  explicit RaisedPriority(std::optional<Scheduling> before) : before_(before) {}
  std::optional<Scheduling> before_;
};

// What would forbid SCHED_FIFO and mlockall to this user: one line each with the remedy; empty: nothing.
std::vector<std::string> RealTimeLimits();

// Whether this kernel lets a real-time thread interrupt its own work (PREEMPT_RT).
bool IsRealTimeKernel();

}  // namespace vlaq::robot

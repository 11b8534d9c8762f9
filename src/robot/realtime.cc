#include "robot/realtime.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace vlaq::robot {
namespace {

constexpr const char* kLimitsAdvice =
    "raise it in /etc/security/limits.conf (USER - {} {}) and log in again, or give the service {}";

std::string PriorityAdvice() { return fmt::format(fmt::runtime(kLimitsAdvice), "rtprio", 80, "LimitRTPRIO=80"); }
std::string MemoryAdvice() {
  return fmt::format(fmt::runtime(kLimitsAdvice), "memlock", "unlimited", "LimitMEMLOCK=infinity");
}

Error Refused(std::string what, std::string advice) {
  return {ErrorCode::kBackend, std::move(what), "", std::move(advice)};
}

// Whether the calling thread could have a real-time priority: tried and taken back.
bool MayBecomeRealTime() {
  int policy = 0;
  sched_param before{}, wanted{};
  if (pthread_getschedparam(pthread_self(), &policy, &before) != 0) return false;
  wanted.sched_priority = 1;
  if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted) != 0) return false;
  pthread_setschedparam(pthread_self(), policy, &before);
  return true;
}

}  // namespace

Status LockMemory() {
  if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0) return {};
  return Refused(fmt::format("memory cannot be locked: {}", std::strerror(errno)), MemoryAdvice());
}

Status BecomeRealTime(const RealTimeOptions& options) {
  if (options.priority < 0 || options.priority > 99) {
    return UsageError(fmt::format("{} is no real-time priority", options.priority), "1 to 99, or 0 for none");
  }
  if (!options.processors.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int processor : options.processors) {
      if (processor < 0 || processor >= CPU_SETSIZE)
        return UsageError(fmt::format("there is no processor {}", processor));
      CPU_SET(static_cast<size_t>(processor), &set);
    }
    if (const int error = pthread_setaffinity_np(pthread_self(), sizeof set, &set); error != 0) {
      return UsageError(fmt::format("the control tick cannot run on those processors: {}", std::strerror(error)),
                        "nproc and lscpu say which there are");
    }
  }
  if (options.priority == 0) return {};
  const sched_param wanted{.sched_priority = options.priority};
  const int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted);
  if (error == 0) return {};
  return Refused(fmt::format("SCHED_FIFO with priority {} is refused: {}", options.priority, std::strerror(error)),
                 PriorityAdvice());
}

Result<RaisedPriority> RaisedPriority::Raise(int priority) {
  if (priority == 0) return RaisedPriority(std::nullopt);
  Scheduling before;
  sched_param parameters{};
  if (pthread_getschedparam(pthread_self(), &before.policy, &parameters) != 0) return RaisedPriority(std::nullopt);
  before.priority = parameters.sched_priority;
  VLAQ_RETURN_IF_ERROR(BecomeRealTime({.priority = priority}));
  return RaisedPriority(before);
}

RaisedPriority::~RaisedPriority() {
  if (!before_) return;
  const sched_param parameters{.sched_priority = before_->priority};
  pthread_setschedparam(pthread_self(), before_->policy, &parameters);
}

std::vector<std::string> RealTimeLimits() {
  std::vector<std::string> lines;
  if (!MayBecomeRealTime()) lines.push_back("SCHED_FIFO is refused; " + PriorityAdvice());
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    lines.push_back(fmt::format("memory can be locked up to {} KiB only; {}", limit.rlim_cur / 1024, MemoryAdvice()));
  }
  return lines;
}

bool IsRealTimeKernel() {
  utsname system{};
  return uname(&system) == 0 && std::string_view(system.version).find("PREEMPT_RT") != std::string_view::npos;
}

}  // namespace vlaq::robot

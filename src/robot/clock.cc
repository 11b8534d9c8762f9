#include "robot/clock.h"

#include <cerrno>
#include <ctime>

namespace vlaq::robot {

Time MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Time>(now.tv_sec) * kSecond + now.tv_nsec;
}

void SleepUntil(Time instant) {
  const timespec until{.tv_sec = instant / kSecond, .tv_nsec = instant % kSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

}  // namespace vlaq::robot

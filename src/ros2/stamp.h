// Instants as ROS has them and as one number.
#pragma once

#include <cstdint>

#include "ros2/messages.h"

namespace vlaq::ros2 {

inline constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

// Of nanoseconds since 1970; before that `sec` is negative, `nanosec` never.
inline Time TimeOf(int64_t ns) {
  const int64_t seconds = ns / kNanosecondsPerSecond - (ns % kNanosecondsPerSecond < 0 ? 1 : 0);
  return {.sec = static_cast<int32_t>(seconds), .nanosec = static_cast<uint32_t>(ns - seconds * kNanosecondsPerSecond)};
}
inline int64_t NanosecondsOf(const Time& time) { return int64_t{time.sec} * kNanosecondsPerSecond + time.nanosec; }

}  // namespace vlaq::ros2

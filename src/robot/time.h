// Instants and durations of the control loop: nanoseconds of its clock, which never goes backwards and is not the time
// of day. As plain integers they can be recorded and replayed exactly.
#pragma once

#include <cmath>
#include <cstdint>

namespace vlaq::robot {

using Time = int64_t;  // ns

inline constexpr Time kMillisecond = 1'000'000;
inline constexpr Time kSecond = 1'000'000'000;
// Before everything: of what has not happened yet. Differences with it do not overflow.
inline constexpr Time kNever = -(int64_t{1} << 61);

inline Time FromMs(double ms) { return std::llround(ms * static_cast<double>(kMillisecond)); }
inline double ToMs(Time time) { return static_cast<double>(time) / static_cast<double>(kMillisecond); }
inline double ToSeconds(Time time) { return static_cast<double>(time) / static_cast<double>(kSecond); }

}  // namespace vlaq::robot

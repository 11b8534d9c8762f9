// Counts how often a thread asks for memory, by any of malloc and its kin, operator new included. For test programs
// that this source is built into; the sanitizers have allocators of their own, there nothing is counted.
#pragma once

#include <cstdint>

namespace vlaq::robot {

inline constexpr bool kMallocIsWatched =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    false;
#else
    true;
#endif
#else
    true;
#endif

// By the calling thread since it began.
uint64_t MallocsOfThisThread();

}  // namespace vlaq::robot

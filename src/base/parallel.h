// Runs a loop over independent items on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace vlaq {

// Hardware threads this process may use (respects the affinity mask), at least 1.
int HardwareThreads();

// Calls body(i) for every i in [0, count), on up to `threads` threads (the caller's included), in no particular
// order. Returns when all are done. `body` must not throw.
void ParallelFor(size_t count, int threads, const std::function<void(size_t)>& body);

}  // namespace vlaq

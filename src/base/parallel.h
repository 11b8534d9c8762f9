// Runs a loop over independent items on several threads.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/log.h"
#include "base/status.h"

namespace vlaq {

// Hardware threads this process may use (respects the affinity mask), at least 1.
int HardwareThreads();

// Calls body(i) for every i in [0, count), on up to `threads` threads (the caller's included), in no particular
// order. Returns when all are done. `body` must not throw. Where the system refuses threads, fewer do it.
void ParallelFor(size_t count, int threads, const std::function<void(size_t)>& body);

// Does one item; made for one thread, which alone calls it.
using ItemWorker = std::function<Status(size_t)>;

// Does items 0 to count - 1 with up to `threads` workers side by side, each made by `start` on the thread that uses it
// (for state that costs too much to make for every item, or may not change threads). Items are handed out in order.
// The first error ends all, and is returned; the items that were begun are finished. Progress goes to `log` as `what`.
Status RunItems(size_t count, int threads, const std::string& what, Log& log,
                const std::function<Result<ItemWorker>()>& start);

}  // namespace vlaq

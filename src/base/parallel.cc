#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace vlaq {

int HardwareThreads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void ParallelFor(size_t count, int threads, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) body(i);
  };
  std::vector<std::thread> helpers;
  const size_t wanted = std::min(count, static_cast<size_t>(std::max(threads, 1)));
  try {
    for (size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
  } catch (const std::system_error&) {  // the system gives no more threads: those that there are do it all
  }
  work();
  for (auto& helper : helpers) helper.join();
}

Status RunItems(size_t count, int threads, const std::string& what, Log& log,
                const std::function<Result<ItemWorker>()>& start) {
  const size_t workers = std::min(count, static_cast<size_t>(std::max(1, threads)));
  std::atomic<size_t> next{0};
  std::mutex mutex;  // guards first_error, done and the log
  std::optional<Error> first_error;
  uint64_t done = 0;
  const auto work = [&]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const ItemWorker worker, start());
    for (size_t i = next++; i < count; i = next++) {
      VLAQ_RETURN_IF_ERROR(worker(i));
      const std::lock_guard lock(mutex);
      log.Progress(what, ++done, count);
    }
    return {};
  };
  ParallelFor(workers, static_cast<int>(workers), [&](size_t) {
    const Status status = work();
    if (status.ok()) return;
    const std::lock_guard lock(mutex);
    if (!first_error) first_error = status.error();
    next = count;
  });
  if (first_error) return *first_error;
  return {};
}

}  // namespace vlaq

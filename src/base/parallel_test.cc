#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

namespace vlaq {
namespace {

TEST(ParallelFor, WhatTheBodiesWroteIsVisibleAfterwards) {
  // Plain ints: the only thing that orders these writes and the reads below is ParallelFor itself.
  constexpr size_t kCount = 20000;
  std::vector<int> written(kCount, 0);
  ParallelFor(kCount, 8, [&](size_t i) { written[i] += static_cast<int>(i % 7); });
  for (size_t i = 0; i < kCount; ++i) ASSERT_EQ(written[i], static_cast<int>(i % 7)) << i;
}

TEST(ParallelFor, UsesNoMoreThreadsThanAskedAndItemsDecideTheResult) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  ParallelFor(200, 3, [&](size_t) {
    const int now = ++inside;
    int seen = most.load();
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::yield();
    --inside;
  });
  EXPECT_LE(most.load(), 3);
  EXPECT_GE(most.load(), 1);
}

TEST(ParallelFor, OneThreadIsTheCallersOwn) {
  std::set<std::thread::id> ids;
  ParallelFor(50, 1, [&](size_t) { ids.insert(std::this_thread::get_id()); });
  EXPECT_EQ(ids, std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST(ParallelFor, NestedAndConcurrentCallsDoNotDisturbEachOther) {
  std::vector<std::vector<int>> tables(6, std::vector<int>(500, 0));
  ParallelFor(tables.size(), 3, [&](size_t t) {
    ParallelFor(tables[t].size(), 2, [&](size_t i) { tables[t][i] = static_cast<int>(t * 1000 + i); });
  });
  for (size_t t = 0; t < tables.size(); ++t) {
    std::vector<int> expected(500);
    std::iota(expected.begin(), expected.end(), static_cast<int>(t * 1000));
    EXPECT_EQ(tables[t], expected) << t;
  }
}

// Collects the progress of a RunItems(); its calls must not overlap.
class ProgressLog : public Log {
 public:
  void Warning(std::string_view /*text*/) override {}
  void Note(std::string_view /*text*/) override {}
  void Progress(std::string_view what, uint64_t done, uint64_t total) override {
    EXPECT_FALSE(inside_.exchange(true));
    lines_.push_back(std::string(what) + " " + std::to_string(done) + "/" + std::to_string(total));
    inside_ = false;
  }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::atomic<bool> inside_{false};
  std::vector<std::string> lines_;  // no lock: RunItems holds one
};

TEST(RunItems, DoesEveryItemOnceWithWorkersThatKeepTheirThread) {
  constexpr size_t kCount = 500;
  std::vector<int> done(kCount, 0);
  std::atomic<int> workers{0};
  ProgressLog log;
  const auto start = [&]() -> Result<ItemWorker> {
    ++workers;
    return ItemWorker([&, home = std::this_thread::get_id()](size_t i) -> Status {
      EXPECT_EQ(std::this_thread::get_id(), home) << "a worker is made on the thread that uses it";
      ++done[i];
      return {};
    });
  };
  const Status status = RunItems(kCount, 4, "things", log, start);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(done, std::vector<int>(kCount, 1));
  EXPECT_EQ(workers.load(), 4);
  ASSERT_EQ(log.lines().size(), kCount);
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(log.lines()[i], "things " + std::to_string(i + 1) + "/500");
  }
}

TEST(RunItems, HandsItemsOutInOrder) {
  for (const int threads : {1, 3}) {
    std::mutex mutex;
    std::vector<size_t> begun;
    const auto start = [&]() -> Result<ItemWorker> {
      return ItemWorker([&, last = size_t{0}, first = true](size_t i) mutable -> Status {
        EXPECT_TRUE(first || i > last) << "each worker's items rise";
        first = false;
        last = i;
        const std::lock_guard lock(mutex);
        begun.push_back(i);
        return {};
      });
    };
    ASSERT_TRUE(RunItems(100, threads, "x", SilentLog(), start).ok());
    ASSERT_EQ(begun.size(), 100U);
    if (threads == 1) {
      EXPECT_TRUE(std::ranges::is_sorted(begun));
    }
  }
}

TEST(RunItems, MakesNoMoreWorkersThanItems) {
  std::atomic<int> workers{0};
  const auto start = [&]() -> Result<ItemWorker> {
    ++workers;
    return ItemWorker([](size_t) -> Status { return {}; });
  };
  ASSERT_TRUE(RunItems(2, 16, "x", SilentLog(), start).ok());
  EXPECT_EQ(workers.exchange(0), 2);
  ASSERT_TRUE(RunItems(0, 4, "x", SilentLog(), start).ok());
  EXPECT_EQ(workers.exchange(0), 0) << "nothing to do";
  for (const int none : {0, -3}) {
    ASSERT_TRUE(RunItems(3, none, "x", SilentLog(), start).ok());
    EXPECT_EQ(workers.exchange(0), 1) << "one at least";
  }
}

TEST(RunItems, TheFirstErrorEndsAllAndIsReturned) {
  std::vector<size_t> done;
  const auto start = [&]() -> Result<ItemWorker> {
    return ItemWorker([&](size_t i) -> Status {
      if (i >= 3) return UsageError("item " + std::to_string(i));
      done.push_back(i);
      return {};
    });
  };
  const Status status = RunItems(10, 1, "x", SilentLog(), start);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "item 3");
  EXPECT_EQ(done, (std::vector<size_t>{0, 1, 2}));
}

TEST(RunItems, AnErrorOnOneThreadStopsTheOthers) {
  constexpr size_t kCount = 1'000'000;
  std::atomic<size_t> done{0};
  const auto start = [&]() -> Result<ItemWorker> {
    return ItemWorker([&](size_t i) -> Status {
      if (i == 5) return UsageError("item 5");
      ++done;
      std::this_thread::sleep_for(std::chrono::microseconds(100));  // a million of them would take half a minute
      return {};
    });
  };
  const Status status = RunItems(kCount, 3, "x", SilentLog(), start);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "item 5");
  EXPECT_GE(done.load(), 5U - 2U);
  EXPECT_LT(done.load(), kCount / 2);
}

TEST(RunItems, AWorkerThatCannotBeMadeIsAnErrorToo) {
  std::atomic<int> asked{0};
  std::atomic<int> done{0};
  // The second worker fails; the first may have done anything from nothing to all.
  const auto start = [&]() -> Result<ItemWorker> {
    if (++asked > 1) return UsageError("no room for another");
    return ItemWorker([&](size_t) -> Status {
      ++done;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return {};
    });
  };
  const Status status = RunItems(5000, 2, "x", SilentLog(), start);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "no room for another");
  EXPECT_LT(done.load(), 5000);
  const auto never = []() -> Result<ItemWorker> { return InputError("start", "nothing works"); };
  EXPECT_EQ(RunItems(5, 1, "x", SilentLog(), never).error().what, "nothing works");
}

}  // namespace
}  // namespace vlaq

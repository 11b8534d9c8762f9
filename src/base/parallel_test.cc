#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
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

}  // namespace
}  // namespace vlaq

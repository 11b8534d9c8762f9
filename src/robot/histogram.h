// How often a duration was how long, for figures like p99 over hours: constant memory, 3 % wide classes. One thread
// adds; others may read meanwhile and see a state a little old.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "robot/time.h"

namespace vlaq::robot {

class Histogram {
 public:
  void Add(Time duration);  // below 0 counts as 0
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  Time max() const { return max_.load(std::memory_order_relaxed); }
  // The upper end of the class that the smallest `part` of all durations ends in, at most max(); 0 of none.
  Time Quantile(double part) const;

 private:
  // Durations below 32 ns each have a class; above, each doubling has 32.
  static constexpr int kPerDoubling = 32;
  static constexpr size_t kClasses = 60 * size_t{kPerDoubling};
  static size_t ClassOf(uint64_t duration);
  static uint64_t EndOf(size_t index);

  std::array<std::atomic<uint64_t>, kClasses> counts_{};
  std::atomic<uint64_t> count_ = 0;
  std::atomic<Time> max_ = 0;
};

}  // namespace vlaq::robot

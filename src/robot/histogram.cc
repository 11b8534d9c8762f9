#include "robot/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace vlaq::robot {

size_t Histogram::ClassOf(uint64_t duration) {
  if (duration < kPerDoubling) return duration;
  // The five bits below the leading one say which of the doubling's classes it is.
  const int doubling = static_cast<int>(std::bit_width(duration)) - 6;
  return static_cast<size_t>(doubling + 1) * kPerDoubling +
         ((duration >> static_cast<unsigned>(doubling)) - kPerDoubling);
}

uint64_t Histogram::EndOf(size_t index) {
  if (index < kPerDoubling) return index;
  const size_t doubling = index / kPerDoubling - 1;
  return ((index % kPerDoubling + kPerDoubling + 1) << doubling) - 1;
}

void Histogram::Add(Time duration) {
  const Time value = std::max<Time>(duration, 0);
  const size_t index = std::min(ClassOf(static_cast<uint64_t>(value)), kClasses - 1);
  counts_[index].store(counts_[index].load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (value > max()) max_.store(value, std::memory_order_relaxed);
}

Time Histogram::Quantile(double part) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(part * static_cast<double>(count())));
  uint64_t below = 0;
  for (size_t i = 0; i < kClasses; ++i) {
    below += counts_[i].load(std::memory_order_relaxed);
    if (below >= wanted && below > 0) return std::min(static_cast<Time>(EndOf(i)), max());
  }
  return max();
}

}  // namespace vlaq::robot

// Orders of whoever is no part of the robot's own topics: a key, a page. Any thread; the control tick takes them
// without waiting.
#pragma once

#include <atomic>
#include <cstdint>

#include "robot/controller.h"

namespace vlaq::robot {

class OrderBox {
 public:
  // For the next tick.
  void Add(Orders orders) { bits_.fetch_or(orders.bits()); }
  void Add(Event order) {
    Orders one;
    one.Add(order);
    Add(one);
  }
  // All since the last time.
  Orders Take() { return Orders::FromBits(bits_.exchange(0)); }

 private:
  std::atomic<uint8_t> bits_ = 0;
};

}  // namespace vlaq::robot

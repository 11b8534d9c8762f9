// How threads of the loop hand things to each other without waiting: one writes, one reads, no locks, no memory asked
// for after they were made.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace vlaq::robot {

// The newest value wins; older ones that nobody took are lost. Values are filled and read in place.
template <typename T>
class Latest {
 public:
  Latest() = default;
  explicit Latest(const T& initial) { slots_.fill(initial); }

  // Writer: the slot to fill; Publish() hands it over.
  T& back() { return slots_[back_]; }
  void Publish() { back_ = state_.exchange(back_ | kNew, std::memory_order_acq_rel) & kSlot; }

  // Reader: takes what was published last, if that is new; it stays in front() until the next Take() that is true.
  bool Take() {
    if ((state_.load(std::memory_order_relaxed) & kNew) == 0) return false;
    front_ = state_.exchange(front_, std::memory_order_acq_rel) & kSlot;
    return true;
  }
  const T& front() const { return slots_[front_]; }

 private:
  static constexpr uint32_t kSlot = 3, kNew = 4;
  std::array<T, 3> slots_{};
  uint32_t back_ = 0, front_ = 1;     // each belongs to one side
  std::atomic<uint32_t> state_ = 2U;  // the slot that belongs to neither, and whether it is news
};

// Every value arrives, in order, as long as the reader keeps up: a full ring refuses.
template <typename T>
class Ring {
 public:
  explicit Ring(size_t capacity) : slots_(capacity + 1) {}

  // Writer. False: full, and the value is not in it.
  bool Push(const T& value) {
    const size_t at = write_.load(std::memory_order_relaxed);
    const size_t next = (at + 1) % slots_.size();
    if (next == read_.load(std::memory_order_acquire)) return false;
    slots_[at] = value;
    write_.store(next, std::memory_order_release);
    return true;
  }
  // Reader. The oldest value, or null; Pop() gives its slot back.
  const T* Front() const {
    const size_t at = read_.load(std::memory_order_relaxed);
    return at == write_.load(std::memory_order_acquire) ? nullptr : &slots_[at];
  }
  void Pop() { read_.store((read_.load(std::memory_order_relaxed) + 1) % slots_.size(), std::memory_order_release); }

 private:
  std::vector<T> slots_;
  std::atomic<size_t> write_ = 0, read_ = 0;
};

}  // namespace vlaq::robot

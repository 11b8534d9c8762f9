// Watches every allocation of the test program that this source is built into (the global operator new is replaced), so
// that a test can say how often a call asked for memory, and how much it needed at most. Counts all threads together;
// meant for one measurement at a time.
#pragma once

#include <cstddef>

namespace vlaq {

class AllocationGuard {
 public:
  AllocationGuard();  // starts counting from zero

  // How often memory was asked for since then.
  size_t count() const;
  // The largest single allocation since then, bytes.
  size_t largest() const;
  // The most that was alive at one time beyond what was alive at the start, bytes.
  size_t peak() const;

 private:
  size_t alive_at_start_;
};

}  // namespace vlaq

// Watches every allocation of this program (the global operator new is replaced), so that a test can say how much
// memory a call needed at most. Counts all threads together; meant for one measurement at a time.
#pragma once

#include <cstddef>

namespace vlaq {

class AllocationGuard {
 public:
  AllocationGuard();  // starts counting from zero

  // The largest single allocation since then, bytes.
  size_t largest() const;
  // The most that was alive at one time beyond what was alive at the start, bytes.
  size_t peak() const;

 private:
  size_t alive_at_start_;
};

}  // namespace vlaq

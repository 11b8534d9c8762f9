#include "base/allocation_guard_testing.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<size_t> g_alive{0};
std::atomic<size_t> g_peak{0};
std::atomic<size_t> g_largest{0};
std::atomic<size_t> g_count{0};

void Raise(std::atomic<size_t>& maximum, size_t value) {
  size_t seen = maximum.load();
  while (seen < value && !maximum.compare_exchange_weak(seen, value)) {
  }
}

void* AllocateOrNull(size_t size, size_t alignment) noexcept {
  ++g_count;
  Raise(g_largest, size);
  void* memory = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    memory = std::malloc(size == 0 ? 1 : size);
  } else if (::posix_memalign(&memory, alignment, size == 0 ? 1 : size) != 0) {
    memory = nullptr;
  }
  if (memory != nullptr) Raise(g_peak, g_alive += ::malloc_usable_size(memory));
  return memory;
}

void* Allocate(size_t size, size_t alignment) {
  void* memory = AllocateOrNull(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void Release(void* memory) noexcept {
  if (memory == nullptr) return;
  g_alive -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

// Every form: one that is left out is the sanitizer's, whose memory the others may not release.
void* operator new(size_t size) { return Allocate(size, 1); }
void* operator new[](size_t size) { return Allocate(size, 1); }
void* operator new(size_t size, const std::nothrow_t& /*tag*/) noexcept { return AllocateOrNull(size, 1); }
void* operator new[](size_t size, const std::nothrow_t& /*tag*/) noexcept { return AllocateOrNull(size, 1); }
void* operator new(size_t size, std::align_val_t alignment) { return Allocate(size, static_cast<size_t>(alignment)); }
void* operator new[](size_t size, std::align_val_t alignment) { return Allocate(size, static_cast<size_t>(alignment)); }
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t& /*tag*/) noexcept {
  return AllocateOrNull(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment, const std::nothrow_t& /*tag*/) noexcept {
  return AllocateOrNull(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete[](void* memory) noexcept { Release(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { Release(memory); }
void operator delete[](void* memory, size_t /*size*/) noexcept { Release(memory); }
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept { Release(memory); }
void operator delete[](void* memory, const std::nothrow_t& /*tag*/) noexcept { Release(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { Release(memory); }
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept { Release(memory); }
void operator delete(void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept { Release(memory); }
void operator delete[](void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept { Release(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/, const std::nothrow_t& /*tag*/) noexcept {
  Release(memory);
}
void operator delete[](void* memory, std::align_val_t /*alignment*/, const std::nothrow_t& /*tag*/) noexcept {
  Release(memory);
}

namespace vlaq {

AllocationGuard::AllocationGuard() : alive_at_start_(g_alive) {
  g_count = 0;
  g_largest = 0;
  g_peak = g_alive.load();
}
size_t AllocationGuard::count() const { return g_count; }
size_t AllocationGuard::largest() const { return g_largest; }
size_t AllocationGuard::peak() const { return g_peak - alive_at_start_; }

}  // namespace vlaq

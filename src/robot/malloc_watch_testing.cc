#include "robot/malloc_watch_testing.h"

#include <cstddef>

namespace {
// Without a constructor, and in the thread's own block: reading it asks for no memory itself.
thread_local uint64_t t_mallocs __attribute__((tls_model("initial-exec"))) = 0;
}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
#define VLAQ_WATCH_MALLOC
#elif !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define VLAQ_WATCH_MALLOC
#endif
#endif

#ifdef VLAQ_WATCH_MALLOC
// glibc's own functions, under the names that it keeps for those who stand in front of it.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): glibc's names
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

void* malloc(size_t size) noexcept {
  ++t_mallocs;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) noexcept {
  ++t_mallocs;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) noexcept {
  ++t_mallocs;
  return __libc_realloc(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) noexcept {
  ++t_mallocs;
  return __libc_memalign(alignment, size);
}
}
#endif

namespace vlaq::robot {

uint64_t MallocsOfThisThread() { return t_mallocs; }

}  // namespace vlaq::robot

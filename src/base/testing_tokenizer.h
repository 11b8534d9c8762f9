// For tests only.
#pragma once

// The sanitizers allow no RTLD_DEEPBIND, so libsentencepiece, with its own copy of protobuf, cannot be loaded beside
// ours: tests that need tokenizer and graphs together skip there, and run in every other build.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VLAQ_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VLAQ_TEST_SANITIZED 1
#endif
#endif

namespace vlaq {

#ifdef VLAQ_TEST_SANITIZED
inline constexpr bool kTokenizerLoadsBesideGraphs = false;
#else
inline constexpr bool kTokenizerLoadsBesideGraphs = true;
#endif

}  // namespace vlaq

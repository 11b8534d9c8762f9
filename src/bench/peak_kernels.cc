#include "bench/peak_kernels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace vlaq::bench {
namespace {

// Every loop has twelve independent sums, which hide an instruction's latency. They are variables of their own, for an
// array would be kept in memory. What the compiler knows of a value is taken from it without an instruction: else it
// sees that all sums are the same and makes one, or that a product of ones is none.
// NOLINTBEGIN(cppcoreguidelines-macro-usage, bugprone-macro-parentheses): a target's instructions do not pass into
// templates and lambdas, so macros are what these functions can share.
constexpr size_t kSums = 12;
// clang-format off
#define TWELVE(step) \
  step(s0) step(s1) step(s2) step(s3) step(s4) step(s5) step(s6) step(s7) step(s8) step(s9) step(s10) step(s11)
#define FROM_ZERO(s) Register s{};
#define ADD_LANES(s)                                    \
  {                                                     \
    std::array<Lane, sizeof(s) / sizeof(Lane)> own{};   \
    std::memcpy(own.data(), &s, sizeof(s));             \
    all = std::accumulate(own.begin(), own.end(), all); \
  }
// `product(s)` adds to the sum s what `one` times itself is.
#define KERNEL(attributes, name, register_type, lane_type, ones, product) \
  attributes double name(int64_t rounds) { \
    using Register = register_type;                           \
    using Lane = lane_type;                                   \
    Register one = ones;                                      \
    KEEP_UNKNOWN(one);                                        \
    TWELVE(FROM_ZERO)                                         \
    for (int64_t i = 0; i < rounds; ++i) {                    \
      TWELVE(product)                                         \
    }                                                         \
    double all = 0;                                           \
    TWELVE(ADD_LANES)                                         \
    return all;                                               \
  }

#if defined(__x86_64__)
#define KEEP_UNKNOWN(value) asm volatile("" : "+v"(value))
#define WITH(instructions) __attribute__((target(instructions)))

#define PRODUCT(s)                  \
  s = _mm512_fmadd_ps(one, one, s); \
  KEEP_UNKNOWN(s);
KERNEL(WITH("avx512f"), Avx512Float, __m512, float, _mm512_set1_ps(1), PRODUCT)
#undef PRODUCT

#define PRODUCT(s)                  \
  s = _mm256_fmadd_ps(one, one, s); \
  KEEP_UNKNOWN(s);
KERNEL(WITH("avx2,fma"), Avx2Float, __m256, float, _mm256_set1_ps(1), PRODUCT)
#undef PRODUCT

#define PRODUCT(s)                                                                           \
  s = _mm512_dpbf16_ps(s, reinterpret_cast<__m512bh>(one), reinterpret_cast<__m512bh>(one)); \
  KEEP_UNKNOWN(s);
#define BFLOAT_ONES reinterpret_cast<__m512>(_mm512_set1_epi16(0x3F80))
KERNEL(WITH("avx512f,avx512bf16"), Avx512Bfloat, __m512, float, BFLOAT_ONES, PRODUCT)
#undef PRODUCT

#define PRODUCT(s)                      \
  s = _mm512_dpbusd_epi32(s, one, one); \
  KEEP_UNKNOWN(s);
KERNEL(WITH("avx512f,avx512vnni"), Avx512Int8, __m512i, int32_t, _mm512_set1_epi8(1), PRODUCT)
#undef PRODUCT

#define PRODUCT(s)                          \
  s = _mm256_dpbusd_avx_epi32(s, one, one); \
  KEEP_UNKNOWN(s);
KERNEL(WITH("avx2,avxvnni"), AvxVnniInt8, __m256i, int32_t, _mm256_set1_epi8(1), PRODUCT)
#undef PRODUCT

// Without VNNI: two instructions for four products in each of eight lanes (and they saturate, ORT-03), one to add.
#define PRODUCT(s)                                                                                  \
  KEEP_UNKNOWN(one);                                                                                \
  s = _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(one, one), _mm256_set1_epi16(1))); \
  KEEP_UNKNOWN(s);
KERNEL(WITH("avx2"), Avx2Int8, __m256i, int32_t, _mm256_set1_epi8(1), PRODUCT)
#undef PRODUCT

// AVX-VNNI has no name that both compilers know: leaf 7, subleaf 1, EAX bit 4.
bool HasAvxVnni() {
  constexpr unsigned kBit = 4;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && ((a >> kBit) & 1U) != 0;
}
#elif defined(__aarch64__)
#define KEEP_UNKNOWN(value) asm volatile("" : "+w"(value))
#define WITH(instructions) __attribute__((target("arch=armv8.2-a+" instructions)))

#define PRODUCT(s)            \
  s = vfmaq_f32(s, one, one); \
  KEEP_UNKNOWN(s);
KERNEL(, NeonFloat, float32x4_t, float, vdupq_n_f32(1), PRODUCT)
#undef PRODUCT

// The dot product came with ARMv8.2, the matrix product later, so whether they are there is asked at run time. Clang 14
// knows them only in builds that take them for granted.
#define PRODUCT(s)                                                        \
  s = vdotq_s32(s, vreinterpretq_s8_s32(one), vreinterpretq_s8_s32(one)); \
  KEEP_UNKNOWN(s);
#if defined(__ARM_FEATURE_DOTPROD) || !defined(__clang__)
KERNEL(WITH("dotprod"), NeonInt8, int32x4_t, int32_t, vreinterpretq_s32_s8(vdupq_n_s8(1)), PRODUCT)
#endif
#undef PRODUCT
#define PRODUCT(s)                                                         \
  s = vmmlaq_s32(s, vreinterpretq_s8_s32(one), vreinterpretq_s8_s32(one)); \
  KEEP_UNKNOWN(s);
#if defined(__ARM_FEATURE_MATMUL_INT8) || !defined(__clang__)
KERNEL(WITH("i8mm"), MatrixInt8, int32x4_t, int32_t, vreinterpretq_s32_s8(vdupq_n_s8(1)), PRODUCT)
#endif
#undef PRODUCT
#endif

#if !defined(__aarch64__)  // where every processor has NEON
#undef KEEP_UNKNOWN
#define KEEP_UNKNOWN(value) asm volatile("" : "+m"(value))
#define PRODUCT(s) \
  s += one * one;  \
  KEEP_UNKNOWN(s);
KERNEL(, PortableFloat, float, float, 1, PRODUCT)
#undef PRODUCT
#endif
// clang-format on
#undef KERNEL
#undef ADD_LANES
#undef FROM_ZERO
#undef TWELVE
#undef KEEP_UNKNOWN
#undef WITH
#undef BFLOAT_ONES
// NOLINTEND(cppcoreguidelines-macro-usage, bugprone-macro-parentheses)

}  // namespace

std::vector<PeakKernel> PeakKernels() {
  std::vector<PeakKernel> kernels = TileKernels();
  const auto add = [&kernels](bool there, PeakKernel kernel) {
    if (there) kernels.push_back(kernel);
  };
#if defined(__x86_64__)
  const bool avx512 = __builtin_cpu_supports("avx512f"), avx2 = __builtin_cpu_supports("avx2");
  add(avx512, {"avx512f", "float32", kSums * 16, Avx512Float});
  add(avx2 && __builtin_cpu_supports("fma"), {"avx2", "float32", kSums * 8, Avx2Float});
  add(avx512 && __builtin_cpu_supports("avx512bf16"), {"avx512_bf16", "bfloat16", kSums * 32, Avx512Bfloat});
  add(avx512 && __builtin_cpu_supports("avx512vnni"), {"avx512_vnni", "int8", kSums * 64, Avx512Int8});
  add(HasAvxVnni(), {"avx_vnni", "int8", kSums * 32, AvxVnniInt8});
  add(avx2, {"avx2", "int8", kSums * 32, Avx2Int8});
  add(std::ranges::find(kernels, "float32", &PeakKernel::arithmetic) == kernels.end(),
      {"portable", "float32", kSums, PortableFloat});
#elif defined(__aarch64__)
  add(true, {"asimd", "float32", kSums * 4, NeonFloat});
#if defined(__ARM_FEATURE_DOTPROD) || !defined(__clang__)
  add((::getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0, {"asimddp", "int8", kSums * 16, NeonInt8});
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8) || !defined(__clang__)
  constexpr unsigned long kHasMatrix = 1UL << 13U;  // HWCAP2_I8MM, which older system headers do not name
  add((::getauxval(AT_HWCAP2) & kHasMatrix) != 0, {"i8mm", "int8", kSums * 32, MatrixInt8});
#endif
#else
  add(true, {"portable", "float32", kSums, PortableFloat});
#endif
  return kernels;
}

}  // namespace vlaq::bench

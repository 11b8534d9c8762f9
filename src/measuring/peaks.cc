#include "measuring/peaks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace vlaq::measuring {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kRepeats = 2'000'000;
constexpr int kTries = 5;
constexpr size_t kReadBytes = size_t{256} << 20U;  // beyond the last cache of any CPU that drives a robot

// Where results go, so that the work cannot be left out; one for each thread.
thread_local volatile float g_float_sink;
thread_local volatile int32_t g_int_sink;

// Each kernel runs kRepeats rounds of independent chains, enough of them to hide an instruction's latency, and says how
// many multiply-accumulates that were.
struct Kernel {
  const char* name;
  double macs_per_round;
  void (*run)(int64_t rounds);
};

#if !defined(__aarch64__)  // where every processor has NEON
void PortableFloat(int64_t rounds) {
  constexpr size_t kChains = 64;
  std::array<float, kChains> sums{};
  for (int64_t i = 0; i < rounds; ++i) {
    for (float& sum : sums) sum = sum * 0.999F + 0.001F;
  }
  g_float_sink = sums[0] + sums[kChains - 1];
}
#endif

#if defined(__x86_64__)
constexpr size_t kChains = 12;

// Vector types lose their alignment as arguments of templates, but not inside a class.
struct Float512 {
  __m512 v = {};
};
struct Float256 {
  __m256 v = {};
};
struct Int512 {
  __m512i v = {};
};
struct Int256 {
  __m256i v = {};
};

__attribute__((target("avx512f"))) void Avx512Float(int64_t rounds) {
  std::array<Float512, kChains> sums{};
  const __m512 a = _mm512_set1_ps(0.999F), b = _mm512_set1_ps(0.001F);
  for (int64_t i = 0; i < rounds; ++i) {
    for (Float512& sum : sums) sum.v = _mm512_fmadd_ps(sum.v, a, b);
  }
  __m512 total = sums[0].v;
  for (const Float512& sum : sums) total = _mm512_add_ps(total, sum.v);
  alignas(64) std::array<float, 16> lanes{};
  _mm512_store_ps(lanes.data(), total);
  g_float_sink = lanes[0] + lanes[15];
}

__attribute__((target("avx2,fma"))) void Avx2Float(int64_t rounds) {
  std::array<Float256, kChains> sums{};
  const __m256 a = _mm256_set1_ps(0.999F), b = _mm256_set1_ps(0.001F);
  for (int64_t i = 0; i < rounds; ++i) {
    for (Float256& sum : sums) sum.v = _mm256_fmadd_ps(sum.v, a, b);
  }
  __m256 total = sums[0].v;
  for (const Float256& sum : sums) total = _mm256_add_ps(total, sum.v);
  g_float_sink = _mm256_cvtss_f32(total);
}

// The operands change with each round: otherwise the sums could be foreseen.
__attribute__((target("avx512f,avx512vnni"))) void Avx512Int8(int64_t rounds) {
  std::array<Int512, kChains> sums{};
  __m512i a = _mm512_set1_epi8(3);
  const __m512i b = _mm512_set1_epi8(-2);
  for (int64_t i = 0; i < rounds; ++i) {
    for (Int512& sum : sums) sum.v = _mm512_dpbusd_epi32(sum.v, a, b);
    a = _mm512_xor_si512(a, b);
  }
  __m512i total = sums[0].v;
  for (const Int512& sum : sums) total = _mm512_add_epi32(total, sum.v);
  alignas(64) std::array<int32_t, 16> lanes{};
  _mm512_store_si512(lanes.data(), total);
  g_int_sink = lanes[0] ^ lanes[15];
}

// Without VNNI: two instructions for four products in each of eight lanes (and they saturate, ORT-03).
__attribute__((target("avx2"))) void Avx2Int8(int64_t rounds) {
  std::array<Int256, kChains> sums{};
  __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(-2), ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (Int256& sum : sums)
      sum.v = _mm256_add_epi32(sum.v, _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_xor_si256(a, sum.v), b), ones));
    a = _mm256_xor_si256(a, b);
  }
  __m256i total = sums[0].v;
  for (const Int256& sum : sums) total = _mm256_add_epi32(total, sum.v);
  g_int_sink = _mm256_cvtsi256_si32(total);
}

Kernel FloatKernel() {
  if (__builtin_cpu_supports("avx512f")) return {"avx512f", kChains * 16, Avx512Float};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"avx2", kChains * 8, Avx2Float};
  return {"portable", 64, PortableFloat};
}

Kernel IntegerKernel() {
  if (__builtin_cpu_supports("avx512vnni")) return {"avx512_vnni", kChains * 64, Avx512Int8};
  if (__builtin_cpu_supports("avx2")) return {"avx2", kChains * 32, Avx2Int8};
  return {"", 0, nullptr};
}
#elif defined(__aarch64__)
constexpr size_t kChains = 16;

void NeonFloat(int64_t rounds) {
  std::array<float32x4_t, kChains> sums{};
  const float32x4_t a = vdupq_n_f32(0.999F), b = vdupq_n_f32(0.001F);
  for (int64_t i = 0; i < rounds; ++i) {
    for (float32x4_t& sum : sums) sum = vfmaq_f32(b, sum, a);
  }
  float32x4_t total = sums[0];
  for (const float32x4_t& sum : sums) total = vaddq_f32(total, sum);
  g_float_sink = vaddvq_f32(total);
}

Kernel FloatKernel() { return {"neon", kChains * 4, NeonFloat}; }

// The dot product came with ARMv8.2, so whether it is there is asked at run time. Clang 14 knows it only in builds that
// take it for granted.
#if defined(__ARM_FEATURE_DOTPROD) || !defined(__clang__)
__attribute__((target("arch=armv8.2-a+dotprod"))) void NeonInt8(int64_t rounds) {
  std::array<int32x4_t, kChains> sums{};
  int8x16_t a = vdupq_n_s8(3);
  const int8x16_t b = vdupq_n_s8(-2);
  for (int64_t i = 0; i < rounds; ++i) {
    for (int32x4_t& sum : sums) sum = vdotq_s32(sum, a, b);
    a = veorq_s8(a, b);
  }
  int32x4_t total = sums[0];
  for (const int32x4_t& sum : sums) total = vaddq_s32(total, sum);
  g_int_sink = vaddvq_s32(total);
}

Kernel IntegerKernel() {
  if ((::getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) return {"neon dotprod", kChains * 16, NeonInt8};
  return {"", 0, nullptr};
}
#else
Kernel IntegerKernel() { return {"", 0, nullptr}; }
#endif
#else
Kernel FloatKernel() { return {"portable", 64, PortableFloat}; }
Kernel IntegerKernel() { return {"", 0, nullptr}; }
#endif

void ReadMemory(const std::vector<uint64_t>& words) {
  std::array<uint64_t, 16> sums{};
  for (size_t i = 0; i + sums.size() <= words.size(); i += sums.size()) {
    for (size_t j = 0; j < sums.size(); ++j) sums[j] += words[i + j];
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  g_int_sink = static_cast<int32_t>(total & 0xFFFFU);
}

// Seconds in which all threads do `work` once, the best of a few tries.
double BestSeconds(int threads, const std::function<void(int)>& work) {
  double best = 1e30;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto begin = Clock::now();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(work, t);
    work(0);
    for (std::thread& thread : others) thread.join();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

double MacsPerSecond(const Kernel& kernel, int threads) {
  if (kernel.run == nullptr) return 0;
  // A tenth of a second each, whatever the kernel: first a short run to see how fast it is.
  const double trial = BestSeconds(1, [&](int) { kernel.run(kRepeats / 20); });
  const auto rounds = static_cast<int64_t>(std::clamp(0.1 / trial, 1.0, 40.0) * static_cast<double>(kRepeats) / 20);
  const double seconds = BestSeconds(threads, [&](int) { kernel.run(rounds); });
  return kernel.macs_per_round * static_cast<double>(rounds) * threads / seconds;
}

}  // namespace

MachinePeaks MeasurePeaks(int threads) {
  const Kernel floats = FloatKernel(), integers = IntegerKernel();
  MachinePeaks peaks;
  peaks.fp32_kernel = floats.name;
  peaks.int8_kernel = integers.name;
  peaks.fp32_macs_per_s = MacsPerSecond(floats, threads);
  peaks.int8_macs_per_s = MacsPerSecond(integers, threads);
  std::vector<std::vector<uint64_t>> parts(static_cast<size_t>(threads));
  for (auto& part : parts) part.assign(kReadBytes / sizeof(uint64_t) / parts.size(), 1);
  const double seconds = BestSeconds(threads, [&](int t) { ReadMemory(parts[static_cast<size_t>(t)]); });
  peaks.bytes_per_s = static_cast<double>(kReadBytes) / seconds;
  return peaks;
}

}  // namespace vlaq::measuring

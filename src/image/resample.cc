#include "image/resample.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace vlaq::image {
namespace {

constexpr int32_t kHalf = int32_t{1} << (kPrecisionBits - 1);

uint8_t ToByte(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255)); }

void HorizontalPlain(const AxisWeights& axis, const uint8_t* row, uint8_t* out) {
  for (int x = 0; x < axis.out; ++x) {
    const auto at = static_cast<size_t>(x);
    const int32_t* weights = axis.weights.data() + at * static_cast<size_t>(axis.taps);
    const uint8_t* pixel = row + 3 * static_cast<ptrdiff_t>(axis.first[at]);
    int32_t red = kHalf;
    int32_t green = kHalf;
    int32_t blue = kHalf;
    for (int t = 0; t < axis.count[at]; ++t, pixel += 3) {
      red += weights[t] * pixel[0];
      green += weights[t] * pixel[1];
      blue += weights[t] * pixel[2];
    }
    out[0] = ToByte(red);
    out[1] = ToByte(green);
    out[2] = ToByte(blue);
    out += 3;
  }
}

void VerticalRange(const int32_t* weights, int count, const uint8_t* rows, int bytes, int begin, uint8_t* out) {
  for (int x = begin; x < bytes; ++x) {
    int32_t sum = kHalf;
    for (int t = 0; t < count; ++t) sum += weights[t] * rows[static_cast<ptrdiff_t>(t) * bytes + x];
    out[x] = ToByte(sum);
  }
}

void VerticalPlain(const int32_t* weights, int count, const uint8_t* rows, int bytes, uint8_t* out) {
  VerticalRange(weights, count, rows, bytes, 0, out);
}

#if defined(__x86_64__)

// Four bytes as four 32-bit lanes.
__attribute__((target("avx2"))) inline __m128i LoadPixel(const uint8_t* bytes) {
  int32_t four = 0;
  std::memcpy(&four, bytes, sizeof(four));
  return _mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
}

__attribute__((target("avx2"))) void HorizontalAvx2(const AxisWeights& axis, const uint8_t* row, uint8_t* out) {
  for (int x = 0; x < axis.out; ++x) {
    const auto at = static_cast<size_t>(x);
    const int32_t* weights = axis.weights.data() + at * static_cast<size_t>(axis.taps);
    const uint8_t* pixel = row + 3 * static_cast<ptrdiff_t>(axis.first[at]);
    const int count = axis.count[at];
    // Lanes: red, green, blue and a fourth that is thrown away. Two sums keep the multiplier busy.
    __m128i even = _mm_set1_epi32(kHalf);
    __m128i odd = _mm_setzero_si128();
    int t = 0;
    for (; t + 1 < count; t += 2, pixel += 6) {
      even = _mm_add_epi32(even, _mm_mullo_epi32(LoadPixel(pixel), _mm_set1_epi32(weights[t])));
      odd = _mm_add_epi32(odd, _mm_mullo_epi32(LoadPixel(pixel + 3), _mm_set1_epi32(weights[t + 1])));
    }
    if (t < count) even = _mm_add_epi32(even, _mm_mullo_epi32(LoadPixel(pixel), _mm_set1_epi32(weights[t])));
    const __m128i sum = _mm_srai_epi32(_mm_add_epi32(even, odd), kPrecisionBits);
    const __m128i words = _mm_packs_epi32(sum, sum);
    const int packed = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(out, &packed, 3);
    out += 3;
  }
}

__attribute__((target("avx2"))) void VerticalAvx2(const int32_t* weights, int count, const uint8_t* rows, int bytes,
                                                  uint8_t* out) {
  int x = 0;
  for (; x + 16 <= bytes; x += 16) {
    __m256i low = _mm256_set1_epi32(kHalf);
    __m256i high = low;
    const uint8_t* column = rows + x;
    for (int t = 0; t < count; ++t, column += bytes) {
      const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(column));
      const __m256i weight = _mm256_set1_epi32(weights[t]);
      low = _mm256_add_epi32(low, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(sixteen), weight));
      high = _mm256_add_epi32(high,
                              _mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(sixteen, sixteen)), weight));
    }
    low = _mm256_srai_epi32(low, kPrecisionBits);
    high = _mm256_srai_epi32(high, kPrecisionBits);
    // packs works within 128-bit halves; the permutation puts the words back in order.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0b11011000);
    _mm_storeu_si128(reinterpret_cast<__m128i_u*>(out + x),
                     _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }
  VerticalRange(weights, count, rows, bytes, x, out);
}

constexpr Kernels kAvx2 = {HorizontalAvx2, VerticalAvx2};

#endif

constexpr Kernels kPlain = {HorizontalPlain, VerticalPlain};

}  // namespace

const Kernels& PlainKernels() { return kPlain; }

const Kernels& BestKernels() {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return kAvx2;
#endif
  return kPlain;
}

}  // namespace vlaq::image

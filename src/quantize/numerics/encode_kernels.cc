#include "quantize/numerics/encode_kernels.h"

#include <algorithm>
#include <bit>
#include <cstring>

// Compiled with -O3 -ffp-contract=off (CMakeLists.txt): fused multiply-adds would make the results depend on the
// processor. The vectors are those of the compilers (g++ and clang alike), so there is no code for one processor only.
namespace vlaq::numerics {
namespace {

// Sums are kept in float32 for this many rows, then added to the double ones.
constexpr size_t kRowsPerSum = 64;
// x + kRounder - kRounder is x rounded half to even for |x| < 2^22, and the lowest byte of x + kRounder is its code.
constexpr float kRounder = 12582912.0F;
constexpr float kBeyondRounding = 0.5001F;  // of a step: what is further off than this was clamped

template <size_t kWidth>
struct Vector;
template <>
struct Vector<4> {
  using Float [[gnu::vector_size(16)]] = float;
  using Int [[gnu::vector_size(16)]] = int32_t;
  using Byte [[gnu::vector_size(4)]] = int8_t;
};
template <>
struct Vector<8> {
  using Float [[gnu::vector_size(32)]] = float;
  using Int [[gnu::vector_size(32)]] = int32_t;
  using Byte [[gnu::vector_size(8)]] = int8_t;
};

// One vector's share of the lanes, those from `lane` on.
template <size_t kWidth>
struct Loops {
  using Float = typename Vector<kWidth>::Float;
  using Int = typename Vector<kWidth>::Int;
  using Byte = typename Vector<kWidth>::Byte;

  template <typename To, typename From>
  [[gnu::always_inline]] static void Load(To& to, const From* from) {
    std::memcpy(&to, from, sizeof(to));
  }
  template <typename To, typename From>
  [[gnu::always_inline]] static void AddTo(To* to, const From& from) {
    for (size_t i = 0; i < kWidth; ++i) to[i] += static_cast<To>(from[i]);
  }
  [[gnu::always_inline]] static void Clamp(Float& x, const Float& lowest, const Float& highest) {
    x = x < highest ? x : highest;
    x = x > lowest ? x : lowest;
  }
  [[gnu::always_inline]] static void Fill(Float& x, float value) { x = Float{} + value; }

  [[gnu::always_inline]] static void Magnitudes(const float* panel, size_t rows, size_t lane, OfLanes<float>& most) {
    const Int magnitude = Int{} + 0x7FFFFFFF;
    Int largest{};  // as integers, floats without a sign have the order of their values, and NaN stands above all
    for (size_t row = 0; row < rows; ++row) {
      Int bits;
      Load(bits, panel + row * kLanes + lane);
      bits &= magnitude;
      largest = bits > largest ? bits : largest;
    }
    std::memcpy(&most[lane], &largest, sizeof(largest));
  }

  [[gnu::always_inline]] static void Errors(const float* panel, size_t rows, size_t lane,
                                            const std::array<OfLanes<float>, kTrials>& scales, Levels levels,
                                            std::array<OfLanes<double>, kTrials>& errors) {
    Float lowest, highest, inverse[kTrials];
    Fill(lowest, levels.lowest);
    Fill(highest, levels.highest);
    for (size_t k = 0; k < kTrials; ++k) {
      Load(inverse[k], &scales[k][lane]);
      inverse[k] = 1.0F / inverse[k];
    }
    for (size_t begin = 0; begin < rows; begin += kRowsPerSum) {
      Float sums[kTrials]{};
      for (size_t row = begin; row < std::min(rows, begin + kRowsPerSum); ++row) {
        Float w;
        Load(w, panel + row * kLanes + lane);
        for (size_t k = 0; k < kTrials; ++k) {
          const Float x = w * inverse[k];
          Float code = x;
          Clamp(code, lowest, highest);
          const Float error = x - ((code + kRounder) - kRounder);
          sums[k] += error * error;
        }
      }
      for (size_t k = 0; k < kTrials; ++k) AddTo(&errors[k][lane], sums[k]);
    }
  }

  [[gnu::always_inline]] static void Encode(const float* panel, size_t rows, size_t lane, const OfLanes<float>& scales,
                                            Levels levels, int8_t* codes, LaneSums& all) {
    Float lowest, highest, scale, most;
    Fill(lowest, levels.lowest);
    Fill(highest, levels.highest);
    Load(scale, &scales[lane]);
    Load(most, &all.max_absolute[lane]);
    const Float inverse = 1.0F / scale;
    const Int magnitude = Int{} + 0x7FFFFFFF;
    Int flips{}, zeros{}, clipped{};
    for (size_t begin = 0; begin < rows; begin += kRowsPerSum) {
      Float absolute{}, squares{}, reference_squares{}, actual_squares{};
      for (size_t row = begin; row < std::min(rows, begin + kRowsPerSum); ++row) {
        Float w;
        Load(w, panel + row * kLanes + lane);
        const Float x = w / scale;
        Float code = x;
        Clamp(code, lowest, highest);
        code += kRounder;
        const Byte bytes = __builtin_convertvector(std::bit_cast<Int>(code), Byte);
        std::memcpy(codes + row * kLanes + lane, &bytes, sizeof(bytes));
        code -= kRounder;
        const Float off = std::bit_cast<Float>(std::bit_cast<Int>(w - scale * code) & magnitude);
        most = off > most ? off : most;
        const Float steps = off * inverse;
        absolute += steps;
        squares += steps * steps;
        reference_squares += x * x;
        actual_squares += code * code;
        const Int zero = code == 0.0F;  // comparisons give 0 and -1
        zeros -= zero & (w != 0.0F);
        flips -= zero & (w < 0.0F);
        clipped -= steps > kBeyondRounding;
      }
      AddTo(&all.absolute[lane], absolute);
      AddTo(&all.squares[lane], squares);
      AddTo(&all.reference_squares[lane], reference_squares);
      AddTo(&all.actual_squares[lane], actual_squares);
    }
    std::memcpy(&all.max_absolute[lane], &most, sizeof(most));
    AddTo(&all.rounded_to_zero[lane], zeros);
    AddTo(&all.sign_flips[lane], flips);
    AddTo(&all.clipped[lane], clipped);
  }
};

// The functions of Kernels, with `attribute` on each.
#define VLAQ_ENCODE_KERNELS(suffix, width, attribute)                                                               \
  attribute void Magnitudes##suffix(const float* panel, size_t rows, OfLanes<float>& most) {                        \
    for (size_t lane = 0; lane < kLanes; lane += width) Loops<width>::Magnitudes(panel, rows, lane, most);          \
  }                                                                                                                 \
  attribute void Errors##suffix(const float* panel, size_t rows, const std::array<OfLanes<float>, kTrials>& scales, \
                                Levels levels, std::array<OfLanes<double>, kTrials>& errors) {                      \
    for (size_t lane = 0; lane < kLanes; lane += width) {                                                           \
      Loops<width>::Errors(panel, rows, lane, scales, levels, errors);                                              \
    }                                                                                                               \
  }                                                                                                                 \
  attribute void Encode##suffix(const float* panel, size_t rows, const OfLanes<float>& scales, Levels levels,       \
                                int8_t* codes, LaneSums& sums) {                                                    \
    for (size_t lane = 0; lane < kLanes; lane += width) {                                                           \
      Loops<width>::Encode(panel, rows, lane, scales, levels, codes, sums);                                         \
    }                                                                                                               \
  }

VLAQ_ENCODE_KERNELS(Plain, 4, )
constexpr Kernels kPlain{"128 bits", &MagnitudesPlain, &ErrorsPlain, &EncodePlain};
#if defined(__x86_64__)
VLAQ_ENCODE_KERNELS(Avx2, 8, [[gnu::target("avx2")]])
constexpr Kernels kAvx2{"AVX2", &MagnitudesAvx2, &ErrorsAvx2, &EncodeAvx2};
bool HasAvx2() { return __builtin_cpu_supports("avx2") != 0; }
#endif
#undef VLAQ_ENCODE_KERNELS

}  // namespace

const Kernels& BestKernels() { return *RunnableKernels().back(); }

std::vector<const Kernels*> RunnableKernels() {
  std::vector<const Kernels*> kernels{&kPlain};
#if defined(__x86_64__)
  if (HasAvx2()) kernels.push_back(&kAvx2);
#endif
  return kernels;
}

}  // namespace vlaq::numerics

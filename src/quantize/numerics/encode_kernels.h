// The inner loops of Encode(), over panels: float32 [rows, 8], each of the 8 columns (lanes) a scale's elements. Lanes
// never meet, and each is summed up in the order of its rows, so the results are the same to the last bit on every
// processor. Stateless; any thread may call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vlaq::numerics {

inline constexpr size_t kLanes = 8;
inline constexpr size_t kTrials = 4;  // scales that are tried side by side
template <typename T>
using OfLanes = std::array<T, kLanes>;

struct Levels {
  float lowest = 0, highest = 0;  // codes; that of max|w| is `highest`
};

// Sums of the errors of scale * code against w, in units of the scale (but for max_absolute).
struct LaneSums {
  OfLanes<double> absolute{}, squares{}, reference_squares{}, actual_squares{};
  OfLanes<float> max_absolute{};
  OfLanes<int32_t> sign_flips{}, rounded_to_zero{}, clipped{};
};

struct Kernels {
  const char* name;
  // max|w| of each lane; NaN or infinity if there is one among them.
  void (*magnitudes)(const float* panel, size_t rows, OfLanes<float>& most);
  // Adds to `errors` the squares of w / scale - code for each of the scales, which must be normal numbers.
  void (*errors)(const float* panel, size_t rows, const std::array<OfLanes<float>, kTrials>& scales, Levels levels,
                 std::array<OfLanes<double>, kTrials>& errors);
  // w / scale, rounded half to even and clamped, to `codes` [rows, 8]; adds to `sums`. At most 2^31 rows.
  void (*encode)(const float* panel, size_t rows, const OfLanes<float>& scales, Levels levels, int8_t* codes,
                 LaneSums& sums);
};

// The fastest that this processor runs.
const Kernels& BestKernels();
// All that it runs.
std::vector<const Kernels*> RunnableKernels();

}  // namespace vlaq::numerics

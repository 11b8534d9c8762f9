#include "quantize/numerics/encode_scales.h"

#include <algorithm>

#include "quantize/numerics/distortion.h"

namespace vlaq::numerics {
namespace {

// Coarse shares of max|w|. With 255 levels there is nothing to gain by clipping but in large groups, and what helps is
// to try ranges close to each other; with 16 levels half of the range and less can be best.
constexpr size_t kCoarse = 8;
constexpr std::array<float, kCoarse> kCoarse8 = {1.0F, 0.985F, 0.97F, 0.95F, 0.9F, 0.8F, 0.6F, 0.4F};
constexpr std::array<float, kCoarse> kCoarse4 = {1.0F, 0.92F, 0.84F, 0.75F, 0.65F, 0.54F, 0.42F, 0.3F};
constexpr size_t kFine = 8;

// NumericType `step` of kFine shares between the neighbors of the best coarse one: half of them on each side, or all
// below where nothing is above.
float FineShare(const std::array<float, kCoarse>& coarse, size_t best, size_t step) {
  const float middle = coarse[best];
  const float below = middle - (best + 1 < kCoarse ? coarse[best + 1] : middle - (coarse[best - 1] - middle));
  if (best == 0) return middle - below * static_cast<float>(step + 1) / static_cast<float>(kFine + 1);
  constexpr size_t kHalf = kFine / 2;
  const auto part = static_cast<float>(step % kHalf + 1) / static_cast<float>(kHalf + 1);
  return step < kHalf ? middle - below * part : middle + (coarse[best - 1] - middle) * part;
}

// The best share of max|w| so far, lane by lane.
struct Search {
  const OfLanes<float>& full;  // the scales of all of max|w|
  const ErrorsOf& errors;
  OfLanes<float> share{};
  OfLanes<double> least{};

  void Try(const std::array<OfLanes<float>, kTrials>& shares) {
    Trials scales;
    for (size_t k = 0; k < kTrials; ++k) {
      for (size_t i = 0; i < kLanes; ++i) scales[k][i] = full[i] * shares[k][i];
    }
    const TrialErrors sums = errors(scales);
    for (size_t k = 0; k < kTrials; ++k) {
      for (size_t i = 0; i < kLanes; ++i) {
        const double error = sums[k][i] * static_cast<double>(shares[k][i]) * static_cast<double>(shares[k][i]);
        if (share[i] > 0 && error >= least[i]) continue;
        least[i] = error;
        share[i] = shares[k][i];
      }
    }
  }
};

}  // namespace

Levels LevelsOf(NumericType number) { return number == NumericType::kInt4 ? Levels{-8, 7} : Levels{-127, 127}; }

OfLanes<float> ChooseScales(const OfLanes<float>& most, Levels levels, RangeMethod method, const ErrorsOf& errors) {
  OfLanes<float> full;
  for (size_t i = 0; i < kLanes; ++i) full[i] = most[i] < kNegligible ? 1 : most[i] / levels.highest;
  if (method != RangeMethod::kMse) return full;
  const auto& coarse = levels.highest < 127 ? kCoarse4 : kCoarse8;
  Search search{full, errors};
  Trials shares;
  for (size_t step = 0; step < kCoarse; step += kTrials) {
    for (size_t k = 0; k < kTrials; ++k) shares[k].fill(coarse[step + k]);
    search.Try(shares);
  }
  OfLanes<size_t> best;
  for (size_t i = 0; i < kLanes; ++i) {
    best[i] = static_cast<size_t>(std::find(coarse.begin(), coarse.end(), search.share[i]) - coarse.begin());
  }
  for (size_t step = 0; step < kFine; step += kTrials) {
    for (size_t k = 0; k < kTrials; ++k) {
      for (size_t i = 0; i < kLanes; ++i) shares[k][i] = FineShare(coarse, best[i], step + k);
    }
    search.Try(shares);
  }
  for (size_t i = 0; i < kLanes; ++i) full[i] = most[i] < kNegligible ? 1 : full[i] * search.share[i];
  return full;
}

Difference DifferenceOf(const LaneSums& sums, size_t lane, size_t count, float most, float scale) {
  if (count == 0) return {};
  const auto step = static_cast<double>(scale);
  Difference::Sums result;
  result.count = static_cast<int64_t>(count);
  result.max_absolute = static_cast<double>(sums.max_absolute[lane]);
  result.max_reference = static_cast<double>(most);
  result.absolute = sums.absolute[lane] * step;
  result.squares = sums.squares[lane] * step * step;
  result.reference_squares = sums.reference_squares[lane] * step * step;
  result.actual_squares = sums.actual_squares[lane] * step * step;
  // (w - w')^2 = w^2 - 2 w w' + w'^2
  result.products = (result.reference_squares + result.actual_squares - result.squares) / 2;
  result.sign_flips = sums.sign_flips[lane];
  result.rounded_to_zero = sums.rounded_to_zero[lane];
  result.worst_index = 0;  // the group is known, the element not
  return Difference(result);
}

}  // namespace vlaq::numerics

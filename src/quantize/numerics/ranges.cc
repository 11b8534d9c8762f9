#include "quantize/numerics/ranges.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace vlaq::numerics {
namespace {

// What was seen, with zero in it.
ClipRange Seen(const ValueStatistics& value) { return {std::min(value.minimum, 0.0), std::max(value.maximum, 0.0)}; }

ClipRange Symmetric(double most) { return {-most, most}; }

// ---- percentile ----

// The upper end of the first bin at which at least `share` of all counts is reached.
double EndOfShare(std::span<const uint64_t> counts, double share, double width) {
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
  uint64_t sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    if (sum > 0 && static_cast<double>(sum) >= share * total) return static_cast<double>(i + 1) * width;
  }
  return static_cast<double>(counts.size()) * width;
}

ClipRange Percentile(const ValueStatistics& value, bool symmetric, double share) {
  const ClipRange seen = Seen(value);
  const double width = value.histogram.width();
  if (symmetric) return Symmetric(std::min(EndOfShare(value.histogram.Folded(), share, width), value.absmax()));
  const double one_side = 1 - (1 - share) / 2;
  const std::span<const uint64_t> counts = value.histogram.counts();
  const std::vector<uint64_t> mirrored(counts.rbegin(), counts.rend());
  const double reach = static_cast<double>(Histogram::kHalf) * width;
  const double high = EndOfShare(counts, one_side, width) - reach;
  const double low = reach - EndOfShare(mirrored, one_side, width);
  return {std::clamp(low, seen.low, 0.0), std::clamp(high, 0.0, seen.high)};
}

// ---- entropy ----

constexpr size_t kCodesOfOneSign = 128;
// Mass that empty bins get together before the distributions are compared, so that the divergence stays finite.
constexpr double kSmoothing = 1e-4;
constexpr size_t kCandidates = 1024;

// Makes `p` sum to one with no zero in it.
void Smooth(std::span<double> p) {
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  const auto empty = static_cast<double>(std::count(p.begin(), p.end(), 0.0));
  if (empty == 0 || total == 0) {
    for (double& x : p) x = total == 0 ? 1 / static_cast<double>(p.size()) : x / total;
    return;
  }
  const double scale = (1 - kSmoothing) / total;
  for (double& x : p) x = x == 0 ? kSmoothing / empty : x * scale;
}

// KL(P, Q) for the first `kept` bins of `counts`, of which those behind count as in the last kept one.
double DivergenceAt(std::span<const uint64_t> counts, size_t kept, uint64_t behind, std::vector<double>& p,
                    std::vector<double>& q) {
  p.assign(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(kept));
  p.back() += static_cast<double>(behind);
  q.assign(kept, 0.0);
  for (size_t level = 0; level < kCodesOfOneSign; ++level) {
    const size_t begin = level * kept / kCodesOfOneSign;
    const size_t end = (level + 1) * kept / kCodesOfOneSign;
    double mass = 0;
    int filled = 0;
    for (size_t i = begin; i < end; ++i) {
      mass += static_cast<double>(counts[i]);
      filled += p[i] > 0 ? 1 : 0;
    }
    if (filled == 0) continue;
    for (size_t i = begin; i < end; ++i) {
      if (p[i] > 0) q[i] = mass / static_cast<double>(filled);
    }
  }
  Smooth(p);
  Smooth(q);
  double divergence = 0;
  for (size_t i = 0; i < kept; ++i) divergence += p[i] * std::log(p[i] / q[i]);
  return divergence;
}

ClipRange Entropy(const ValueStatistics& value, bool symmetric) {
  const std::vector<uint64_t> counts = value.histogram.Folded();
  size_t best = counts.size();
  double least = std::numeric_limits<double>::infinity();
  std::vector<double> p;
  std::vector<double> q;
  uint64_t behind = 0;
  // From the full range down, so that of equal divergences the widest range stays. About a thousand candidates are
  // enough to place T within a thousandth of the range; all of them would take four times as long.
  const size_t step = std::max<size_t>(1, counts.size() / kCandidates);
  for (size_t kept = counts.size(); kept >= kCodesOfOneSign; kept -= std::min(kept, step)) {
    const double divergence = DivergenceAt(counts, kept, behind, p, q);
    if (divergence < least) {
      least = divergence;
      best = kept;
    }
    for (size_t i = kept - std::min(kept, step); i < kept; ++i) behind += counts[i];
  }
  const double most = std::min(static_cast<double>(best) * value.histogram.width(), value.absmax());
  if (symmetric) return Symmetric(most);
  const ClipRange seen = Seen(value);
  return {std::max(seen.low, -most), std::min(seen.high, most)};
}

// ---- least squared error ----

struct Point {
  double x;  // middle of a bin
  double count;
};

std::vector<Point> PointsOf(const ValueStatistics& value) {
  std::vector<Point> points;
  const Histogram& histogram = value.histogram;
  for (int64_t bin = -Histogram::kHalf; bin < Histogram::kHalf; ++bin) {
    if (histogram.at(bin) == 0) continue;
    const double middle = (static_cast<double>(bin) + 0.5) * histogram.width();
    // What was seen may end within a bin.
    points.push_back({std::clamp(middle, value.minimum, value.maximum), static_cast<double>(histogram.at(bin))});
  }
  return points;
}

double SquaredError(const std::vector<Point>& points, ClipRange range, NumericType number) {
  const Scale scale = ScaleFor(range, number);
  const auto step = static_cast<double>(scale.scale);
  const double zero = scale.zero_point;
  const double least = number == NumericType::kUint8 ? 0 : number == NumericType::kInt4 ? -8 : -128;
  const double most = number == NumericType::kUint8 ? 255 : number == NumericType::kInt4 ? 7 : 127;
  double error = 0;
  for (const Point& point : points) {
    const double code = std::clamp(std::nearbyint(point.x / step) + zero, least, most);
    const double off = point.x - (code - zero) * step;
    error += point.count * off * off;
  }
  return error;
}

constexpr int kSteps = 100;
constexpr double kMinShare = 0.2;

// The best of `range(share)` for shares of 1 down to kMinShare; of equals the largest share.
template <typename RangeAt>
ClipRange Best(const std::vector<Point>& points, NumericType number, const RangeAt& range_at) {
  ClipRange best = range_at(1.0);
  double least = SquaredError(points, best, number);
  for (int step = kSteps - 1; step >= 0; --step) {
    const ClipRange range = range_at(kMinShare + (1 - kMinShare) * step / kSteps);
    const double error = SquaredError(points, range, number);
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

ClipRange LeastSquares(const ValueStatistics& value, NumericType number) {
  const std::vector<Point> points = PointsOf(value);
  if (number != NumericType::kUint8) {
    return Best(points, number, [&](double share) { return Symmetric(share * value.absmax()); });
  }
  // Both sides together first, then each alone, twice: the sides hardly depend on each other.
  const ClipRange seen = Seen(value);
  ClipRange best = Best(points, number, [&](double share) { return ClipRange{share * seen.low, share * seen.high}; });
  for (int round = 0; round < 2; ++round) {
    if (seen.low < 0) {
      best = Best(points, number, [&, high = best.high](double share) { return ClipRange{share * seen.low, high}; });
    }
    if (seen.high > 0) {
      best = Best(points, number, [&, low = best.low](double share) { return ClipRange{low, share * seen.high}; });
    }
  }
  return best;
}

}  // namespace

ClipRange ChooseRange(const ValueStatistics& value, RangeMethod method, NumericType number,
                      const RangeOptions& options) {
  const bool symmetric = number != NumericType::kUint8;
  if (value.count == 0 || value.absmax() == 0) return {};
  const ClipRange all = symmetric ? Symmetric(value.absmax()) : Seen(value);
  if (value.histogram.empty()) return all;
  switch (method) {
    case RangeMethod::kMinMax:
      return all;
    case RangeMethod::kPercentile:
      return Percentile(value, symmetric, options.percentile);
    case RangeMethod::kEntropy:
      return Entropy(value, symmetric);
    case RangeMethod::kMse:
      return LeastSquares(value, number);
  }
  return all;
}

double MeanSquaredError(const ValueStatistics& value, ClipRange range, NumericType number) {
  const uint64_t count = value.histogram.count();
  if (count == 0) return 0;
  return SquaredError(PointsOf(value), range, number) / static_cast<double>(count);
}

}  // namespace vlaq::numerics

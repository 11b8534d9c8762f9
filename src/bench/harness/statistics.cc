#include "bench/harness/statistics.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

namespace vlaq::harness {
namespace {

// log P(Binomial(n, q) = k). Logarithms, since 0.5^5000 is no double.
double LogBinomial(int64_t n, int64_t k, double q) {
  const auto count = static_cast<double>(n), hits = static_cast<double>(k);
  return std::lgamma(count + 1) - std::lgamma(hits + 1) - std::lgamma(count - hits + 1) + hits * std::log(q) +
         (count - hits) * std::log1p(-q);
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// What rounding of doubles may add to a whole number: 99.9 / 100 * 1000 is 999.0000000000001.
constexpr double kRounding = 1e-9;

}  // namespace

int64_t EarlyStoppingRank(int64_t n, double p, double confidence) {
  const double allowed = 1 - confidence;
  double below = 0;
  for (int64_t k = 0; k <= n; ++k) {
    below += std::exp(LogBinomial(n, k, 1 - p));
    if (below > allowed) return std::max<int64_t>(0, k - 1);
  }
  return n;
}

int64_t FewestFor(double p, double confidence) {
  // Claims only get easier with more samples, so the first n is found by halving.
  int64_t few = 0, enough = 1;
  while (EarlyStoppingRank(enough, p, confidence) < 1) {
    few = enough;
    enough *= 2;
  }
  while (enough - few > 1) {
    const int64_t middle = few + (enough - few) / 2;
    (EarlyStoppingRank(middle, p, confidence) < 1 ? few : enough) = middle;
  }
  return enough;
}

std::vector<double> Claimable(std::vector<double> percentiles, int64_t n, double confidence) {
  std::ranges::sort(percentiles);
  const auto out = [&](double p) { return p != percentiles.front() && FewestFor(p, confidence) > n; };
  std::vector<double> kept;
  std::ranges::remove_copy_if(percentiles, std::back_inserter(kept), out);
  return kept;
}

std::optional<double> SafePercentile(std::span<const double> sorted, double p, double confidence) {
  const int64_t t = EarlyStoppingRank(static_cast<int64_t>(sorted.size()), p, confidence);
  if (t < 1) return std::nullopt;
  return sorted[sorted.size() - static_cast<size_t>(t)];
}

size_t FewestForMedian(double sure) { return static_cast<size_t>(std::ceil(1 - std::log2(1 - sure) - kRounding)); }

Interval BootstrapMedian(std::span<const double> values, double sure, int resamples, uint64_t seed) {
  if (values.size() < FewestForMedian(sure)) return {-kInfinity, kInfinity};
  const auto median = [&](std::span<const size_t> drawn) {
    std::vector<double> picked(drawn.size());
    std::ranges::transform(drawn, picked.begin(), [&](size_t index) { return values[index]; });
    return Median(std::move(picked));
  };
  return Bootstrap(values.size(), median, sure, resamples, seed);
}

}  // namespace vlaq::harness

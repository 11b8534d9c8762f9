#include "base/statistics.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace vlaq {
namespace {

// What rounding of doubles may add to a whole number: 99.9 / 100 * 1000 is 999.0000000000001.
constexpr double kRankRounding = 1e-9;
constexpr uint64_t kBootstrapStream = 0xB007;

}  // namespace

double Quantile(std::span<const double> sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(std::floor(at));
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return Quantile(values, 0.5);
}

double NearestRank(std::span<const double> sorted, double p) {
  const auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(sorted.size()) - kRankRounding));
  return sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1];
}

Spread SpreadOf(std::span<const double> values) {
  Spread spread;
  if (values.empty()) return spread;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) spread.mean += value / n;
  if (values.size() < 2) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (n - 1));
  return spread;
}

Interval Bootstrap(size_t count, const Statistic& statistic, double sure, int resamples, uint64_t seed) {
  Random random(seed, kBootstrapStream);
  std::vector<double> found;
  std::vector<size_t> drawn(count);
  for (int i = 0; i < resamples; ++i) {
    for (size_t& index : drawn) index = random.Below(count);
    found.push_back(statistic(drawn));
  }
  std::ranges::sort(found);
  return {Quantile(found, (1 - sure) / 2), Quantile(found, (1 + sure) / 2)};
}

}  // namespace vlaq

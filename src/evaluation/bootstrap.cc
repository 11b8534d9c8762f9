#include "evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace vlaq::evaluation {
namespace {

double MeanOf(const Share& share) { return share.count == 0 ? 0 : share.sum / share.count; }

// Value at a quantile of sorted numbers, between neighbours in proportion.
double Quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(std::floor(at));
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

Estimate BootstrapMean(const std::vector<Share>& episodes, int resamples, uint64_t seed) {
  Share all;
  for (const Share& share : episodes) {
    all.sum += share.sum;
    all.count += share.count;
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (episodes.size() < 2 || resamples < 1 || !std::isfinite(MeanOf(all)))
    return {MeanOf(all), {-kInfinity, kInfinity}};
  Random random(seed, 0xB007);
  std::vector<double> means;
  for (int i = 0; i < resamples; ++i) {
    Share drawn;
    for (size_t k = 0; k < episodes.size(); ++k) {
      const Share& share = episodes[random.Below(episodes.size())];
      drawn.sum += share.sum;
      drawn.count += share.count;
    }
    means.push_back(MeanOf(drawn));
  }
  std::ranges::sort(means);
  return {MeanOf(all), {Quantile(means, 0.025), Quantile(means, 0.975)}};
}

}  // namespace vlaq::evaluation

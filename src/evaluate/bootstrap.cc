#include "evaluate/bootstrap.h"

#include <cmath>
#include <limits>
#include <span>

namespace vlaq::evaluate {
namespace {

double MeanOf(const Share& share) { return share.count == 0 ? 0 : share.sum / share.count; }

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
  const auto mean = [&](std::span<const size_t> drawn) {
    Share sum;
    for (const size_t index : drawn) {
      sum.sum += episodes[index].sum;
      sum.count += episodes[index].count;
    }
    return MeanOf(sum);
  };
  return {MeanOf(all), Bootstrap(episodes.size(), mean, 0.95, resamples, seed)};
}

}  // namespace vlaq::evaluate

// Figures of samples that any program needs: quantiles, spread, intervals by resampling. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace vlaq {

// Between neighbors in proportion; `sorted` ascending and not empty, q in [0, 1].
double Quantile(std::span<const double> sorted, double q);
double Median(std::vector<double> values);  // of at least one
// The plain percentile by nearest rank: sorted[ceil(p n) - 1]. `sorted` ascending and not empty, p in (0, 1).
double NearestRank(std::span<const double> sorted, double p);

struct Spread {
  double mean = 0, deviation = 0;                                        // of a sample: n - 1
  double variation() const { return mean == 0 ? 0 : deviation / mean; }  // coefficient of
};
// In two passes, so that no digits are lost. One value or none: deviation 0.
Spread SpreadOf(std::span<const double> values);

struct Interval {
  double low = 0, high = 0;
  bool Holds(double value) const { return low <= value && value <= high; }
};

// What is computed from a sample of `count` items, given the indices that were drawn of them.
using Statistic = std::function<double(std::span<const size_t> drawn)>;
// Percentile bootstrap interval of a statistic (Efron 1979) that holds it with the probability `sure`: `count` indices
// are drawn with replacement, `resamples` times. Seeded: the same items give the same interval everywhere.
Interval Bootstrap(size_t count, const Statistic& statistic, double sure, int resamples, uint64_t seed);

}  // namespace vlaq

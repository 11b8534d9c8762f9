// Figures of samples, each only as far as the number of samples allows.
//
// In scope: safe upper estimates of percentiles, intervals of medians. Not aware of: what was measured. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/statistics.h"

namespace vlaq::harness {

// MLPerf's early stopping (as loadgen computes it, with tolerance 0): the largest t with P(Binomial(n, 1 - p) <= t) <=
// 1 - confidence. With the t - 1 highest of n samples dropped, the largest that remains is, that sure, no less than the
// p-th percentile. 0: n samples allow no claim about p.
int64_t EarlyStoppingRank(int64_t n, double p, double confidence = 0.99);
// The fewest samples that allow a claim about p.
int64_t FewestFor(double p, double confidence = 0.99);
// Those of `percentiles` that `n` samples allow; the lowest in any case, so that too few samples show.
std::vector<double> Claimable(std::vector<double> percentiles, int64_t n, double confidence = 0.99);
// sorted[n - t], or nullopt without a claim.
std::optional<double> SafePercentile(std::span<const double> sorted, double p, double confidence = 0.99);

// The fewest values that hold their median between them with the probability `sure`: with fewer, all may lie on one
// side of it by chance (2 * 0.5^n > 1 - sure). 6 for 95 %, 8 for 99 %.
size_t FewestForMedian(double sure);
// Percentile bootstrap interval of the median (Efron 1979) that holds it with the probability `sure`. Seeded: the same
// values give the same interval everywhere. Fewer than FewestForMedian(sure) values: infinite.
Interval BootstrapMedian(std::span<const double> values, double sure = 0.95, int resamples = 2000, uint64_t seed = 0);

}  // namespace vlaq::harness

#include "evaluate/proportion.h"

#include <algorithm>
#include <cmath>

namespace vlaq::evaluate {

Interval WilsonInterval(int64_t successes, int64_t trials) {
  if (trials <= 0) return {0, 1};
  constexpr double kZ = 1.959963984540054;  // standard normal quantile of 0.975
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double denominator = 1 + kZ * kZ / n;
  const double center = (p + kZ * kZ / (2 * n)) / denominator;
  const double half = kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n)) / denominator;
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

double McNemarP(const PairedCounts& counts) {
  const int64_t n = counts.only_first + counts.only_second;
  const int64_t k = std::min(counts.only_first, counts.only_second);
  if (n == 0) return 1;
  // Binomial(n, 1/2) up to k, in logarithms: n may be thousands.
  double tail = 0;
  for (int64_t i = 0; i <= k; ++i) {
    const auto di = static_cast<double>(i);
    const auto dn = static_cast<double>(n);
    tail += std::exp(std::lgamma(dn + 1) - std::lgamma(di + 1) - std::lgamma(dn - di + 1) - dn * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace vlaq::evaluate

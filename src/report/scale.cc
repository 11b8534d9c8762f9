#include "report/scale.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vlaq::report {
namespace {

constexpr int kSteps = 5;  // that a range is widened to

}  // namespace

double RoundStep(double span, int count) {
  const double least = span / count;
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    // Rounding must not make 0.2 of 0.20000000000000001.
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

Scale Scale::Round(double low, double high, bool logarithmic) {
  if (logarithmic) {
    low = std::pow(10, std::floor(std::log10(low)));
    high = std::pow(10, std::ceil(std::log10(high)));
    return {low, high > low ? high : 10 * low, true};
  }
  if (!(high > low)) high = low + (low == 0 ? 1 : std::abs(low));
  const double step = RoundStep(high - low, kSteps);
  return {std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, false};
}

double Scale::At(double value) const {
  const double share =
      logarithmic_ ? std::log(std::max(value, low_) / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
  return from_ + std::clamp(share, 0.0, 1.0) * (to_ - from_);
}

std::vector<double> Scale::Ticks(int count) const {
  std::vector<double> ticks;
  if (!logarithmic_) {
    const double step = RoundStep(high_ - low_, count);
    for (int i = 0; low_ + i * step <= high_ + step * 1e-6; ++i) {
      const double tick = std::ceil(low_ / step - 1e-9) * step + i * step;
      if (tick <= high_ + step * 1e-6) ticks.push_back(std::abs(tick) < step * 1e-6 ? 0 : tick);
    }
    return ticks;
  }
  const double decades = std::log10(high_ / low_);
  // Within few decades 1, 2 and 5 of each; within many every second or third decade only.
  const int every = std::max(1, static_cast<int>(std::ceil(decades / count)));
  for (int d = 0; d <= std::lround(decades); d += every) {
    const double decade = low_ * std::pow(10, d);
    ticks.push_back(decade);
    if (decades > 2) continue;
    for (const double factor : {2.0, 5.0}) {
      if (factor * decade < high_) ticks.push_back(factor * decade);
    }
  }
  return ticks;
}

}  // namespace vlaq::report

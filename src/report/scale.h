// Axes: which values get a tick, and where a value lies. Pure.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace vlaq::report {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Maps values from [low, high] to [from, to] in the units of the drawing.
class Scale {
 public:
  // Widens [low, high] to round numbers. `logarithmic` needs low > 0. Values that are not finite must be left out.
  static Scale Round(double low, double high, bool logarithmic);

  void Place(double from, double to) { from_ = from, to_ = to; }
  double At(double value) const;
  // About `count` of them, within [low, high].
  std::vector<double> Ticks(int count) const;
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  Scale(double low, double high, bool logarithmic) : low_(low), high_(high), logarithmic_(logarithmic) {}

  double low_, high_;
  bool logarithmic_;
  double from_ = 0, to_ = 1;
};

// 1, 2 or 5 times a power of ten: the first that cuts `span` into at most `count` steps.
double RoundStep(double span, int count);

}  // namespace vlaq::report

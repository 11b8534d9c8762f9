// How often values of each size were seen, in a fixed number of equal bins whose width is a power of two and doubles
// when a value falls outside.
//
// The width follows from the largest |value| alone, and two bins of one width make up exactly one bin of the next, so
// counts are exact: they depend neither on the order of the values nor on how they were split over histograms that are
// merged. In scope: counting. Not aware of: what is done with the counts (ranges.h), files. Not synchronized.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vlaq::numerics {

class Histogram {
 public:
  // Bins on each side of zero; the larger side of what was seen takes at least half of its bins.
  static constexpr int64_t kHalf = 4096;
  static constexpr int64_t kBins = 2 * kHalf;

  // `values` must be finite and |x| <= absmax. Values below 2^-100 of either sign count as if they were 2^-112.
  void Add(std::span<const float> values, float absmax);
  void Add(std::span<const float> values);
  void Merge(const Histogram& other);

  bool empty() const { return counts_.empty(); }
  uint64_t count() const;
  // Bin i >= 0 holds the values in [i * width(), (i + 1) * width()), bin -i - 1 their mirror images but for zero.
  double width() const;
  uint64_t at(int64_t bin) const { return counts_.empty() ? 0 : counts_[static_cast<size_t>(bin + kHalf)]; }
  // All bins, bin -kHalf first; empty before the first Add().
  std::span<const uint64_t> counts() const { return counts_; }
  // Counts of |x|: bin i >= 0 and bin -i - 1 together; without empty bins at the end.
  std::vector<uint64_t> Folded() const;

  // From width 2^exponent and counts of the bins from `first` on, as a file has them. The caller has checked that
  // -kHalf <= first, first + counts.size() <= kHalf, and the exponent (ValidExponent).
  static Histogram From(int exponent, int64_t first, std::span<const uint64_t> counts);
  static bool ValidExponent(int64_t exponent);
  int exponent() const { return exponent_; }  // width() = 2^exponent()

  bool operator==(const Histogram&) const = default;

 private:
  void WidenTo(int exponent);

  int exponent_ = 0;
  std::vector<uint64_t> counts_;  // kBins, or none
};

}  // namespace vlaq::numerics

// How far apart two sets of numbers are, in several metrics that each see another failure. Accumulators merge, so work
// can be split. Sums are double.
#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq {

class Difference {
 public:
  // All that is kept, for code that counts in its own way (quantize/numerics/encode_kernels.h). See the functions
  // below.
  struct Sums {
    int64_t count = 0;
    double max_absolute = 0;
    double max_excess = 0;  // max(|actual - reference| - relative_tolerance |reference|, 0)
    double max_reference = 0;
    double absolute = 0;
    double squares = 0;
    double reference_squares = 0;
    double actual_squares = 0;
    double products = 0;
    int64_t sign_flips = 0;
    int64_t rounded_to_zero = 0;
    int64_t worst_index = -1;
  };

  Difference() = default;
  // For comparing with an absolute and a relative tolerance together, element by element (max_excess()).
  explicit Difference(double relative_tolerance) : relative_tolerance_(relative_tolerance) {}
  explicit Difference(const Sums& sums) : sums_(sums) {}

  // `reference` and `actual` have the same length. NaN or infinity in one but not the same in the other counts as
  // an infinite difference.
  void Add(std::span<const float> reference, std::span<const float> actual);
  void Merge(const Difference& other);

  int64_t count() const { return sums_.count; }
  // max |actual - reference|
  double max_absolute() const { return sums_.max_absolute; }
  // max(|actual - reference| - relative_tolerance |reference|), at least 0: what an absolute tolerance must cover.
  double max_excess() const { return sums_.max_excess; }
  double mean_absolute() const;
  double root_mean_square() const;
  // max |reference|
  double max_reference() const { return sums_.max_reference; }
  // max_absolute() / max_reference(); 0 when both are 0, infinity when only the reference is 0.
  double relative() const;
  // 10 log10(sum reference^2 / sum difference^2); infinity for identical data.
  double signal_to_noise_db() const;
  // Cosine of the angle between the two; 1 when both are zero.
  double cosine() const;
  // Elements whose sign differs, zero counting as positive.
  int64_t sign_flips() const { return sums_.sign_flips; }
  // Elements that are zero in `actual` but not in `reference`.
  int64_t rounded_to_zero() const { return sums_.rounded_to_zero; }
  // Flat index of the largest difference, counted over all Add() calls of this accumulator; -1 before any.
  int64_t worst_index() const { return sums_.worst_index; }
  const Sums& sums() const { return sums_; }

 private:
  Sums sums_;
  double relative_tolerance_ = 0;
};

// Compares two tensors of float type and equal shape. Errors: kInput naming both shapes if they differ.
Result<Difference> Compare(const Tensor& reference, const Tensor& actual, double relative_tolerance = 0);

}  // namespace vlaq

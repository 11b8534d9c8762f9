#include "tensor/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/convert.h"

namespace vlaq {
namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
}

void Difference::Add(std::span<const float> reference, std::span<const float> actual) {
  assert(reference.size() == actual.size());
  for (size_t i = 0; i < reference.size(); ++i) {
    const auto r = static_cast<double>(reference[i]);
    const auto a = static_cast<double>(actual[i]);
    const bool same = r == a || (std::isnan(r) && std::isnan(a));
    double d = same ? 0 : std::abs(a - r);
    if (std::isnan(d)) d = kInfinity;
    if (d > max_absolute_ || worst_index_ < 0) {
      max_absolute_ = d;
      worst_index_ = count_ + static_cast<int64_t>(i);
    }
    max_reference_ = std::max(max_reference_, std::abs(r));
    sum_absolute_ += d;
    sum_squares_ += d * d;
    sum_reference_squares_ += r * r;
    sum_actual_squares_ += a * a;
    sum_products_ += r * a;
    sign_flips_ += (r < 0) != (a < 0) ? 1 : 0;
    rounded_to_zero_ += (r != 0 && a == 0) ? 1 : 0;
  }
  count_ += static_cast<int64_t>(reference.size());
}

void Difference::Merge(const Difference& other) {
  if (other.worst_index_ >= 0 && (other.max_absolute_ > max_absolute_ || worst_index_ < 0)) {
    max_absolute_ = other.max_absolute_;
    worst_index_ = count_ + other.worst_index_;
  }
  count_ += other.count_;
  max_reference_ = std::max(max_reference_, other.max_reference_);
  sum_absolute_ += other.sum_absolute_;
  sum_squares_ += other.sum_squares_;
  sum_reference_squares_ += other.sum_reference_squares_;
  sum_actual_squares_ += other.sum_actual_squares_;
  sum_products_ += other.sum_products_;
  sign_flips_ += other.sign_flips_;
  rounded_to_zero_ += other.rounded_to_zero_;
}

double Difference::mean_absolute() const { return count_ == 0 ? 0 : sum_absolute_ / static_cast<double>(count_); }

double Difference::root_mean_square() const {
  return count_ == 0 ? 0 : std::sqrt(sum_squares_ / static_cast<double>(count_));
}

double Difference::relative() const {
  if (max_absolute_ == 0) return 0;
  return max_reference_ == 0 ? kInfinity : max_absolute_ / max_reference_;
}

double Difference::signal_to_noise_db() const {
  return sum_squares_ == 0 ? kInfinity : 10 * std::log10(sum_reference_squares_ / sum_squares_);
}

double Difference::cosine() const {
  const double norms = std::sqrt(sum_reference_squares_) * std::sqrt(sum_actual_squares_);
  if (norms == 0) return sum_reference_squares_ == sum_actual_squares_ ? 1 : 0;
  return sum_products_ / norms;
}

Result<Difference> Compare(const Tensor& reference, const Tensor& actual) {
  if (reference.shape() != actual.shape()) {
    return InputError("", fmt::format("the shape is {} but the reference has {}", ShapeText(actual.shape()),
                                      ShapeText(reference.shape())));
  }
  VLAQ_ASSIGN_OR_RETURN(const Tensor r, ToFloat32(reference));
  VLAQ_ASSIGN_OR_RETURN(const Tensor a, ToFloat32(actual));
  Difference difference;
  difference.Add(r.data<float>(), a.data<float>());
  return difference;
}

}  // namespace vlaq

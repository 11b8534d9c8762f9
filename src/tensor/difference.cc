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
    if (d > sums_.max_absolute || sums_.worst_index < 0) {
      sums_.max_absolute = d;
      sums_.worst_index = sums_.count + static_cast<int64_t>(i);
    }
    sums_.max_reference = std::max(sums_.max_reference, std::abs(r));
    const double excess = same || std::isinf(d) ? d : d - relative_tolerance_ * std::abs(r);
    sums_.max_excess = std::max(sums_.max_excess, excess);
    sums_.absolute += d;
    sums_.squares += d * d;
    sums_.reference_squares += r * r;
    sums_.actual_squares += a * a;
    sums_.products += r * a;
    sums_.sign_flips += (r < 0) != (a < 0) ? 1 : 0;
    sums_.rounded_to_zero += (r != 0 && a == 0) ? 1 : 0;
  }
  sums_.count += static_cast<int64_t>(reference.size());
}

void Difference::Merge(const Difference& other) {
  if (other.sums_.worst_index >= 0 && (other.sums_.max_absolute > sums_.max_absolute || sums_.worst_index < 0)) {
    sums_.max_absolute = other.sums_.max_absolute;
    sums_.worst_index = sums_.count + other.sums_.worst_index;
  }
  sums_.count += other.sums_.count;
  sums_.max_excess = std::max(sums_.max_excess, other.sums_.max_excess);
  sums_.max_reference = std::max(sums_.max_reference, other.sums_.max_reference);
  sums_.absolute += other.sums_.absolute;
  sums_.squares += other.sums_.squares;
  sums_.reference_squares += other.sums_.reference_squares;
  sums_.actual_squares += other.sums_.actual_squares;
  sums_.products += other.sums_.products;
  sums_.sign_flips += other.sums_.sign_flips;
  sums_.rounded_to_zero += other.sums_.rounded_to_zero;
}

double Difference::mean_absolute() const {
  return sums_.count == 0 ? 0 : sums_.absolute / static_cast<double>(sums_.count);
}

double Difference::root_mean_square() const {
  return sums_.count == 0 ? 0 : std::sqrt(sums_.squares / static_cast<double>(sums_.count));
}

double Difference::relative() const {
  if (sums_.max_absolute == 0) return 0;
  return sums_.max_reference == 0 ? kInfinity : sums_.max_absolute / sums_.max_reference;
}

double Difference::signal_to_noise_db() const {
  return sums_.squares == 0 ? kInfinity : 10 * std::log10(sums_.reference_squares / sums_.squares);
}

double Difference::cosine() const {
  const double norms = std::sqrt(sums_.reference_squares) * std::sqrt(sums_.actual_squares);
  if (norms == 0) return sums_.reference_squares == sums_.actual_squares ? 1 : 0;
  return sums_.products / norms;
}

Result<Difference> Compare(const Tensor& reference, const Tensor& actual, double relative_tolerance) {
  if (reference.shape() != actual.shape()) {
    return InputError("", fmt::format("the shape is {} but the reference has {}", ShapeText(actual.shape()),
                                      ShapeText(reference.shape())));
  }
  VLAQ_ASSIGN_OR_RETURN(const Tensor r, ToFloat32(reference));
  VLAQ_ASSIGN_OR_RETURN(const Tensor a, ToFloat32(actual));
  Difference difference(relative_tolerance);
  difference.Add(r.data<float>(), a.data<float>());
  return difference;
}

}  // namespace vlaq

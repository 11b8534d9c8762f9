#include "quantize/numerics/smooth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace vlaq::numerics {
namespace {

constexpr float kMinFactor = 1e-5F;
constexpr double kHighestCode = 127;
constexpr int kAlphaSteps = 20;

double Square(double value) { return value * value; }

// Sum of the variances of the rounding noise of the columns of W s, and of `noise`, the variances of the channels of
// X / s, times the squares of W s that they meet.
struct WeightSums {
  double own = 0;
  double passed_on = 0;
};
WeightSums SumsOf(const Tensor& weight, std::span<const float> factors, const std::vector<double>& noise) {
  const auto values = weight.data<float>();
  const size_t columns = values.size() / factors.size();
  std::vector<float> most(columns, 0);
  WeightSums sums;
  for (size_t j = 0; j < factors.size(); ++j) {
    const std::span<const float> row = values.subspan(j * columns, columns);
    double squares = 0;
    for (size_t i = 0; i < columns; ++i) {
      const float smoothed = row[i] * factors[j];
      most[i] = std::max(most[i], std::fabs(smoothed));
      squares += Square(static_cast<double>(smoothed));
    }
    sums.passed_on += noise[j] * squares;
  }
  for (const float column : most) sums.own += Square(static_cast<double>(column) / kHighestCode) / 12;
  return sums;
}

Status CheckLengths(size_t channels, std::span<const Tensor> weights, size_t factors) {
  const auto refuse = [](size_t a, size_t b, const char* what) {
    return InputError("smoothing", fmt::format("the activation has {} channels, but there are {} {}", a, b, what));
  };
  if (factors != channels) return refuse(channels, factors, "factors");
  for (const Tensor& weight : weights) {
    const auto rows = weight.rank() == 2 ? static_cast<size_t>(weight.shape()[0]) : 0;
    if (rows != channels) return refuse(channels, rows, "rows of a weight");
  }
  return {};
}

}  // namespace

Result<std::vector<float>> WeightRowAbsmax(std::span<const Tensor> weights) {
  std::vector<float> most;
  for (const Tensor& weight : weights) {
    const auto rows = static_cast<size_t>(weight.shape()[0]);
    if (!most.empty() && most.size() != rows) {
      return InputError("smoothing", fmt::format("weights of {} and {} rows read one value", most.size(), rows));
    }
    most.resize(rows, 0);
    const auto values = weight.data<float>();
    const size_t width = rows == 0 ? 0 : values.size() / rows;
    for (size_t j = 0; j < rows; ++j) {
      for (const float value : values.subspan(j * width, width)) most[j] = std::max(most[j], std::fabs(value));
    }
  }
  return most;
}

std::vector<float> SmoothingFactors(std::span<const float> activation_absmax, std::span<const float> row_absmax,
                                    double alpha) {
  std::vector<float> factors(row_absmax.size(), 1);
  for (size_t j = 0; j < factors.size(); ++j) {
    if (!(activation_absmax[j] > 0) || !(row_absmax[j] > 0)) continue;
    const double factor = std::pow(static_cast<double>(activation_absmax[j]), alpha) /
                          std::pow(static_cast<double>(row_absmax[j]), 1 - alpha);
    factors[j] = std::max(static_cast<float>(factor), kMinFactor);
  }
  return factors;
}

Result<SmoothingError> EstimateSmoothing(const SmoothedActivation& activation, std::span<const Tensor> weights,
                                         std::span<const float> factors) {
  const size_t channels = activation.absmax.size();
  VLAQ_RETURN_IF_ERROR(CheckLengths(channels, weights, factors.size()));
  if (channels == 0) return SmoothingError{};
  double most = 0, before = 0, after = 0;  // squares of absmax, without and with factors
  for (size_t j = 0; j < channels; ++j) {
    const auto absmax = static_cast<double>(activation.absmax[j]);
    const double smoothed = absmax / static_cast<double>(factors[j]);
    most = std::max(most, smoothed);
    before += Square(absmax);
    after += Square(smoothed);
  }
  if (before == 0) return SmoothingError{};
  const double per_square = Square(activation.rms) * static_cast<double>(channels) / before;
  std::vector<double> noise(channels);
  for (size_t j = 0; j < channels; ++j) {
    const double smoothed = static_cast<double>(activation.absmax[j]) / static_cast<double>(factors[j]);
    noise[j] = std::min(Square(most / kHighestCode) / 12, per_square * Square(smoothed));
  }
  SmoothingError error;
  for (const Tensor& weight : weights) {
    const WeightSums sums = SumsOf(weight, factors, noise);
    error.of_activation += sums.passed_on;
    error.of_weights += sums.own * per_square * after;
  }
  return error;
}

Result<AlphaChoice> BestAlpha(const SmoothedActivation& activation, std::span<const Tensor> weights) {
  const std::vector<float> ones(activation.absmax.size(), 1);
  AlphaChoice best;
  VLAQ_ASSIGN_OR_RETURN(best.before, EstimateSmoothing(activation, weights, ones));
  VLAQ_ASSIGN_OR_RETURN(const std::vector<float> rows, WeightRowAbsmax(weights));
  if (weights.empty()) return best;
  for (int i = 0; i <= kAlphaSteps; ++i) {
    const double alpha = static_cast<double>(i) / kAlphaSteps;
    const std::vector<float> factors = SmoothingFactors(activation.absmax, rows, alpha);
    VLAQ_ASSIGN_OR_RETURN(const SmoothingError error, EstimateSmoothing(activation, weights, factors));
    if (i > 0 && error.total() >= best.error.total()) continue;
    best.alpha = alpha;
    best.error = error;
  }
  return best;
}

}  // namespace vlaq::numerics

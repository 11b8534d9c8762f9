#include "quantization/smooth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace vlaq::quantization {
namespace {

constexpr float kLeastFactor = 1e-5F;

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
    for (size_t i = 0; i < values.size(); ++i) most[i / width] = std::max(most[i / width], std::fabs(values[i]));
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
    factors[j] = std::max(static_cast<float>(factor), kLeastFactor);
  }
  return factors;
}

}  // namespace vlaq::quantization

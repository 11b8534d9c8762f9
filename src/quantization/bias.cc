#include "quantization/bias.h"

#include <fmt/format.h>

namespace vlaq::quantization {

Result<std::vector<float>> BiasCorrection(std::span<const float> mean, const Tensor& weight, const Encoded& encoded,
                                          const WeightChoice& choice) {
  const auto rows = static_cast<size_t>(weight.shape()[0]);
  const auto columns = static_cast<size_t>(weight.shape()[1]);
  if (mean.size() != rows) {
    return InputError(fmt::format("weight '{}'", choice.name),
                      fmt::format("has {} rows, the activation {} channels", rows, mean.size()));
  }
  const auto values = weight.data<float>();
  const auto codes = encoded.codes.data<int8_t>();
  const auto scales = encoded.scales.data<float>();
  const auto scale = [&](size_t row, size_t column) {
    switch (choice.granularity) {
      case Granularity::kTensor:
        return scales[0];
      case Granularity::kChannel:
        return scales[choice.axis == 0 ? row : column];
      case Granularity::kBlock:
        return choice.axis == 0 ? scales[row / static_cast<size_t>(choice.block) * columns + column]
                                : scales[row * static_cast<size_t>(encoded.scales.shape()[1]) +
                                         column / static_cast<size_t>(choice.block)];
    }
    return 0.0F;
  };
  std::vector<double> sums(columns, 0);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) {
      const size_t at = i * columns + j;
      sums[j] +=
          static_cast<double>(mean[i]) * static_cast<double>(values[at] - static_cast<float>(codes[at]) * scale(i, j));
    }
  }
  return std::vector<float>(sums.begin(), sums.end());
}

}  // namespace vlaq::quantization

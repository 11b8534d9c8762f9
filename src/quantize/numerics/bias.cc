#include "quantize/numerics/bias.h"

#include <fmt/format.h>

namespace vlaq::numerics {
namespace {

// The scales of one row of a matrix: that of column j is at `first` + j / `run`, or all are at `first` if run is 0.
struct RowScales {
  size_t first = 0;
  size_t run = 0;
};

RowScales ScalesOf(size_t row, size_t columns, const WeightChoice& choice) {
  switch (choice.granularity) {
    case Granularity::kTensor:
      break;
    case Granularity::kChannel:
      return choice.axis == 0 ? RowScales{row, 0} : RowScales{0, 1};
    case Granularity::kBlock: {
      const auto block = static_cast<size_t>(choice.block);
      if (choice.axis == 0) return {row / block * columns, 1};
      return {row * ((columns + block - 1) / block), block};
    }
  }
  return {0, 0};
}

}  // namespace

Result<std::vector<float>> BiasCorrection(std::span<const float> mean, const Tensor& weight, const Encoded& encoded,
                                          const WeightChoice& choice) {
  const auto refuse = [&](std::string what) { return InputError(fmt::format("weight '{}'", choice.name), what); };
  if (weight.rank() != 2) return refuse("is no matrix");
  const auto rows = static_cast<size_t>(weight.shape()[0]);
  const auto columns = static_cast<size_t>(weight.shape()[1]);
  if (mean.size() != rows) return refuse(fmt::format("has {} rows, the activation {} channels", rows, mean.size()));
  std::vector<double> sums(columns, 0);
  const auto scales = encoded.scales.data<float>();
  for (size_t i = 0; i < rows; ++i) {
    const auto values = weight.data<float>().subspan(i * columns, columns);
    const auto codes = encoded.codes.data<int8_t>().subspan(i * columns, columns);
    const RowScales of_row = ScalesOf(i, columns, choice);
    const auto add = [&](size_t j, float scale) {
      const float lost = values[j] - static_cast<float>(codes[j]) * scale;
      sums[j] += static_cast<double>(mean[i]) * static_cast<double>(lost);
    };
    if (of_row.run == 1) {
      for (size_t j = 0; j < columns; ++j) add(j, scales[of_row.first + j]);
      continue;
    }
    const size_t run = of_row.run == 0 ? columns : of_row.run;
    for (size_t j = 0; j < columns; ++j) add(j, scales[of_row.first + j / run]);
  }
  return std::vector<float>(sums.begin(), sums.end());
}

}  // namespace vlaq::numerics

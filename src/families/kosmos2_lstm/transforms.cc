#include "families/kosmos2_lstm/transforms.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vlaq::kosmos2_lstm {
namespace {

// Torch stacks the gates as input, forget, cell, output; ONNX as input, output, forget, cell (its LSTM operator).
constexpr std::array<size_t, 4> kOnnxGateFromTorch{0, 3, 1, 2};

void PermuteGates(Bytes in, MutableBytes out) {
  const size_t gate = in.size() / 4;
  for (size_t i = 0; i < 4; ++i) {
    std::copy_n(in.begin() + static_cast<std::ptrdiff_t>(kOnnxGateFromTorch[i] * gate), gate,
                out.begin() + static_cast<std::ptrdiff_t>(i * gate));
  }
}

// Rows of sines then cosines (docs/kosmos2_lstm.md 4.4): w_k = exp(-k ln(10000) / (half - 1)), row p = [sin(p w_k),
// cos(p w_k)]; row 1 belongs to the padding token and is zero. An odd width ends in a zero. Computed in float32 steps,
// as fairseq and transformers do, so that the angles carry the same rounding.
Tensor SinusoidalPositions(const Shape& shape) {
  Tensor table = Tensor::Make(DType::kF32, shape);
  const int64_t half = shape[1] / 2;
  const auto values = table.mutable_data<float>();
  const auto step = static_cast<float>(std::log(10000.0) / static_cast<double>(half - 1));
  for (int64_t p = 0; p < shape[0]; ++p) {
    if (p == 1) continue;
    for (int64_t k = 0; k < half; ++k) {
      const float frequency = std::exp(static_cast<float>(k) * -step);
      const float angle = static_cast<float>(p) * frequency;
      values[static_cast<size_t>(p * shape[1] + k)] = std::sin(angle);
      values[static_cast<size_t>(p * shape[1] + half + k)] = std::cos(angle);
    }
  }
  return table;
}

void ApplyGates(const std::vector<Tensor>& sources, const Shape&, MutableBytes out) {
  for (const Tensor& source : sources) {
    PermuteGates(source.bytes(), out.first(source.bytes().size()));
    out = out.subspan(source.bytes().size());
  }
}

void ApplyPositions(const std::vector<Tensor>&, const Shape& stored, MutableBytes out) {
  std::ranges::copy(SinusoidalPositions(stored).bytes(), out.begin());
}

std::optional<Shape> ShapeOfGates(const Shape& source, size_t sources) {
  if (sources != 1 || source.size() != 2 || source[0] % 4 != 0) return std::nullopt;
  return Shape{1, source[0], source[1]};
}

std::optional<Shape> ShapeOfBias(const Shape& source, size_t sources) {
  if (sources != 2 || source.size() != 1 || source[0] % 4 != 0) return std::nullopt;
  return Shape{1, 2 * source[0]};
}

}  // namespace

const families::Transform kLstmGates{"lstm_gates_ifgo_to_iofc", ShapeOfGates, ApplyGates};
const families::Transform kLstmBias{"lstm_bias_ifgo_to_iofc", ShapeOfBias, ApplyGates};
const families::Transform kPositions{"sinusoidal_positions", nullptr, ApplyPositions};

}  // namespace vlaq::kosmos2_lstm

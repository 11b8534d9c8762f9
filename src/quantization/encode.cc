#include "quantization/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/parallel.h"

namespace vlaq::quantization {
namespace {

// What share of max|w| kMse tries as the range, beside all of it.
constexpr std::array kShares = {0.98F, 0.96F, 0.94F, 0.92F, 0.9F, 0.87F, 0.84F, 0.8F, 0.75F, 0.7F};

struct Levels {
  float lowest, highest, most;  // codes, and the code that max|w| gets
};
Levels LevelsOf(Number number) { return number == Number::kInt4 ? Levels{-8, 7, 7} : Levels{-127, 127, 127}; }

// The elements that share a scale: `outer` runs of `run` neighbours, `stride` apart, from `begin` on. Runs of one group
// with inner extent > 1 are columns.
struct Group {
  size_t begin, count, stride;    // elements begin + i * stride ...
  size_t repeats, repeat_stride;  // ... and that again
};

Status CheckChoice(const Tensor& weight, const WeightChoice& choice) {
  const auto refuse = [&](std::string what) { return UsageError(fmt::format("weight '{}': {}", choice.name, what)); };
  if (choice.number != Number::kInt8 && choice.number != Number::kInt4) return refuse("only int8 and int4 are encoded");
  if (choice.granularity == Granularity::kTensor) return {};
  if (choice.axis < 0 || choice.axis >= weight.rank()) return refuse(fmt::format("there is no axis {}", choice.axis));
  if (choice.granularity != Granularity::kBlock) return {};
  if (weight.rank() != 2) return refuse("only matrices are cut into blocks");
  if (choice.block < 1) return refuse(fmt::format("a block of {} is not possible", choice.block));
  return {};
}

// Group number -> its elements; the order of the numbers is that of the scales.
std::vector<Group> GroupsOf(const Shape& shape, const WeightChoice& choice, Shape& scale_shape) {
  size_t total = 1;
  for (const int64_t extent : shape) total *= static_cast<size_t>(extent);
  if (choice.granularity == Granularity::kTensor) {
    scale_shape = {};
    return {{0, total, 1, 1, 0}};
  }
  const auto axis = static_cast<size_t>(choice.axis);
  const auto extent = static_cast<size_t>(shape[axis]);
  size_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= static_cast<size_t>(shape[i]);
  const size_t outer = extent == 0 || inner == 0 ? 0 : total / inner / extent;
  std::vector<Group> groups;
  if (choice.granularity == Granularity::kChannel) {
    scale_shape = {shape[axis]};
    for (size_t c = 0; c < extent; ++c) groups.push_back({c * inner, inner, 1, outer, extent * inner});
    return groups;
  }
  const auto block = static_cast<size_t>(choice.block);
  const size_t blocks = (extent + block - 1) / block;
  scale_shape = shape;
  scale_shape[axis] = static_cast<int64_t>(blocks);
  for (size_t o = 0; o < outer; ++o) {
    for (size_t b = 0; b < blocks; ++b) {
      for (size_t i = 0; i < inner; ++i) {
        groups.push_back({(o * extent + b * block) * inner + i, std::min(block, extent - b * block), inner, 1, 0});
      }
    }
  }
  return groups;
}

template <typename F>
void ForEach(const Group& group, F f) {
  for (size_t r = 0; r < group.repeats; ++r) {
    for (size_t i = 0; i < group.count; ++i) f(group.begin + r * group.repeat_stride + i * group.stride);
  }
}

float CodeOf(float value, float scale, const Levels& levels) {
  return std::clamp(std::nearbyint(value / scale), levels.lowest, levels.highest);
}

double SquaredError(const Group& group, std::span<const float> values, float scale, const Levels& levels) {
  double sum = 0;
  ForEach(group, [&](size_t i) {
    const double error = static_cast<double>(values[i] - scale * CodeOf(values[i], scale, levels));
    sum += error * error;
  });
  return sum;
}

// The scale of one group; 0 for a dead one.
float ChooseScale(const Group& group, std::span<const float> values, const Levels& levels, RangeMethod method) {
  float most = 0;
  ForEach(group, [&](size_t i) { most = std::max(most, std::fabs(values[i])); });
  const float full = most / levels.most;
  if (!(full > 0) || method != RangeMethod::kMse) return full;
  float best = full;
  double least = SquaredError(group, values, full, levels);
  for (const float share : kShares) {
    const double error = SquaredError(group, values, share * full, levels);
    if (error >= least) continue;
    least = error;
    best = share * full;
  }
  return best;
}

}  // namespace

Result<Encoded> Encode(const Tensor& weight, const WeightChoice& choice, int threads) {
  VLAQ_RETURN_IF_ERROR(CheckChoice(weight, choice));
  const auto values = weight.data<float>();
  for (const float value : values) {
    if (!std::isfinite(value)) {
      return InputError(fmt::format("weight '{}'", choice.name), fmt::format("holds {}", value));
    }
  }
  Shape scale_shape;
  const std::vector<Group> groups = GroupsOf(weight.shape(), choice, scale_shape);
  Encoded result;
  result.codes = Tensor::Make(DType::kI8, weight.shape());
  result.scales = Tensor::Make(DType::kF32, scale_shape);
  const auto codes = result.codes.mutable_data<int8_t>();
  const auto scales = result.scales.mutable_data<float>();
  const Levels levels = LevelsOf(choice.number);
  std::vector<Difference> differences(groups.size());
  std::vector<int64_t> clipped(groups.size());
  ParallelFor(groups.size(), threads, [&](size_t g) {
    const float chosen = ChooseScale(groups[g], values, levels, choice.range);
    const float scale = chosen > 0 ? chosen : 1;
    scales[g] = scale;
    std::vector<float> original, back;
    ForEach(groups[g], [&](size_t i) {
      const float code = CodeOf(values[i], scale, levels);
      codes[i] = static_cast<int8_t>(code);
      original.push_back(values[i]);
      back.push_back(code * scale);
      if (std::fabs(values[i] - code * scale) > 0.5001F * scale) ++clipped[g];
    });
    differences[g].Add(original, back);
  });
  for (size_t g = 0; g < groups.size(); ++g) {
    result.dead += differences[g].max_reference() == 0;
    result.distortion.AddGroup(static_cast<int64_t>(g), differences[g], clipped[g]);
  }
  return result;
}

Tensor PackInt4(const Tensor& codes) {
  const auto from = codes.data<int8_t>();
  Tensor packed = Tensor::Make(DType::kI4, codes.shape());
  const auto to = packed.mutable_bytes();
  for (size_t i = 0; i < from.size(); ++i) {
    const auto nibble = static_cast<std::byte>(static_cast<uint8_t>(from[i]) & 15U);
    to[i / 2] |= i % 2 == 0 ? nibble : nibble << 4U;
  }
  return packed;
}

NBits PackNBits(const Encoded& encoded, Number number, int64_t block) {
  const auto rows = static_cast<size_t>(encoded.codes.shape()[0]);
  const auto columns = static_cast<size_t>(encoded.codes.shape()[1]);
  const auto width = static_cast<size_t>(block);
  const size_t blocks = (rows + width - 1) / width;
  const size_t bits = number == Number::kInt4 ? 4 : 8;
  const size_t bytes = width * bits / 8;
  NBits result{Tensor::Make(DType::kU8,
                            {static_cast<int64_t>(columns), static_cast<int64_t>(blocks), static_cast<int64_t>(bytes)}),
               Tensor::Make(DType::kF32, {static_cast<int64_t>(columns), static_cast<int64_t>(blocks)})};
  const auto codes = encoded.codes.data<int8_t>();
  const auto scales = encoded.scales.data<float>();
  const auto values = result.values.mutable_data<uint8_t>();
  const auto packed_scales = result.scales.mutable_data<float>();
  for (size_t j = 0; j < columns; ++j) {
    for (size_t b = 0; b < blocks; ++b) {
      packed_scales[j * blocks + b] = scales[b * columns + j];
      for (size_t i = 0; i < width; ++i) {
        const size_t row = b * width + i;
        const int code = row < rows ? codes[row * columns + j] : 0;
        uint8_t& byte = values[(j * blocks + b) * bytes + i * bits / 8];
        const auto shifted = static_cast<uint8_t>(code + (bits == 4 ? 8 : 128));
        byte = bits == 8 ? shifted : static_cast<uint8_t>(byte | (i % 2 == 0 ? shifted : shifted << 4U));
      }
    }
  }
  return result;
}

}  // namespace vlaq::quantization

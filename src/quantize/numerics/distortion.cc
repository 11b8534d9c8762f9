#include "quantize/numerics/distortion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>

#include "base/parallel.h"
#include "tensor/shape.h"

namespace vlaq::numerics {
namespace {

constexpr int64_t kChannelsAtOnce = 64;
constexpr int64_t kAtOnce = 1024;          // elements that are read back together
constexpr float kClippedBeyond = 0.5001F;  // of a step

// A tensor as [outer, extent, inner], with the axis of `choice` in the middle.
struct Split {
  int64_t outer = 1, extent = 1, inner = 1;
  int64_t block = 1;   // indices of the axis that share a scale
  int64_t blocks = 1;  // of these

  Split(const Shape& shape, const WeightChoice& choice) {
    for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
      const int64_t size = shape[static_cast<size_t>(i)];
      if (choice.granularity == Granularity::kTensor) {
        inner *= size;
      } else {
        (i < choice.axis ? outer : i == choice.axis ? extent : inner) *= size;
      }
    }
    if (choice.granularity == Granularity::kBlock) block = choice.block;
    blocks = (extent + block - 1) / block;
  }
};

Shape ScaleShape(const Shape& shape, const WeightChoice& choice, const Split& split) {
  switch (choice.granularity) {
    case Granularity::kTensor:
      return {};
    case Granularity::kChannel:
      return {split.extent};
    case Granularity::kBlock:
      break;
  }
  Shape result = shape;
  result[static_cast<size_t>(choice.axis)] = split.blocks;
  return result;
}

// The part of a tensor that some indices of its axis have, all their scales' elements among them.
class Measurer {
 public:
  Measurer(const Tensor& original, const Tensor& codes, const Tensor& scales, const WeightChoice& choice)
      : split_(original.shape(), choice),
        blocks_(choice.granularity == Granularity::kBlock),
        original_(original.data<float>()),
        codes_(codes.data<int8_t>()),
        scales_(scales.data<float>()) {}

  int64_t parts() const { return (split_.extent + per_part() - 1) / per_part(); }

  Distortion Measure(int64_t part) const {
    const int64_t begin = part * per_part();
    const int64_t end = std::min(split_.extent, begin + per_part());
    const int64_t groups = blocks_ ? split_.outer * split_.inner : end - begin;
    std::vector<Difference> differences(static_cast<size_t>(groups));
    std::vector<int64_t> clipped(static_cast<size_t>(groups));
    Distortion result;
    std::vector<float> back(kAtOnce);
    for (int64_t o = 0; o < split_.outer; ++o) {
      for (int64_t a = begin; a < end; ++a) {
        const int64_t element = (o * split_.extent + a) * split_.inner;
        if (!blocks_) {
          const auto local = static_cast<size_t>(a - begin);
          clipped[local] += Add(element, split_.inner, a, back, differences[local], result);
          continue;
        }
        for (int64_t i = 0; i < split_.inner; ++i) {
          const auto local = static_cast<size_t>(o * split_.inner + i);
          clipped[local] += Add(element + i, 1, ScaleOfBlock(o, part, i), back, differences[local], result);
        }
      }
    }
    for (int64_t g = 0; g < groups; ++g) {
      const auto local = static_cast<size_t>(g);
      const int64_t scale = blocks_ ? ScaleOfBlock(g / split_.inner, part, g % split_.inner) : begin + g;
      result.AddGroup(scale, differences[local], clipped[local]);
    }
    return result;
  }

 private:
  int64_t per_part() const { return blocks_ ? split_.block : kChannelsAtOnce; }
  int64_t ScaleOfBlock(int64_t o, int64_t b, int64_t i) const { return (o * split_.blocks + b) * split_.inner + i; }

  // Elements [begin, begin + count), which have one scale; `back` is space for kAtOnce. Returns how many were clipped.
  int64_t Add(int64_t begin, int64_t count, int64_t scale_index, std::span<float> back, Difference& difference,
              Distortion& result) const {
    const float scale = scales_[static_cast<size_t>(scale_index)];
    int64_t clipped = 0;
    for (int64_t done = 0; done < count; done += kAtOnce) {
      const auto size = static_cast<size_t>(std::min(kAtOnce, count - done));
      const auto original = original_.subspan(static_cast<size_t>(begin + done), size);
      for (size_t i = 0; i < size; ++i) {
        const int8_t code = codes_[static_cast<size_t>(begin + done) + i];
        result.AddCode(code);
        back[i] = static_cast<float>(code) * scale;
        if (std::fabs(original[i] - back[i]) > kClippedBeyond * scale) ++clipped;
      }
      difference.Add(original, back.first(size));
    }
    return clipped;
  }

  Split split_;
  bool blocks_;
  std::span<const float> original_;
  std::span<const int8_t> codes_;
  std::span<const float> scales_;
};

Status CheckStored(const Tensor& original, const Tensor& codes, const Tensor& scales, const WeightChoice& choice) {
  const auto refuse = [&](std::string what) { return InputError(fmt::format("weight '{}'", choice.name), what); };
  if (choice.granularity != Granularity::kTensor && (choice.axis < 0 || choice.axis >= original.rank())) {
    return refuse(fmt::format("there is no axis {}", choice.axis));
  }
  if (choice.granularity == Granularity::kBlock && choice.block < 1) return refuse("has blocks of no elements");
  if (codes.dtype() != DType::kI8 || codes.shape() != original.shape()) {
    return refuse(
        fmt::format("the codes have shape {}, the weight {}", ShapeText(codes.shape()), ShapeText(original.shape())));
  }
  const Shape expected = ScaleShape(original.shape(), choice, Split(original.shape(), choice));
  if (scales.dtype() != DType::kF32 || scales.shape() != expected) {
    return refuse(fmt::format("the scales have shape {}, {} is right", ShapeText(scales.shape()), ShapeText(expected)));
  }
  const auto all = scales.data<float>();
  const auto bad = std::find_if(all.begin(), all.end(), [](float s) { return !(s > 0) || !std::isfinite(s); });
  if (bad != all.end()) return refuse(fmt::format("scale {} is {}", bad - all.begin(), *bad));
  const int lowest = choice.number == NumericType::kInt4 ? -8 : -127;
  const int highest = choice.number == NumericType::kInt4 ? 7 : 127;
  const auto stored = codes.data<int8_t>();
  const auto beyond = std::find_if(stored.begin(), stored.end(), [&](int8_t c) { return c < lowest || c > highest; });
  if (beyond == stored.end()) return {};
  return refuse(fmt::format("code {} is {}, which {} has not", beyond - stored.begin(), static_cast<int>(*beyond),
                            NumericTypeName(choice.number)));
}

}  // namespace

void Distortion::AddGroup(int64_t group, const Difference& difference, int64_t clipped) {
  difference_.Merge(difference);
  clipped_ += clipped;
  const Difference::Sums& sums = difference.sums();
  if (sums.max_reference < static_cast<double>(kNegligible)) return;
  const double noise = sums.squares / sums.reference_squares;
  if (noise < worst_noise_ || (noise == worst_noise_ && worst_group_ >= 0 && worst_group_ < group)) return;
  worst_noise_ = noise;
  worst_group_ = group;
}

void Distortion::AddCodes(const std::array<bool, 256>& seen) {
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) codes_.set(i);
  }
}

void Distortion::Merge(const Distortion& other) {
  difference_.Merge(other.difference_);
  clipped_ += other.clipped_;
  codes_ |= other.codes_;
  const bool worse =
      other.worst_noise_ > worst_noise_ || (other.worst_noise_ == worst_noise_ && other.worst_group_ < worst_group_);
  if (!worse) return;
  worst_noise_ = other.worst_noise_;
  worst_group_ = other.worst_group_;
}

double Distortion::worst_group_db() const {
  return worst_noise_ > 0 ? -10 * std::log10(worst_noise_) : std::numeric_limits<double>::infinity();
}

double Distortion::used_codes(NumericType number) const {
  return static_cast<double>(codes_.count()) / (number == NumericType::kInt4 ? 16 : 255);
}

Result<Distortion> Measure(const Tensor& original, const Tensor& codes, const Tensor& scales,
                           const WeightChoice& choice, int threads) {
  VLAQ_RETURN_IF_ERROR(CheckStored(original, codes, scales, choice));
  const Measurer measurer(original, codes, scales, choice);
  std::vector<Distortion> parts(static_cast<size_t>(measurer.parts()));
  ParallelFor(parts.size(), threads, [&](size_t i) { parts[i] = measurer.Measure(static_cast<int64_t>(i)); });
  Distortion result;
  for (const Distortion& part : parts) result.Merge(part);
  return result;
}

DistortionBounds BoundsFor(NumericType number, Granularity granularity) {
  const bool small = number == NumericType::kInt4;
  const double highest = small ? 27.7 : 52.9;
  switch (granularity) {
    case Granularity::kTensor:
      return small ? DistortionBounds{3, highest, 3} : DistortionBounds{12, highest, 12};
    case Granularity::kChannel:
      return small ? DistortionBounds{3, highest, 1} : DistortionBounds{20, highest, 14};
    case Granularity::kBlock:
      break;
  }
  return small ? DistortionBounds{8, highest, 4} : DistortionBounds{31, highest, 24};
}

std::optional<std::string> Complaint(const Distortion& distortion, const WeightChoice& choice) {
  constexpr int64_t kFewest = 64;
  if (distortion.worst_group() < 0 || distortion.difference().count() < kFewest) return std::nullopt;
  if (choice.range == RangeMethod::kMinMax && distortion.clipped() > 0) {
    return fmt::format(
        "{} values are read back more than half a step off, though the range was to hold all of them; the worst scale "
        "is "
        "number {}",
        distortion.clipped(), distortion.worst_group());
  }
  const DistortionBounds bounds = BoundsFor(choice.number, choice.granularity);
  const double db = distortion.signal_to_noise_db();
  const auto format = [&] {
    return fmt::format("{} by {}", NumericTypeName(choice.number), GranularityName(choice.granularity));
  };
  if (db < bounds.lowest_db) {
    return fmt::format("{:.1f} dB, {} leaves healthy weights at least {:.1f} dB", db, format(), bounds.lowest_db);
  }
  if (db > bounds.highest_db) {
    return fmt::format("{:.1f} dB, better than {} can be ({:.1f} dB)", db, format(), bounds.highest_db);
  }
  if (distortion.worst_group_db() >= bounds.lowest_group_db) return std::nullopt;
  return fmt::format("scale {} has {:.1f} dB, {} leaves healthy weights at least {:.1f} dB", distortion.worst_group(),
                     distortion.worst_group_db(), format(), bounds.lowest_group_db);
}

}  // namespace vlaq::numerics

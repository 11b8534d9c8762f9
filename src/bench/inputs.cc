#include "bench/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"
#include "runtime/noise.h"
#include "tensor/convert.h"

namespace vlaq::bench {
namespace {

using policy::InputType;

// To one digit: for CLIP's statistics -1.8 to 2.1.
struct PixelRange {
  double low = 0, high = 0;
};
PixelRange RangeOf(const image::PreprocessSpec& preprocess) {
  const image::Statistics& statistics = StatisticsOf(preprocess);
  PixelRange range{1e9, -1e9};
  for (size_t c = 0; c < statistics.mean.size(); ++c) {
    const double deviation = statistics.standard_deviation[c];
    range.low = std::min(range.low, -statistics.mean[c] / deviation);
    range.high = std::max(range.high, (1 - statistics.mean[c]) / deviation);
  }
  return {std::round(10 * range.low) / 10, std::round(10 * range.high) / 10};
}

void FillFloats(const policy::Input& input, Random random, std::span<float> values) {
  const bool image = input.type == InputType::kImage;
  const PixelRange range = image ? RangeOf(input.preprocess) : PixelRange{};
  for (float& x : values) {
    x = static_cast<float>(image ? random.Uniform(range.low, range.high) : random.Normal());
  }
}

bool IsInteger(DType dtype) {
  return !IsFloat(dtype) && DTypeBits(dtype) >= 8 && dtype != DType::kC64 && dtype != DType::kC128;
}

// Little-endian ones of any width.
void FillOnes(Tensor& tensor) {
  const size_t width = DTypeBits(tensor.dtype()) / 8;
  const MutableBytes bytes = tensor.mutable_bytes();
  for (size_t i = 0; i < bytes.size(); i += width) bytes[i] = std::byte{1};
}

Error CannotMakeUp(const policy::Input& input, const std::string& why) {
  return InputError(fmt::format("input '{}'", input.name), why, "give it with --inputs FILE.safetensors");
}

}  // namespace

std::string TensorName(const policy::Policy& policy, const policy::Input& input) {
  const bool frames = input.type == InputType::kImage && input.dtype == DType::kF32 &&
                      input.layout == policy::ImageLayout::kChw &&
                      std::all_of(policy.inputs.begin(), policy.inputs.end(), [&input](const policy::Input& other) {
                        return other.name == input.name || other.type == InputType::kText;
                      });
  return frames ? std::string(kFrames) : input.name;
}

Result<Tensor> MakeUp(const policy::Input& input, int64_t count, uint64_t seed, uint64_t stream) {
  if (input.type == InputType::kText) return CannotMakeUp(input, "is an instruction, which cannot be made up");
  Shape shape{count};
  for (const int64_t extent : input.shape) shape.push_back(extent < 0 ? 1 : extent);
  constexpr uint64_t kMaxBytes = uint64_t{1} << 36U;
  const auto bytes = ByteCount(input.dtype, shape);
  if (!bytes || *bytes > kMaxBytes) {
    return CannotMakeUp(input,
                        fmt::format("would be {} {}, which is too much", DTypeName(input.dtype), ShapeText(shape)));
  }
  Random random(seed, stream);
  if (IsFloat(input.dtype) && IsConvertible(DType::kF32, input.dtype)) {
    if (input.type == InputType::kNoise) {
      runtime::DrawnNoise room;
      return runtime::DrawNoise(input.noise, input.dtype, shape, random, room).Shared();
    }
    Tensor floats = Tensor::Make(DType::kF32, shape);
    FillFloats(input, random, floats.mutable_data<float>());
    if (input.dtype == DType::kF32) return floats;
    Tensor converted = Tensor::Make(input.dtype, std::move(shape));
    Convert(DType::kF32, floats.bytes(), input.dtype, converted.mutable_bytes());
    return converted;
  }
  if (!IsInteger(input.dtype)) {
    return CannotMakeUp(input, fmt::format("is {}, of which nothing can be made up", DTypeName(input.dtype)));
  }
  Tensor integers = Tensor::Make(input.dtype, std::move(shape));
  if (input.type == InputType::kImage && input.dtype == DType::kU8) {
    for (uint8_t& x : integers.mutable_data<uint8_t>()) x = static_cast<uint8_t>(random.Below(256));
  } else if (input.name.find("mask") != std::string::npos) {
    FillOnes(integers);
  }
  return integers;
}

Status WriteInputs(const std::filesystem::path& path, const backend::NamedTensors& tensors) {
  return checkpoint::WriteSafetensors(path, {tensors.begin(), tensors.end()});
}

Result<backend::NamedTensors> ReadInputs(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, checkpoint::Checkpoint::Open(path));
  backend::NamedTensors tensors;
  int64_t steps = -1;
  for (const checkpoint::Entry& entry : file->entries()) {
    const int64_t rows = entry.shape.empty() ? 0 : entry.shape[0];
    if (rows < 1 || (steps >= 0 && rows != steps)) {
      return InputError(path.string(),
                        fmt::format("its tensor '{}' is {}, which is not a row for each of the same steps", entry.name,
                                    ShapeText(entry.shape)));
    }
    steps = rows;
    tensors[entry.name] = file->Read(entry);
  }
  if (tensors.empty()) return InputError(path.string(), "holds no inputs");
  return tensors;
}

}  // namespace vlaq::bench

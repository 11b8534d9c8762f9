#include "cli/observations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "cli/frame_argument.h"

namespace vlaq::cli {
namespace {

// Extents of an input, of which -1 is any.
bool Agrees(std::span<const int64_t> shape, const Shape& wanted) {
  return std::equal(shape.begin(), shape.end(), wanted.begin(), wanted.end(),
                    [](int64_t extent, int64_t any) { return any == -1 || extent == any; });
}

// A picture may have any size.
Shape ShapeWanted(const Feature& input, const Tensor& tensor) {
  return input.type == FeatureType::kImage && tensor.dtype() == DType::kU8 ? Shape{-1, -1, 3} : input.shape;
}

enum class Fits { kNot, kOnce, kByStep };

Fits FitOf(const Feature& input, const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  const Shape wanted = ShapeWanted(input, tensor);
  if (Agrees(shape, wanted) || Agrees(shape, input.shape)) return Fits::kOnce;
  if (shape.empty()) return Fits::kNot;
  const std::span<const int64_t> row = std::span(shape).subspan(1);
  return Agrees(row, wanted) || Agrees(row, input.shape) ? Fits::kByStep : Fits::kNot;
}

std::vector<std::string> NamesOf(const std::vector<Feature>& inputs) {
  std::vector<std::string> names;
  for (const Feature& input : inputs) names.push_back(input.name);
  return names;
}

// The tensors of FILE.safetensors:PREFIX whose names begin so, under what is left of their names.
Result<std::map<std::string, Tensor>> ReadTensors(const std::string& source) {
  constexpr std::string_view kMark = ".safetensors:";
  const size_t mark = source.find(kMark);
  const std::string file = mark == std::string::npos ? source : source.substr(0, mark + kMark.size() - 1);
  const std::string prefix = mark == std::string::npos ? "" : source.substr(mark + kMark.size());
  VLAQ_ASSIGN_OR_RETURN(const auto opened, checkpoint::Checkpoint::Open(file));
  std::map<std::string, Tensor> tensors;
  for (const auto& entry : opened->entries()) {
    if (entry.name.starts_with(prefix)) tensors[entry.name.substr(prefix.size())] = opened->Read(entry);
  }
  if (tensors.empty()) return InputError(file, fmt::format("holds no tensor whose name begins with '{}'", prefix));
  return tensors;
}

}  // namespace

Result<Observations> Observations::Open(const std::vector<Feature>& inputs, const std::vector<std::string>& frames,
                                        const std::string& tensors, Log& log, Wanted wanted) {
  Observations all;
  bool counted = false;
  if (!frames.empty()) {
    std::vector<std::string> cameras;
    for (const Feature& input : inputs) {
      if (input.type == FeatureType::kImage) cameras.push_back(input.name);
    }
    if (cameras.size() != 1) {
      return UsageError(cameras.empty() ? "--frames: the policy has no camera"
                                        : fmt::format("--frames: the policy has {} cameras: {}", cameras.size(),
                                                      fmt::join(cameras, ", ")),
                        "give --inputs FILE.safetensors");
    }
    all.camera_ = cameras[0];
    VLAQ_ASSIGN_OR_RETURN(all.frames_, OpenFrames(frames, log));
    all.size_ = all.frames_->size();
    counted = true;
  }
  std::map<std::string, Tensor> read;
  if (!tensors.empty()) {
    VLAQ_ASSIGN_OR_RETURN(read, ReadTensors(tensors));
  }
  for (auto& [name, tensor] : read) {
    const auto input =
        std::find_if(inputs.begin(), inputs.end(), [&n = name](const Feature& feature) { return feature.name == n; });
    if (input == inputs.end()) {
      return InputError(tensors, fmt::format("'{}' is no input of the policy", name),
                        fmt::format("its inputs are {}", fmt::join(NamesOf(inputs), ", ")));
    }
    const Fits fits = FitOf(*input, tensor);
    if (fits == Fits::kNot) {
      return InputError(tensors,
                        fmt::format("'{}' is {} {}, and the input is {} {}", name, DTypeName(tensor.dtype()),
                                    ShapeText(tensor.shape()), DTypeName(input->dtype), ShapeText(input->shape)));
    }
    if (fits == Fits::kByStep) {
      const auto rows = static_cast<size_t>(tensor.shape()[0]);
      if (rows == 0 || (counted && rows != all.size_)) {
        return InputError(tensors, fmt::format("'{}' holds {} where there are {}", name, Counted(rows, "step"),
                                               counted ? Counted(all.size_, "step") : "none"));
      }
      all.size_ = rows;
      counted = true;
    }
    all.given_[name] = {std::move(tensor), fits == Fits::kByStep};
  }
  std::vector<std::string> missing;
  for (const Feature& input : inputs) {
    const bool needed = input.type == FeatureType::kImage || input.type == FeatureType::kState;
    if (needed && wanted == Wanted::kAll && !all.Gives(input.name)) missing.push_back(input.name);
  }
  if (!missing.empty()) {
    return UsageError(fmt::format("nothing is given for the policy's {}", fmt::join(missing, ", ")),
                      "give --frames for its camera, and --inputs FILE.safetensors for the rest");
  }
  return all;
}

Result<Observations::Step> Observations::Read(size_t index) const {
  Step step{fmt::format("step {}", index), {}, Begins(index)};
  for (const auto& [name, given] : given_) {
    step.observation.emplace(name, given.by_step ? given.tensor.Row(static_cast<int64_t>(index)) : given.tensor);
  }
  if (frames_ == nullptr) return step;
  VLAQ_ASSIGN_OR_RETURN(image::Frame frame, frames_->Read(index));
  step.name = frame.name;
  const image::ImageView& pixels = frame.pixels;
  step.observation.emplace(camera_, Tensor::View(DType::kU8, {pixels.height, pixels.width, 3},
                                                 std::as_bytes(pixels.rgb), std::move(frame.owner)));
  return step;
}

}  // namespace vlaq::cli

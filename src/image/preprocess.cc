#include "image/preprocess.h"

#include <fmt/format.h>

#include <cmath>

#include "base/names.h"

namespace vlaq::image {
namespace {

constexpr int kMaxImageSize = 4096;

struct NormalizationEntry {
  Normalization value;
  std::string_view name;
  Statistics statistics;
};

constexpr std::array<NormalizationEntry, 3> kNormalizations = {{
    {Normalization::kClip, "clip", {{0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}}},
    {Normalization::kImagenet, "imagenet", {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}},
    {Normalization::kNone, "none", {{0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}}},
}};

constexpr std::array kChannelOrders = {Named{ChannelOrder::kRgb, "rgb"}, Named{ChannelOrder::kBgr, "bgr"}};

const NormalizationEntry& EntryOf(Normalization normalization) {
  return kNormalizations[static_cast<size_t>(normalization)];
}

}  // namespace

std::string_view NormalizationName(Normalization normalization) { return EntryOf(normalization).name; }

std::optional<Normalization> FindNormalization(std::string_view name) { return FindIn(kNormalizations, name); }
std::vector<std::string> NormalizationNames() { return NamesIn(kNormalizations); }

std::string_view ChannelOrderName(ChannelOrder order) { return NameIn(kChannelOrders, order); }
std::optional<ChannelOrder> FindChannelOrder(std::string_view name) { return FindIn(kChannelOrders, name); }
std::vector<std::string> ChannelOrderNames() { return NamesIn(kChannelOrders); }

const Statistics& StatisticsOf(Normalization normalization) { return EntryOf(normalization).statistics; }

const Statistics& StatisticsOf(const PreprocessSpec& spec) {
  return spec.statistics ? *spec.statistics : StatisticsOf(spec.normalization);
}

Result<Preprocessor> Preprocessor::Make(const PreprocessSpec& spec) {
  for (const int side : {spec.width(), spec.height()}) {
    if (side >= 1 && side <= kMaxImageSize) continue;
    return UsageError(fmt::format("image size {} of the model is not between 1 and {}", side, kMaxImageSize));
  }
  const Statistics& statistics = StatisticsOf(spec);
  for (size_t channel = 0; channel < 3; ++channel) {
    const double deviation = statistics.standard_deviation[channel];
    if (deviation > 0 && std::isfinite(deviation) && std::isfinite(statistics.mean[channel])) continue;
    return UsageError(fmt::format("pixels cannot be normalized with a mean of {} and a standard deviation of {}",
                                  statistics.mean[channel], deviation));
  }
  return Preprocessor(spec);
}

// The tables are computed in double and rounded once, as NumPy does when the training side prepares its pixels.
Preprocessor::Preprocessor(const PreprocessSpec& spec)
    : spec_(spec),
      pixels_(static_cast<size_t>(spec.width()) * static_cast<size_t>(spec.height())),
      resizer_(spec.resize, spec.width(), spec.height(), spec.pass_order),
      table_{} {
  const Statistics& statistics = StatisticsOf(spec);
  for (size_t channel = 0; channel < 3; ++channel) {
    for (size_t value = 0; value < 256; ++value) {
      const double unit = static_cast<double>(value) / 255.0;
      table_[channel][value] =
          static_cast<float>((unit - statistics.mean[channel]) / statistics.standard_deviation[channel]);
    }
  }
}

Status Preprocessor::Run(const ImageView& frame, std::span<float> out) {
  if (out.size() != size()) {
    return InternalError("preprocess", fmt::format("room for {} floats, {} needed", out.size(), size()));
  }
  VLAQ_RETURN_IF_ERROR(resizer_.Resize(frame, resized_));
  const bool swap = spec_.channel_order == ChannelOrder::kBgr;
  for (size_t channel = 0; channel < 3; ++channel) {
    const std::array<float, 256>& table = table_[channel];
    const uint8_t* from = resized_.rgb.data() + (swap ? 2 - channel : channel);
    float* to = out.data() + channel * pixels_;
    for (size_t i = 0; i < pixels_; ++i) to[i] = table[from[3 * i]];
  }
  return {};
}

Result<Tensor> Preprocessor::Run(const ImageView& frame) {
  Tensor out = Tensor::Make(DType::kF32, {3, spec_.height(), spec_.width()});
  VLAQ_RETURN_IF_ERROR(Run(frame, out.mutable_data<float>()));
  return out;
}

Result<Tensor> Preprocessor::Run(const Tensor& frame) {
  VLAQ_ASSIGN_OR_RETURN(const ImageView view, ViewOf(frame, "frame"));
  return Run(view);
}

Result<ImageView> ViewOf(const Tensor& frame, std::string_view where) {
  const Shape& shape = frame.shape();
  if (frame.dtype() != DType::kU8 || shape.size() != 3 || shape[2] != 3 || !IsAllowedSize(shape[1], shape[0])) {
    return InputError(std::string(where), fmt::format("{} {} is not a picture, which is uint8 [height, width, 3]",
                                                      DTypeName(frame.dtype()), ShapeText(shape)));
  }
  return ImageView(static_cast<int>(shape[1]), static_cast<int>(shape[0]), frame.data<uint8_t>());
}

}  // namespace vlaq::image

// From a camera frame to what the vision tower reads: resized, scaled, normalized, channels first.
//
// The settings are plain data; where they come from (the policy) is not this module's business. A Preprocessor keeps
// buffers between frames, so one thread uses it at a time; make one per thread.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image/image.h"
#include "image/resize.h"
#include "tensor/tensor.h"

namespace vlaq::image {

// Mean and standard deviation per channel: CLIP's, ImageNet's, or 0 and 1 (pixels in [0, 1]).
enum class Normalization { kClip, kImagenet, kNone };
// What the bytes of a frame really are. kBgr: blue first, as some recorders store under an RGB label.
enum class ChannelOrder { kRgb, kBgr };

// "clip", "imagenet", "none"
std::string_view NormalizationName(Normalization normalization);
std::optional<Normalization> FindNormalization(std::string_view name);
std::vector<std::string> NormalizationNames();
// "rgb", "bgr"
std::string_view ChannelOrderName(ChannelOrder order);
std::optional<ChannelOrder> FindChannelOrder(std::string_view name);
std::vector<std::string> ChannelOrderNames();

struct Statistics {
  std::array<double, 3> mean;  // red, green, blue; of pixels in [0, 1]
  std::array<double, 3> standard_deviation;
};
const Statistics& StatisticsOf(Normalization normalization);

struct PreprocessSpec {
  Filter resize = Filter::kBicubic;
  Normalization normalization = Normalization::kClip;
  ChannelOrder channel_order = ChannelOrder::kRgb;
  PassOrder pass_order = PassOrder::kHorizontalFirst;
  int image_size = 224;                       // width of the model's input, pixels; the aspect ratio is not kept
  int image_height = 0;                       // 0: as high as wide
  std::optional<Statistics> statistics = {};  // in place of the normalization's own; deviations are above 0

  int width() const { return image_size; }
  int height() const { return image_height == 0 ? image_size : image_height; }
};
// What pixels are normalized with: the spec's own statistics, or those of its normalization.
const Statistics& StatisticsOf(const PreprocessSpec& spec);

class Preprocessor {
 public:
  // Errors: kUsage if a side is not 1 to 4096 pixels, or a standard deviation not above 0.
  static Result<Preprocessor> Make(const PreprocessSpec& spec);

  // Writes [3, H, W] float32, (x / 255 - mean) / deviation, red first, to `out`, which must hold exactly 3 * H * W.
  // Allocates nothing after the first frame of a size. Errors: kInput if `frame` is not a picture.
  Status Run(const ImageView& frame, std::span<float> out);
  // The same into a new tensor [3, H, W].
  Result<Tensor> Run(const ImageView& frame);
  // One uint8 [H, W, 3] tensor. Errors: kInput for another type or shape.
  Result<Tensor> Run(const Tensor& frame);

  const PreprocessSpec& spec() const { return spec_; }
  // Number of floats of one frame, 3 * H * W.
  size_t size() const { return 3 * pixels_; }

 private:
  explicit Preprocessor(const PreprocessSpec& spec);

  PreprocessSpec spec_;
  size_t pixels_;  // H * W
  Resizer resizer_;
  Image resized_;
  std::array<std::array<float, 256>, 3> table_;  // by output channel and pixel value
};

// The frame as a view of the tensor's bytes. Errors: kInput naming `where` unless it is uint8 [H, W, 3] of an allowed
// size.
Result<ImageView> ViewOf(const Tensor& frame, std::string_view where);

}  // namespace vlaq::image

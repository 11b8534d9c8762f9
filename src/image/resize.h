// Resizing of 8-bit RGB pictures with exactly Pillow's result, bit for bit: the training side used Pillow, and another
// library's "bicubic" (no antialiasing, other rounding) feeds the policy other pixels.
//
// Pillow's way: the filter grows with the shrink factor; weights are normalized in double and rounded to 22-bit fixed
// point; one axis is resized and rounded to 8 bits, then the other; a pass whose size does not change is left out.
// kNearest takes one source pixel for each target pixel.
//
// A Resizer keeps its weights and buffers between calls, so one thread uses it at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image/image.h"

namespace vlaq::image {

enum class Filter { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// "nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"
std::string_view FilterName(Filter filter);
std::optional<Filter> FindFilter(std::string_view name);
std::vector<std::string> FilterNames();

// Which axis goes first; seen only in the rounding, by a level or so. Pillow up to 12 always begins horizontally.
// Pillow 13 begins vertically where the height shrinks by more than twice as many pixels as the width (found by
// experiment: 5060 random sizes against 13.0.0, no exception; 12.3.0 does not do it). The two differ only for portrait
// frames and for pictures that grow in width while they shrink in height.
enum class PassOrder { kHorizontalFirst, kPillow13 };

// "horizontal_first", "pillow13"
std::string_view PassOrderName(PassOrder order);
std::optional<PassOrder> FindPassOrder(std::string_view name);
std::vector<std::string> PassOrderNames();

// How each of `out` target positions along one axis is made of source positions: `count[i]` of them from `first[i]`
// on, with the fixed-point weights at `weights[i * taps]`.
struct AxisWeights {
  int in = 0;
  int out = 0;
  int taps = 0;
  std::vector<int> first = {};
  std::vector<int> count = {};
  std::vector<int32_t> weights = {};
};

// Not for kNearest. Sizes are 1 to kMaxSide.
AxisWeights MakeAxisWeights(Filter filter, int in, int out);

class Resizer {
 public:
  // The target size must be allowed (image.h); a wrong one is reported by the first Resize().
  Resizer(Filter filter, int width, int height, PassOrder order = PassOrder::kHorizontalFirst)
      : filter_(filter), order_(order), width_(width), height_(height) {}

  // Writes the resized picture to `out`, whose buffer is reused. The first call for a source size computes the
  // weights. `out` must not own the bytes of `source`. Errors: kUsage for a target size that is not allowed, kInput
  // for a source that is not a picture.
  Status Resize(const ImageView& source, Image& out);

  Filter filter() const { return filter_; }
  int width() const { return width_; }
  int height() const { return height_; }

 private:
  void Prepare(int source_width, int source_height);
  void Nearest(const ImageView& source, Image& out);
  void HorizontalFirst(const ImageView& source, uint8_t* out);
  void VerticalFirst(const ImageView& source, uint8_t* out);
  // One pass over `source`, to `out`. `first_row`: the row of the whole picture that source begins with.
  void Horizontal(const ImageView& source, uint8_t* out);
  void Vertical(const ImageView& source, int first_row, uint8_t* out);

  Filter filter_;
  PassOrder order_;
  int width_;
  int height_;
  AxisWeights horizontal_;
  AxisWeights vertical_;
  std::vector<uint8_t> between_;  // the picture after the first pass
  std::vector<uint8_t> last_row_;
};

}  // namespace vlaq::image

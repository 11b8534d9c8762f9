// Resizing of 8-bit RGB pictures with exactly Pillow's result, bit for bit: the training side used Pillow, and another
// library's "bicubic" (no antialiasing, other rounding) feeds the policy other pixels.
//
// Pillow's way: the filter grows with the shrink factor; weights are normalised in double and rounded to 22-bit fixed
// point; first all rows are resized horizontally and rounded to 8 bits, then all columns; a pass whose size does not
// change is left out. kNearest takes one source pixel for each target pixel.
//
// A Resizer keeps its weights and buffers between calls, so one thread uses it at a time.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image/image.h"

namespace vlaq::image {

enum class Filter { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// "nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"
std::string_view FilterName(Filter filter);
std::optional<Filter> FindFilter(std::string_view name);

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
  Resizer(Filter filter, int width, int height) : filter_(filter), width_(width), height_(height) {}

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
  void Filtered(const ImageView& source, Image& out);
  void Horizontal(const ImageView& source, int first_row, int rows, uint8_t* out);

  Filter filter_;
  int width_;
  int height_;
  AxisWeights horizontal_;
  AxisWeights vertical_;
  std::vector<uint8_t> between_;  // rows after the horizontal pass
  std::vector<uint8_t> last_row_;
};

}  // namespace vlaq::image

// Where the elements of each scale lie in a tensor, and copying them into panels (encode_kernels.h) and codes back out.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "quantize/numerics/plan.h"
#include "tensor/shape.h"

namespace vlaq::numerics {

// The elements of one scale: begin + i * stride + r * repeat_stride for i < count, r < repeats.
struct Group {
  size_t begin = 0, count = 0, stride = 1;
  size_t repeats = 1, repeat_stride = 0;

  size_t size() const { return count * repeats; }
};

// Groups that are encoded together, as 8 lanes of one panel or as several panels of neighboring columns.
struct Tile {
  size_t first = 0;  // group
  size_t groups = 0;
};

// All groups of a tensor, in the order of its scales. `choice` must fit the shape.
class Groups {
 public:
  Groups(const Shape& shape, const WeightChoice& choice);

  size_t count() const { return bands_ * per_band_; }
  const Shape& scale_shape() const { return scale_shape_; }
  Group At(size_t group) const;

  // Whether groups of a tile are neighboring columns; else each is made of runs.
  bool columns() const { return columns_; }
  size_t tiles() const;
  Tile TileAt(size_t tile) const;
  // About; the last ones may be smaller.
  size_t elements_per_tile() const;

 private:
  bool columns_ = false;
  size_t bands_ = 1, per_band_ = 1, tiles_per_band_ = 1;
  size_t groups_per_tile_ = 1;
  Group first_;
  size_t group_step_ = 0, band_step_ = 0;  // from one group or band to the next
  size_t short_by_ = 0;                    // elements that the last group of each band (runs), or all of the last
                                           // band (columns), have less
  Shape scale_shape_;
};

// Codes that were written, by code + 128.
using SeenCodes = std::array<bool, 256>;

// `width` neighboring columns, the first of them `first`, to ceil(width / 8) panels of first.count rows each, one
// after the other. Lanes that are left over are 0.
void GatherColumns(std::span<const float> values, const Group& first, size_t width, float* panels);
void ScatterColumns(const int8_t* panels, const Group& first, size_t width, std::span<int8_t> codes, SeenCodes& seen);
// Up to 8 groups of runs (stride 1) to one panel of `rows` rows, the size of the largest; the rest is 0.
void GatherRuns(std::span<const float> values, std::span<const Group> groups, size_t rows, float* panel);
void ScatterRuns(const int8_t* panel, std::span<const Group> groups, std::span<int8_t> codes, SeenCodes& seen);

}  // namespace vlaq::numerics

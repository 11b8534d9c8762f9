#include "quantize/numerics/encode_groups.h"

#include <algorithm>
#include <cstring>

#include "quantize/numerics/encode_kernels.h"

namespace vlaq::numerics {
namespace {

constexpr size_t kMaxColumns = 64;   // 256 bytes of each row: with fewer, memory would mostly fetch what is not used
constexpr size_t kRowsAtOnce = 128;  // of a panel, 4 KB: they stay in the first cache while lane after lane is copied

size_t Product(const Shape& shape, size_t begin, size_t end) {
  size_t product = 1;
  for (size_t i = begin; i < end; ++i) product *= static_cast<size_t>(shape[i]);
  return product;
}

void Mark(SeenCodes& seen, int8_t code) { seen[static_cast<size_t>(code + 128)] = true; }

// f(lane, element of the tensor, row of the panel, how many) for pieces of runs, in an order that suits the cache.
template <typename F>
void ForPieces(std::span<const Group> groups, F f) {
  size_t most = 0, repeats = 0;
  for (const Group& group : groups) {
    most = std::max(most, group.count);
    repeats = std::max(repeats, group.repeats);
  }
  for (size_t r = 0; r < repeats; ++r) {
    for (size_t begin = 0; begin < most; begin += kRowsAtOnce) {
      for (size_t lane = 0; lane < groups.size(); ++lane) {
        const Group& group = groups[lane];
        if (begin >= group.count) continue;
        f(lane, group.begin + r * group.repeat_stride + begin, r * group.count + begin,
          std::min(kRowsAtOnce, group.count - begin));
      }
    }
  }
}

}  // namespace

Groups::Groups(const Shape& shape, const WeightChoice& choice) {
  const size_t total = Product(shape, 0, shape.size());
  if (choice.granularity == Granularity::kTensor) {
    first_.count = total;
    return;
  }
  const auto axis = static_cast<size_t>(choice.axis);
  const auto extent = static_cast<size_t>(shape[axis]);
  const size_t inner = Product(shape, axis + 1, shape.size());
  const size_t outer = Product(shape, 0, axis);
  if (choice.granularity == Granularity::kChannel) {
    scale_shape_ = {shape[axis]};
    per_band_ = extent;
    columns_ = inner == 1;
    first_ = columns_ ? Group{0, outer, extent, 1, 0} : Group{0, inner, 1, outer, extent * inner};
    group_step_ = inner;
  } else {
    const size_t block = std::min(static_cast<size_t>(choice.block), std::max<size_t>(extent, 1));
    const size_t blocks = (extent + block - 1) / block;
    scale_shape_ = shape;
    scale_shape_[axis] = static_cast<int64_t>(blocks);
    columns_ = axis == 0;
    short_by_ = blocks * block - extent;
    bands_ = columns_ ? blocks : outer;
    per_band_ = columns_ ? inner : blocks;
    first_ = Group{0, block, columns_ ? inner : 1, 1, 0};
    group_step_ = columns_ ? 1 : block;
    band_step_ = columns_ ? block * inner : extent;
  }
  groups_per_tile_ = columns_ ? kMaxColumns : kLanes;
  tiles_per_band_ = (per_band_ + groups_per_tile_ - 1) / groups_per_tile_;
}

Group Groups::At(size_t group) const {
  const size_t band = group / per_band_, within = group % per_band_;
  Group result = first_;
  result.begin += band * band_step_ + within * group_step_;
  const bool last = columns_ ? band + 1 == bands_ : within + 1 == per_band_;
  if (last) result.count -= short_by_;
  return result;
}

size_t Groups::tiles() const {
  // A panel takes any eight groups of runs, also of several bands.
  return columns_ ? bands_ * tiles_per_band_ : (count() + groups_per_tile_ - 1) / groups_per_tile_;
}

Tile Groups::TileAt(size_t tile) const {
  if (!columns_) return {tile * groups_per_tile_, std::min(groups_per_tile_, count() - tile * groups_per_tile_)};
  const size_t band = tile / tiles_per_band_, column = tile % tiles_per_band_ * groups_per_tile_;
  return {band * per_band_ + column, std::min(groups_per_tile_, per_band_ - column)};
}

size_t Groups::elements_per_tile() const {
  return first_.size() * std::min(groups_per_tile_, columns_ ? per_band_ : count());
}

void GatherColumns(std::span<const float> values, const Group& first, size_t width, float* panels) {
  const size_t whole = width / kLanes, left = width % kLanes;
  const size_t panel = first.count * kLanes;
  for (size_t row = 0; row < first.count; ++row) {
    const float* from = values.data() + first.begin + row * first.stride;
    float* to = panels + row * kLanes;
    for (size_t p = 0; p < whole; ++p) std::memcpy(to + p * panel, from + p * kLanes, kLanes * sizeof(float));
    if (left == 0) continue;
    std::memset(to + whole * panel, 0, kLanes * sizeof(float));
    std::memcpy(to + whole * panel, from + whole * kLanes, left * sizeof(float));
  }
}

void ScatterColumns(const int8_t* panels, const Group& first, size_t width, std::span<int8_t> codes, SeenCodes& seen) {
  const size_t panel = first.count * kLanes;
  for (size_t row = 0; row < first.count; ++row) {
    int8_t* to = codes.data() + first.begin + row * first.stride;
    const int8_t* from = panels + row * kLanes;
    for (size_t column = 0; column < width; column += kLanes, from += panel) {
      const size_t lanes = std::min(kLanes, width - column);
      if (lanes == kLanes) {
        std::memcpy(to + column, from, kLanes);
      } else {
        std::memcpy(to + column, from, lanes);
      }
      for (size_t lane = 0; lane < lanes; ++lane) Mark(seen, from[lane]);
    }
  }
}

void GatherRuns(std::span<const float> values, std::span<const Group> groups, size_t rows, float* panel) {
  const bool full = groups.size() == kLanes &&
                    std::all_of(groups.begin(), groups.end(), [&](const Group& group) { return group.size() == rows; });
  if (!full) std::fill_n(panel, rows * kLanes, 0.0F);
  ForPieces(groups, [&](size_t lane, size_t element, size_t row, size_t count) {
    const float* from = values.data() + element;
    float* to = panel + row * kLanes + lane;
    for (size_t i = 0; i < count; ++i) to[i * kLanes] = from[i];
  });
}

void ScatterRuns(const int8_t* panel, std::span<const Group> groups, std::span<int8_t> codes, SeenCodes& seen) {
  ForPieces(groups, [&](size_t lane, size_t element, size_t row, size_t count) {
    const int8_t* from = panel + row * kLanes + lane;
    int8_t* to = codes.data() + element;
    for (size_t i = 0; i < count; ++i) {
      const int8_t code = from[i * kLanes];
      to[i] = code;
      Mark(seen, code);
    }
  });
}

}  // namespace vlaq::numerics

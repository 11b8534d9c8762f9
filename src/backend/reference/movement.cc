// Operators that copy elements without looking at them; any element type of whole bytes.
#include <algorithm>
#include <array>
#include <numeric>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"

namespace vlaq::backend {
namespace {

size_t ItemBytes(const Tensor& tensor) { return DTypeBits(tensor.dtype()) / 8; }

Result<Tensors> Single(Result<Tensor> tensor) {
  if (!tensor.ok()) return tensor.error();
  return Tensors{*std::move(tensor)};
}

Result<Tensors> Transpose(const Call& call) {
  const Tensor& x = call.In(0);
  const size_t rank = x.shape().size();
  std::vector<size_t> order(rank);
  std::iota(order.rbegin(), order.rend(), 0);
  if (call.node().attributes.count("perm") > 0) {
    const auto perm = call.node().Ints("perm");
    VLAQ_ASSIGN_OR_RETURN(const auto axes, NormalizeAxes(perm, rank));
    if (axes.size() != rank) return Refuse(fmt::format("perm {} does not fit rank {}", ShapeText(perm), rank));
    std::transform(perm.begin(), perm.end(), order.begin(),
                   [&](int64_t axis) { return static_cast<size_t>(axis < 0 ? axis + x.rank() : axis); });
  }
  return Single(Permuted(x, order));
}

Result<Tensors> Concat(const Call& call) {
  const Tensor& first = call.In(0);
  VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(call.node().Int("axis", 0), first.shape().size()));
  Shape shape = first.shape();
  shape[axis] = 0;
  for (size_t i = 0; i < call.input_count(); ++i) {
    if (call.Find(i) == nullptr) return Refuse(fmt::format("input {} is missing", i));
    Shape own = call.In(i).shape();
    if (call.In(i).dtype() != first.dtype()) return Refuse("its inputs have different types");
    const int64_t extent = own.size() == shape.size() ? std::exchange(own[axis], shape[axis]) : 0;
    if (own != shape) {
      return Refuse(fmt::format("{} and {} do not join along axis {}", ShapeText(first.shape()),
                                ShapeText(call.In(i).shape()), axis));
    }
    shape[axis] += extent;
  }
  VLAQ_ASSIGN_OR_RETURN(Tensor out, NewTensor(first.dtype(), shape));
  const int64_t outer = Product(shape, 0, axis);
  std::byte* to = out.mutable_bytes().data();
  for (int64_t o = 0; o < outer; ++o) {
    for (size_t i = 0; i < call.input_count(); ++i) {
      const size_t block = call.In(i).bytes().size() / static_cast<size_t>(outer);
      std::copy_n(call.In(i).bytes().data() + static_cast<size_t>(o) * block, block, to);
      to += block;
    }
  }
  return Tensors{out};
}

// One axis of a Slice: the first index, the step and how many elements.
struct SliceRange {
  int64_t start, step, count;
};

// `start` and `end` may lie anywhere in int64; they are clamped as ONNX says.
Result<SliceRange> ClampRange(int64_t start, int64_t end, int64_t step, int64_t extent) {
  if (step == 0) return Refuse("a step of 0");
  const auto wrapped = [&](int64_t index) { return index < 0 ? index + extent : index; };
  const bool forward = step > 0;
  const int64_t from = std::clamp<int64_t>(wrapped(start), 0, forward ? extent : extent - 1);
  const int64_t to = std::clamp<int64_t>(wrapped(end), forward ? 0 : -1, extent);
  const int64_t distance = to - from;
  if (extent == 0 || distance == 0 || (distance > 0) != forward) return SliceRange{0, 0, 0};
  const int64_t count = distance / step + (distance % step != 0 ? 1 : 0);
  return SliceRange{from, count > 1 ? step : 0, count};  // a huge step is never multiplied
}

Result<Tensors> Slice(const Call& call) {
  const Tensor& x = call.In(0);
  const size_t rank = x.shape().size();
  VLAQ_ASSIGN_OR_RETURN(const auto starts, call.Integers(1));
  VLAQ_ASSIGN_OR_RETURN(const auto ends, call.Integers(2));
  std::vector<int64_t> axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  std::vector<int64_t> steps(starts.size(), 1);
  if (call.Find(3) != nullptr) {
    VLAQ_ASSIGN_OR_RETURN(axes, call.Integers(3));
  }
  if (call.Find(4) != nullptr) {
    VLAQ_ASSIGN_OR_RETURN(steps, call.Integers(4));
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    return Refuse("starts, ends, axes and steps have different lengths");
  }
  VLAQ_RETURN_IF_ERROR(NormalizeAxes(axes, rank));  // none twice
  Shape shape = x.shape();
  Shape strides = RowMajorStrides(shape);
  int64_t offset = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axes[i], rank));
    VLAQ_ASSIGN_OR_RETURN(const SliceRange range, ClampRange(starts[i], ends[i], steps[i], x.shape()[axis]));
    offset += range.start * strides[axis];
    shape[axis] = range.count;
    strides[axis] *= range.step;
  }
  return Single(Gathered(x, shape, strides, offset));
}

Result<Tensors> Split(const Call& call) {
  const Tensor& x = call.In(0);
  VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(call.node().Int("axis", 0), x.shape().size()));
  const auto parts = static_cast<int64_t>(call.node().outputs.size());
  const int64_t extent = x.shape()[axis];
  std::vector<int64_t> lengths;
  if (call.Find(1) != nullptr) {
    VLAQ_ASSIGN_OR_RETURN(lengths, call.Integers(1));
  } else if (parts > 0 && extent % parts == 0) {
    lengths.assign(static_cast<size_t>(parts), extent / parts);
  }
  const bool positive = std::all_of(lengths.begin(), lengths.end(), [&](int64_t l) { return l >= 0 && l <= extent; });
  if (!positive || lengths.size() != static_cast<size_t>(parts) ||
      std::accumulate(lengths.begin(), lengths.end(), int64_t{0}) != extent) {
    return Refuse(fmt::format("an axis of {} does not split into {} parts of {}", extent, parts, ShapeText(lengths)));
  }
  Tensors out;
  int64_t start = 0;
  const Shape strides = RowMajorStrides(x.shape());
  for (const int64_t length : lengths) {
    Shape shape = x.shape();
    shape[axis] = length;
    VLAQ_ASSIGN_OR_RETURN(Tensor part, Gathered(x, std::move(shape), strides, start * strides[axis]));
    out.push_back(std::move(part));
    start += length;
  }
  return out;
}

// Indices from [-extent, extent) as [0, extent).
Result<std::vector<int64_t>> ReadIndices(const Tensor& indices, int64_t extent) {
  if (indices.dtype() != DType::kI32 && indices.dtype() != DType::kI64) return Refuse("indices must be int32 or int64");
  auto values = ToIntegers(indices);
  for (int64_t& value : values) {
    if (value < -extent || value >= extent) return Refuse(fmt::format("index {} is outside of {}", value, extent));
    if (value < 0) value += extent;
  }
  return values;
}

Result<Tensors> Gather(const Call& call) {
  const Tensor& x = call.In(0);
  const Shape& in = x.shape();
  VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(call.node().Int("axis", 0), in.size()));
  VLAQ_ASSIGN_OR_RETURN(const auto indices, ReadIndices(call.In(1), in[axis]));
  Shape shape(in.begin(), in.begin() + static_cast<ptrdiff_t>(axis));
  shape.insert(shape.end(), call.In(1).shape().begin(), call.In(1).shape().end());
  shape.insert(shape.end(), in.begin() + static_cast<ptrdiff_t>(axis) + 1, in.end());
  VLAQ_ASSIGN_OR_RETURN(Tensor out, NewTensor(x.dtype(), shape));
  const size_t block = static_cast<size_t>(Product(in, axis + 1, in.size())) * ItemBytes(x);
  const int64_t outer = Product(in, 0, axis);
  std::byte* to = out.mutable_bytes().data();
  for (int64_t o = 0; o < outer; ++o) {
    for (const int64_t index : indices) {
      std::copy_n(x.bytes().data() + static_cast<size_t>(o * in[axis] + index) * block, block, to);
      to += block;
    }
  }
  return Tensors{out};
}

// out[i][j][k] = x[i][index[i][j][k]][k] for axis 1.
Result<Tensors> GatherElements(const Call& call) {
  const Tensor& x = call.In(0);
  const Shape& shape = call.In(1).shape();
  VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(call.node().Int("axis", 0), x.shape().size()));
  bool fits = shape.size() == x.shape().size();
  for (size_t i = 0; fits && i < shape.size(); ++i) fits = i == axis || shape[i] <= x.shape()[i];
  if (!fits) return Refuse(fmt::format("indices {} do not fit {}", ShapeText(shape), ShapeText(x.shape())));
  VLAQ_ASSIGN_OR_RETURN(const auto indices, ReadIndices(call.In(1), x.shape()[axis]));
  VLAQ_ASSIGN_OR_RETURN(Tensor out, NewTensor(x.dtype(), shape));
  const Shape from = RowMajorStrides(x.shape());
  const Shape own = RowMajorStrides(shape);
  const size_t item = ItemBytes(x);
  for (size_t i = 0; i < indices.size(); ++i) {
    int64_t at = 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      const int64_t position = static_cast<int64_t>(i) / own[d] % shape[d];
      at += (d == axis ? indices[i] : position) * from[d];
    }
    std::copy_n(x.bytes().data() + static_cast<size_t>(at) * item, item, out.mutable_bytes().data() + i * item);
  }
  return Tensors{out};
}

// Broadcasts both ways: an extent of 1 in the shape keeps the input's.
Result<Tensors> Expand(const Call& call) {
  VLAQ_ASSIGN_OR_RETURN(const Shape wanted, call.Integers(1));
  VLAQ_ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(call.In(0).shape(), wanted));
  return Single(BroadcastTo(call.In(0), shape));
}

Result<Tensors> Tile(const Call& call) {
  const Tensor& x = call.In(0);
  VLAQ_ASSIGN_OR_RETURN(const auto repeats, call.Integers(1));
  if (repeats.size() != x.shape().size()) return Refuse("needs one repeat per axis");
  // Seen as [repeat, extent] pairs, the repeated axes have stride 0.
  const Shape own = RowMajorStrides(x.shape());
  Shape pairs;
  Shape strides;
  Shape shape = x.shape();
  for (size_t i = 0; i < repeats.size(); ++i) {
    pairs.insert(pairs.end(), {repeats[i], x.shape()[i]});
    strides.insert(strides.end(), {0, own[i]});
    const auto extent = CheckedMul(shape[i], repeats[i]);
    if (!extent || repeats[i] < 0) return Refuse(fmt::format("cannot repeat {} times", repeats[i]));
    shape[i] = *extent;
  }
  VLAQ_ASSIGN_OR_RETURN(const Tensor out, Gathered(x, std::move(pairs), strides, 0));
  return Tensors{out.Reshaped(std::move(shape))};
}

constexpr std::array kMovementOperators{
    Operator{"Transpose", 1, 1, Transpose}, Operator{"Concat", 1, kAnyNumber, Concat},
    Operator{"Slice", 3, 5, Slice},         Operator{"Split", 1, 2, Split},
    Operator{"Gather", 2, 2, Gather},       Operator{"GatherElements", 2, 2, GatherElements},
    Operator{"Expand", 2, 2, Expand},       Operator{"Tile", 2, 2, Tile},
};

}  // namespace

std::span<const Operator> MovementOperators() { return kMovementOperators; }

}  // namespace vlaq::backend

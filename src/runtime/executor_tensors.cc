#include "runtime/executor_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace vlaq::runtime {
namespace {

size_t BytesAfter(const Tensor& tensor, size_t axis) {
  size_t bytes = DTypeBits(tensor.dtype()) / 8;
  for (size_t i = axis + 1; i < tensor.shape().size(); ++i) bytes *= static_cast<size_t>(tensor.shape()[i]);
  return bytes;
}

bool FitsAlong(const Tensor& first, const Tensor& part, size_t axis) {
  if (part.dtype() != first.dtype() || part.rank() != first.rank()) return false;
  for (size_t i = 0; i < first.shape().size(); ++i) {
    if (i != axis && part.shape()[i] != first.shape()[i]) return false;
  }
  return true;
}

}  // namespace

bool SameTensor(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const Bytes x = a.bytes();
  const Bytes y = b.bytes();
  return x.data() == y.data() || x.empty() || std::memcmp(x.data(), y.data(), x.size()) == 0;
}

Result<Tensor> Stacked(std::span<const Tensor> rows) {
  const Tensor& first = rows.front();
  Shape shape = first.shape();
  shape[0] = 0;
  for (const Tensor& row : rows) {
    Shape rest = row.shape();
    rest[0] = first.shape()[0];
    if (row.dtype() != first.dtype() || rest != first.shape()) {
      return UsageError(
          fmt::format("steps of {} and of {} do not run at once", ShapeText(first.shape()), ShapeText(row.shape())));
    }
    shape[0] += row.shape()[0];
  }
  Tensor all = Tensor::Make(first.dtype(), std::move(shape));
  std::byte* to = all.mutable_bytes().data();
  for (const Tensor& row : rows) {
    std::memcpy(to, row.bytes().data(), row.bytes().size());
    to += row.bytes().size();
  }
  return all;
}

Status SelectAlong(const Tensor& value, size_t axis, int64_t index, MadeTensor& selected) {
  const int64_t extent = axis < value.shape().size() ? value.shape()[axis] : 0;
  if (index < -extent || index >= extent || DTypeBits(value.dtype()) % 8 != 0) {
    return InputError("", fmt::format("there is no index {} along axis {} of {} {}", index, axis,
                                      DTypeName(value.dtype()), ShapeText(value.shape())));
  }
  Shape& shape = selected.shape;
  shape = value.shape();
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  Tensor& made = selected.tensor.Take(value.dtype(), shape);
  const size_t piece = BytesAfter(value, axis);
  const auto at = static_cast<size_t>(index < 0 ? index + extent : index);
  std::byte* to = made.mutable_bytes().data();
  for (size_t from = at * piece; from < value.bytes().size();
       from += static_cast<size_t>(extent) * piece, to += piece) {
    std::memcpy(to, value.bytes().data() + from, piece);
  }
  return {};
}

Status ConcatAlong(std::span<const Tensor> values, std::span<const size_t> parts, size_t axis, MadeTensor& whole) {
  const Tensor& first = values[parts.front()];
  Shape& shape = whole.shape;
  shape = first.shape();
  if (axis >= shape.size() || DTypeBits(first.dtype()) % 8 != 0) {
    return InputError("",
                      fmt::format("there is no axis {} in {} {}", axis, DTypeName(first.dtype()), ShapeText(shape)));
  }
  shape[axis] = 0;
  for (const size_t index : parts) {
    const Tensor& part = values[index];
    if (!FitsAlong(first, part, axis)) {
      return InputError(
          "", fmt::format("{} {} and {} {} do not go one after the other along axis {}", DTypeName(first.dtype()),
                          ShapeText(first.shape()), DTypeName(part.dtype()), ShapeText(part.shape()), axis));
    }
    shape[axis] += part.shape()[axis];
  }
  Tensor& made = whole.tensor.Take(first.dtype(), shape);
  const size_t piece = BytesAfter(first, axis);
  const size_t stride = static_cast<size_t>(shape[axis]) * piece;
  size_t offset = 0;  // of the part along the axis
  for (const size_t index : parts) {
    const Tensor& part = values[index];
    const size_t run = static_cast<size_t>(part.shape()[axis]) * piece;
    std::byte* to = made.mutable_bytes().data() + offset;
    for (size_t from = 0; from < part.bytes().size(); from += run, to += stride) {
      std::memcpy(to, part.bytes().data() + from, run);
    }
    offset += run;
  }
  return {};
}

}  // namespace vlaq::runtime

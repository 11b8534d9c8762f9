#include "backend/reference/numbers.h"

#include <algorithm>
#include <set>

#include "backend/reference/call.h"
#include "tensor/convert.h"
#include "tensor/layout.h"

namespace vlaq::backend {
namespace {

constexpr uint64_t kLargestTensor = uint64_t{16} << 30U;

// Calls f with a value of the C++ type of an integral dtype.
template <typename F>
void WithIntegralType(DType dtype, F f) {
  switch (dtype) {
    case DType::kBool:
    case DType::kU8:
      return f(uint8_t{});
    case DType::kI8:
      return f(int8_t{});
    case DType::kU16:
      return f(uint16_t{});
    case DType::kI16:
      return f(int16_t{});
    case DType::kU32:
      return f(uint32_t{});
    case DType::kI32:
      return f(int32_t{});
    case DType::kU64:
      return f(uint64_t{});
    case DType::kI64:
      return f(int64_t{});
    case DType::kF8E4M3FN:
    case DType::kF8E5M2:
    case DType::kF8E4M3FNUZ:
    case DType::kF8E5M2FNUZ:
    case DType::kF8E8M0FNU:
    case DType::kU4:
    case DType::kI4:
    case DType::kF6E2M3FN:
    case DType::kF6E3M2FN:
    case DType::kF4E2M1FN:
    case DType::kF16:
    case DType::kBF16:
    case DType::kF32:
    case DType::kF64:
    case DType::kC64:
    case DType::kC128:
      assert(false && "see IsIntegral");
  }
}

}  // namespace

std::vector<double> ToDoubles(const Tensor& tensor) {
  std::vector<double> values(static_cast<size_t>(tensor.size()));
  Convert(tensor.dtype(), tensor.bytes(), DType::kF64, std::as_writable_bytes(std::span(values)));
  return values;
}

std::vector<int64_t> ToIntegers(const Tensor& tensor) {
  std::vector<int64_t> values(static_cast<size_t>(tensor.size()));
  WithIntegralType(tensor.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (size_t i = 0; i < values.size(); ++i) {
      // NOLINTNEXTLINE(bugprone-signed-char-misuse): int8 are numbers here, not characters
      values[i] = static_cast<int64_t>(LoadLittle<T>(tensor.bytes(), i * sizeof(T)));
    }
  });
  return values;
}

Tensor FromDoubles(DType dtype, Shape shape, std::span<const double> values) {
  Tensor tensor = Tensor::Make(dtype, std::move(shape));
  Convert(DType::kF64, std::as_bytes(values), dtype, tensor.mutable_bytes());
  return tensor;
}

Tensor FromIntegers(DType dtype, Shape shape, std::span<const int64_t> values) {
  Tensor tensor = Tensor::Make(dtype, std::move(shape));
  const bool is_bool = dtype == DType::kBool;
  WithIntegralType(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (size_t i = 0; i < values.size(); ++i) {
      const T value = is_bool ? static_cast<T>(values[i] != 0) : static_cast<T>(values[i]);
      std::memcpy(tensor.mutable_bytes().data() + i * sizeof(T), &value, sizeof(T));
    }
  });
  return tensor;
}

bool IsReal(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 || dtype == DType::kF64;
}

bool IsIntegral(DType dtype) { return !IsFloat(dtype) && dtype != DType::kC64 && dtype != DType::kC128; }

Status ExpectReal(const Tensor& tensor) {
  if (IsReal(tensor.dtype())) return {};
  return Refuse(fmt::format("does not take {} values", DTypeName(tensor.dtype())));
}

Result<Tensor> NewTensor(DType dtype, Shape shape) {
  const auto bytes = ByteCount(dtype, shape);
  if (!bytes || *bytes > kLargestTensor) {
    return Refuse(fmt::format("cannot make a {} tensor of shape {}", DTypeName(dtype), ShapeText(shape)));
  }
  return Tensor::Make(dtype, std::move(shape));
}

Result<size_t> NormalizeAxis(int64_t axis, size_t rank) {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return Refuse(fmt::format("axis {} is outside of rank {}", axis, rank));
  }
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

Result<std::vector<size_t>> NormalizeAxes(std::span<const int64_t> axes, size_t rank) {
  std::set<size_t> sorted;
  for (const int64_t axis : axes) {
    VLAQ_ASSIGN_OR_RETURN(const size_t index, NormalizeAxis(axis, rank));
    if (!sorted.insert(index).second) return Refuse(fmt::format("axis {} stands twice", axis));
  }
  return std::vector<size_t>(sorted.begin(), sorted.end());
}

int64_t Product(const Shape& shape, size_t begin, size_t end) {
  int64_t product = 1;
  for (size_t i = begin; i < end; ++i) product *= shape[i];
  return product;
}

Result<Shape> BroadcastShape(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape shape(rank, 1);
  for (size_t i = 0; i < rank; ++i) {  // from the last axis
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      return Refuse(fmt::format("the shapes {} and {} do not broadcast", ShapeText(a), ShapeText(b)));
    }
    shape[rank - 1 - i] = x == 1 ? y : x;
  }
  return shape;
}

Result<Tensor> Gathered(const Tensor& tensor, Shape shape, const Shape& strides, int64_t offset) {
  VLAQ_ASSIGN_OR_RETURN(Tensor out, NewTensor(tensor.dtype(), std::move(shape)));
  Pack(tensor.bytes(), {out.shape(), strides, offset}, DTypeBits(tensor.dtype()) / 8, out.mutable_bytes());
  return out;
}

Result<Tensor> BroadcastTo(const Tensor& tensor, const Shape& shape) {
  if (tensor.shape() == shape) return tensor;
  const Shape own = RowMajorStrides(tensor.shape());
  const size_t added = shape.size() - own.size();
  Shape strides(shape.size(), 0);
  for (size_t i = 0; i < own.size(); ++i) strides[added + i] = tensor.shape()[i] == 1 ? 0 : own[i];
  return Gathered(tensor, shape, strides, 0);
}

Result<Tensor> Permuted(const Tensor& tensor, std::span<const size_t> order) {
  const Shape own = RowMajorStrides(tensor.shape());
  Shape shape;
  Shape strides;
  for (const size_t axis : order) {
    shape.push_back(tensor.shape()[axis]);
    strides.push_back(own[axis]);
  }
  return Gathered(tensor, std::move(shape), strides, 0);
}

}  // namespace vlaq::backend

#include "verify/dequantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tensor/convert.h"

namespace vlaq::verify {
namespace {

Error DoesNotFit(const Tensor& codes, const Tensor& scales) {
  return InputError("",
                    fmt::format("scales {} do not fit codes {}", ShapeText(scales.shape()), ShapeText(codes.shape())));
}

// Integer element `i` of a tensor of a code type.
int32_t CodeAt(const Tensor& codes, size_t i) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(codes.bytes().data());
  if (codes.dtype() == DType::kI8) return static_cast<int8_t>(bytes[i]);
  if (codes.dtype() == DType::kU8) return bytes[i];
  const int32_t nibble = (bytes[i / 2] >> (i % 2 == 0 ? 0U : 4U)) & 0xF;
  return codes.dtype() == DType::kI4 && nibble > 7 ? nibble - 16 : nibble;
}

bool IsCodeType(DType dtype) {
  return dtype == DType::kI8 || dtype == DType::kU8 || dtype == DType::kI4 || dtype == DType::kU4;
}

// Which scale element `i` of a tensor has.
class ScaleOf {
 public:
  static Result<ScaleOf> Make(const Tensor& codes, const Tensor& scales, int64_t axis, int64_t block) {
    ScaleOf of;
    if (block < 0) return InputError("", fmt::format("has blocks of {}", block));
    if (scales.size() == 1 && block == 0) return of;
    const auto rank = static_cast<int64_t>(codes.shape().size());
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return InputError("", fmt::format("has no axis {}", axis));
    of.extent_ = static_cast<size_t>(codes.shape()[static_cast<size_t>(axis)]);
    of.inner_ = 1;
    for (size_t d = static_cast<size_t>(axis) + 1; d < codes.shape().size(); ++d) {
      of.inner_ *= static_cast<size_t>(codes.shape()[d]);
    }
    of.block_ = static_cast<size_t>(block);
    Shape expected{codes.shape()[static_cast<size_t>(axis)]};
    if (block > 0) {
      expected = codes.shape();
      expected[static_cast<size_t>(axis)] = (expected[static_cast<size_t>(axis)] + block - 1) / block;
      of.blocks_ = static_cast<size_t>(expected[static_cast<size_t>(axis)]);
    }
    if (scales.shape() != expected) return DoesNotFit(codes, scales);
    return of;
  }
  size_t operator()(size_t i) const {
    if (extent_ == 0) return 0;
    const size_t along = i / inner_ % extent_;
    if (block_ == 0) return along;
    return (i / inner_ / extent_ * blocks_ + along / block_) * inner_ + i % inner_;
  }

 private:
  size_t extent_ = 0, inner_ = 1, block_ = 0, blocks_ = 0;
};

}  // namespace

Result<Tensor> Dequantize(const Tensor& codes, const Tensor& scales, const Tensor* zeros, int64_t axis, int64_t block) {
  if (!IsCodeType(codes.dtype())) {
    return InputError("", fmt::format("codes are {}, which vlaq does not read", DTypeName(codes.dtype())));
  }
  VLAQ_ASSIGN_OR_RETURN(const Tensor wide_scales, ToFloat32(scales));
  VLAQ_ASSIGN_OR_RETURN(const ScaleOf scale_of, ScaleOf::Make(codes, scales, axis, block));
  if (zeros != nullptr && (zeros->size() != scales.size() || zeros->dtype() != codes.dtype())) {
    return InputError("", "zero points do not fit the codes and scales");
  }
  Tensor result = Tensor::Make(DType::kF32, codes.shape());
  const auto s = wide_scales.data<float>();
  const auto out = result.mutable_data<float>();
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t group = scale_of(i);
    const int32_t zero = zeros == nullptr ? 0 : CodeAt(*zeros, group);
    out[i] = static_cast<float>(CodeAt(codes, i) - zero) * s[group];
  }
  return result;
}

Result<Tensor> Quantize(const Tensor& values, const Tensor& scales, const Tensor* zeros, int64_t axis) {
  const DType dtype = zeros == nullptr ? DType::kU8 : zeros->dtype();
  if (dtype != DType::kI8 && dtype != DType::kU8) {
    return InputError("", fmt::format("quantizes to {}, which vlaq does not read", DTypeName(dtype)));
  }
  VLAQ_ASSIGN_OR_RETURN(const Tensor wide_values, ToFloat32(values));
  VLAQ_ASSIGN_OR_RETURN(const Tensor wide_scales, ToFloat32(scales));
  VLAQ_ASSIGN_OR_RETURN(const ScaleOf scale_of, ScaleOf::Make(values, scales, axis, 0));
  if (zeros != nullptr && zeros->size() != scales.size()) return InputError("", "zero points do not fit the scales");
  Tensor codes = Tensor::Make(dtype, values.shape());
  const auto from = wide_values.data<float>();
  const auto s = wide_scales.data<float>();
  const float low = dtype == DType::kI8 ? -128 : 0, high = dtype == DType::kI8 ? 127 : 255;
  const MutableBytes bytes = codes.mutable_bytes();
  for (size_t i = 0; i < from.size(); ++i) {
    const size_t group = scale_of(i);
    const auto zero = static_cast<float>(zeros == nullptr ? 0 : CodeAt(*zeros, group));
    const float rounded = std::nearbyint(from[i] / s[group]);
    if (std::isnan(rounded)) return InputError("", fmt::format("element {} is no number by its scale", i));
    const float code = std::clamp(rounded + zero, low, high);
    bytes[i] = static_cast<std::byte>(static_cast<int32_t>(code));
  }
  return codes;
}

Result<Tensor> UnpackNBits(const Tensor& values, const Tensor& scales, const Tensor* zeros, int64_t k, int64_t n,
                           int64_t bits, int64_t block) {
  constexpr int64_t kMost = 1 << 28;  // of an extent: keeps products in range
  const auto sound = [](int64_t extent) { return extent > 0 && extent <= kMost; };
  if ((bits != 4 && bits != 8) || !sound(block) || !sound(k) || !sound(n)) {
    return InputError("", fmt::format("blocks of {} with {} bits are not what vlaq reads", block, bits));
  }
  const int64_t blocks = (k + block - 1) / block;
  const int64_t row = blocks * block * bits / 8;
  const int64_t zero_row = (blocks * bits + 7) / 8;
  const bool fits = values.dtype() == DType::kU8 && values.size() == n * row && scales.size() == n * blocks &&
                    (zeros == nullptr || (zeros->dtype() == DType::kU8 && zeros->size() == n * zero_row));
  if (!fits) return InputError("", fmt::format("values and scales do not fit [{}, {}] in blocks of {}", k, n, block));
  VLAQ_ASSIGN_OR_RETURN(const Tensor wide_scales, ToFloat32(scales));
  // Element `i` of packed row `r`.
  const auto code_at = [bits](const Tensor& packed, int64_t row_bytes, int64_t r, int64_t i) -> int32_t {
    const auto bytes = packed.data<uint8_t>();
    if (bits == 8) return bytes[static_cast<size_t>(r * row_bytes + i)];
    const uint8_t both = bytes[static_cast<size_t>(r * row_bytes + i / 2)];
    return i % 2 == 0 ? both & 0xF : both >> 4U;
  };
  Tensor result = Tensor::Make(DType::kF32, {k, n});
  const auto out = result.mutable_data<float>();
  const auto s = wide_scales.data<float>();
  for (int64_t column = 0; column < n; ++column) {
    for (int64_t i = 0; i < k; ++i) {
      const int64_t b = i / block;
      const int32_t zero = zeros == nullptr ? 1 << (bits - 1) : code_at(*zeros, zero_row, column, b);
      out[static_cast<size_t>(i * n + column)] =
          static_cast<float>(code_at(values, row, column, i) - zero) * s[static_cast<size_t>(column * blocks + b)];
    }
  }
  return result;
}

Tensor SwapLastTwo(const Tensor& values) {
  const auto rank = values.shape().size();
  Shape shape = values.shape();
  std::swap(shape[rank - 1], shape[rank - 2]);
  const auto rows = static_cast<size_t>(values.shape()[rank - 2]),
             columns = static_cast<size_t>(values.shape()[rank - 1]);
  Tensor result = Tensor::Make(DType::kF32, shape);
  const auto from = values.data<float>();
  const auto to = result.mutable_data<float>();
  for (size_t first = 0; first < from.size(); first += rows * columns) {
    for (size_t i = 0; i < rows; ++i) {
      for (size_t j = 0; j < columns; ++j) to[first + j * rows + i] = from[first + i * columns + j];
    }
  }
  return result;
}

}  // namespace vlaq::verify

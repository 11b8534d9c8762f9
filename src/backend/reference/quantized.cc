// Integer and quantized operators: Q/DQ, dynamic quantization, MatMulInteger, and ONNX Runtime's own MatMulNBits and
// DynamicQuantizeLSTM (com.microsoft) as its kernels define them.
#include <algorithm>
#include <array>
#include <cmath>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"
#include "backend/reference/recurrent.h"

namespace vlaq::backend {
namespace {

struct Codes {
  double lowest, highest;
};

Result<Codes> CodesOf(DType dtype) {
  if (dtype == DType::kI8) return Codes{-128, 127};
  if (dtype == DType::kU8) return Codes{0, 255};
  return Refuse(fmt::format("does not quantize to {}", DTypeName(dtype)));
}

// int4 and uint4 elements, one a number.
std::vector<double> Unpacked(const Tensor& tensor) {
  if (tensor.dtype() != DType::kI4 && tensor.dtype() != DType::kU4) return ToDoubles(tensor);
  std::vector<double> values(static_cast<size_t>(tensor.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto byte = std::to_integer<int>(tensor.bytes()[i / 2]);
    const int code = i % 2 == 0 ? byte & 15 : byte >> 4;
    values[i] = tensor.dtype() == DType::kI4 && code > 7 ? code - 16 : code;
  }
  return values;
}

// For each element of `shape` the index of its scale: one for all, one along `axis`, or one for each block along it.
Result<std::vector<size_t>> ScaleIndices(const Call& call, const Shape& shape, const Tensor& scales) {
  std::vector<size_t> indices(static_cast<size_t>(Product(shape, 0, shape.size())), 0);
  if (scales.size() == 1 && scales.rank() <= 1) return indices;
  VLAQ_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(call.node().Int("axis", 1), shape.size()));
  const int64_t block = call.node().Int("block_size", 0);
  if (block < 0) return Refuse("block_size is negative");
  Shape expected = block == 0 ? Shape{shape[axis]} : shape;
  if (block > 0) expected[axis] = (shape[axis] + block - 1) / block;
  if (scales.shape() != expected) {
    return Refuse(fmt::format("scales must have the shape {}, not {}", ShapeText(expected), ShapeText(scales.shape())));
  }
  const int64_t inner = Product(shape, axis + 1, shape.size());
  const int64_t extent = shape[axis];
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const int64_t channel = at / inner % extent;
    const int64_t outer = at / inner / extent;
    indices[i] =
        static_cast<size_t>(block == 0 ? channel : (outer * expected[axis] + channel / block) * inner + at % inner);
  }
  return indices;
}

// Zeros where the zero point is left out.
Result<std::vector<double>> ZeroPoints(const Call& call, const Tensor& scales) {
  const Tensor* zero_point = call.Find(2);
  if (zero_point == nullptr) return std::vector<double>(static_cast<size_t>(scales.size()), 0);
  if (zero_point->size() != scales.size()) return Refuse("scales and zero points have different shapes");
  return Unpacked(*zero_point);
}

Result<Tensors> QuantizeLinear(const Call& call) {
  const Tensor& x = call.In(0);
  const Tensor& scales = call.In(1);
  VLAQ_RETURN_IF_ERROR(ExpectReal(x));
  const DType dtype = call.Find(2) != nullptr ? call.In(2).dtype() : DType::kU8;
  VLAQ_ASSIGN_OR_RETURN(const Codes codes, CodesOf(dtype));
  VLAQ_ASSIGN_OR_RETURN(const auto indices, ScaleIndices(call, x.shape(), scales));
  VLAQ_ASSIGN_OR_RETURN(const auto zeros, ZeroPoints(call, scales));
  const auto values = ToDoubles(x);
  const auto s = ToDoubles(scales);
  std::vector<int64_t> out(values.size());
  for (size_t i = 0; i < out.size(); ++i) {
    // The engines divide in float32; ties depend on it.
    const float ratio = static_cast<float>(values[i]) / static_cast<float>(s[indices[i]]);
    const double code = std::nearbyint(static_cast<double>(ratio)) + zeros[indices[i]];
    out[i] = static_cast<int64_t>(std::clamp(code, codes.lowest, codes.highest));
  }
  return Tensors{FromIntegers(dtype, x.shape(), out)};
}

Result<Tensors> DequantizeLinear(const Call& call) {
  const Tensor& scales = call.In(1);
  VLAQ_RETURN_IF_ERROR(ExpectReal(scales));
  VLAQ_ASSIGN_OR_RETURN(const auto indices, ScaleIndices(call, call.In(0).shape(), scales));
  VLAQ_ASSIGN_OR_RETURN(const auto zeros, ZeroPoints(call, scales));
  auto values = Unpacked(call.In(0));
  const auto s = ToDoubles(scales);
  for (size_t i = 0; i < values.size(); ++i) values[i] = (values[i] - zeros[indices[i]]) * s[indices[i]];
  return Tensors{FromDoubles(scales.dtype(), call.In(0).shape(), values)};
}

struct Dynamic {
  std::vector<int64_t> codes;
  float scale = 1;
  int64_t zero_point = 0;
};

// uint8 over the values' own range, which zero belongs to.
Dynamic QuantizeOverOwnRange(std::span<const double> values) {
  float low = 0, high = 0;
  for (const double value : values) {
    low = std::min(low, static_cast<float>(value));
    high = std::max(high, static_cast<float>(value));
  }
  Dynamic result;
  result.scale = high == low ? 1.0F : (high - low) / 255.0F;
  result.zero_point = std::clamp<int64_t>(std::lrint(std::nearbyint(-low / result.scale)), 0, 255);
  for (const double value : values) {
    const auto code = static_cast<int64_t>(std::nearbyint(static_cast<float>(value) / result.scale));
    result.codes.push_back(std::clamp<int64_t>(code + result.zero_point, 0, 255));
  }
  return result;
}

Result<Tensors> DynamicQuantizeLinear(const Call& call) {
  VLAQ_RETURN_IF_ERROR(ExpectReal(call.In(0)));
  const Dynamic q = QuantizeOverOwnRange(ToDoubles(call.In(0)));
  return Tensors{FromIntegers(DType::kU8, call.In(0).shape(), q.codes), Tensor::Scalar<float>(q.scale),
                 Tensor::Scalar<uint8_t>(static_cast<uint8_t>(q.zero_point))};
}

// A [.., m, k] times B [k, n] in int32, each minus its zero point (A: one for all; B: one for all or one a column).
Result<Tensors> MatMulInteger(const Call& call) {
  const Tensor& a = call.In(0);
  const Tensor& b = call.In(1);
  if (a.rank() < 2 || b.rank() != 2 || a.shape().back() != b.shape()[0]) {
    return Refuse(fmt::format("the shapes {} and {} do not multiply", ShapeText(a.shape()), ShapeText(b.shape())));
  }
  const auto zero = [&](size_t i, int64_t most) -> Result<std::vector<int64_t>> {
    const Tensor* tensor = call.Find(i);
    if (tensor == nullptr) return std::vector<int64_t>{0};
    if (tensor->size() == 1 || tensor->size() == most) return ToIntegers(*tensor);
    return Refuse(fmt::format("zero point {} has the shape {}", i, ShapeText(tensor->shape())));
  };
  const int64_t k = b.shape()[0];
  const int64_t n = b.shape()[1];
  VLAQ_ASSIGN_OR_RETURN(const auto a_zero, zero(2, 1));
  VLAQ_ASSIGN_OR_RETURN(const auto b_zero, zero(3, n));
  const auto x = ToIntegers(a);
  const auto w = ToIntegers(b);
  Shape shape = a.shape();
  shape.back() = n;
  VLAQ_RETURN_IF_ERROR(NewTensor(DType::kI32, shape));
  std::vector<int64_t> out;
  for (size_t row = 0; row < x.size(); row += static_cast<size_t>(k)) {
    for (int64_t j = 0; j < n; ++j) {
      const int64_t w_zero = b_zero[b_zero.size() == 1 ? 0 : static_cast<size_t>(j)];
      int64_t sum = 0;
      for (int64_t p = 0; p < k; ++p) {
        sum += (x[row + static_cast<size_t>(p)] - a_zero[0]) * (w[static_cast<size_t>(p * n + j)] - w_zero);
      }
      out.push_back(sum);
    }
  }
  return Tensors{FromIntegers(DType::kI32, shape, out)};
}

// Activations as MatMulNBits rounds them at accuracy_level 4: int8 by block of K, scale max|x| / 127.
void RoundByBlocks(std::vector<double>& row, int64_t block) {
  for (size_t begin = 0; begin < row.size(); begin += static_cast<size_t>(block)) {
    const size_t end = std::min(row.size(), begin + static_cast<size_t>(block));
    float most = 0;
    for (size_t i = begin; i < end; ++i) most = std::max(most, std::fabs(static_cast<float>(row[i])));
    if (most == 0) continue;
    const float scale = most / 127.0F;
    for (size_t i = begin; i < end; ++i) {
      row[i] = static_cast<double>(std::nearbyint(static_cast<float>(row[i]) * (1.0F / scale)) * scale);
    }
  }
}

// com.microsoft: A [.., m, K] times the transpose of B [N, blocks, bytes], codes minus 2^(bits - 1), times its scales.
Result<Tensors> MatMulNBits(const Call& call) {
  const onnx::Node& node = call.node();
  const int64_t k = node.Int("K", 0), n = node.Int("N", 0), bits = node.Int("bits", 4),
                block = node.Int("block_size", 0);
  if (k <= 0 || n <= 0 || block < 16 || (bits != 4 && bits != 8)) return Refuse("K, N, bits or block_size is wrong");
  if (call.Find(3) != nullptr || call.Find(4) != nullptr) return Refuse("zero points and g_idx are not supported");
  const int64_t blocks = (k + block - 1) / block;
  const Tensor& a = call.In(0);
  const Tensor& b = call.In(1);
  if (b.dtype() != DType::kU8 || b.shape() != Shape{n, blocks, block * bits / 8} || call.In(2).size() != n * blocks ||
      a.rank() < 1 || a.shape().back() != k) {
    return Refuse("the shapes do not fit K, N, bits and block_size");
  }
  const auto scales = ToDoubles(call.In(2));
  const auto weight = [&](int64_t column, int64_t row) {
    const int64_t at = (column * blocks + row / block) * (block * bits / 8) + row % block * bits / 8;
    const auto byte = std::to_integer<int>(b.bytes()[static_cast<size_t>(at)]);
    const int code = bits == 8 ? byte : row % 2 == 0 ? byte & 15 : byte >> 4;
    return (code - (bits == 8 ? 128 : 8)) * scales[static_cast<size_t>(column * blocks + row / block)];
  };
  const auto x = ToDoubles(a);
  Shape shape = a.shape();
  shape.back() = n;
  VLAQ_RETURN_IF_ERROR(NewTensor(DType::kF64, shape));
  std::vector<double> out;
  for (size_t begin = 0; begin < x.size(); begin += static_cast<size_t>(k)) {
    std::vector<double> row(x.begin() + static_cast<std::ptrdiff_t>(begin),
                            x.begin() + static_cast<std::ptrdiff_t>(begin) + static_cast<std::ptrdiff_t>(k));
    if (node.Int("accuracy_level", 0) == 4) RoundByBlocks(row, block);
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += row[static_cast<size_t>(p)] * weight(j, p);
      out.push_back(sum);
    }
  }
  return Tensors{FromDoubles(a.dtype(), shape, out)};
}

// Values [rows, k] times codes [k, n] (less their zero points) with a scale for each column.
std::vector<double> DynamicProduct(std::span<const double> values, const QuantizedGates& gates) {
  const Dynamic q = QuantizeOverOwnRange(values);
  const auto k = static_cast<size_t>(gates.inputs), n = static_cast<size_t>(gates.columns);
  std::vector<double> out;
  for (size_t row = 0; row < q.codes.size(); row += k) {
    for (size_t j = 0; j < n; ++j) {
      int64_t sum = 0;
      for (size_t p = 0; p < k; ++p)
        sum += (q.codes[row + p] - q.zero_point) * (gates.codes[p * n + j] - gates.zero(j));
      out.push_back(static_cast<double>(sum) * static_cast<double>(q.scale) * gates.scale(j));
    }
  }
  return out;
}

Result<QuantizedGates> ReadGates(const Call& call, size_t weight, size_t scale, int64_t inputs, int64_t hidden) {
  const Tensor& codes = call.In(weight);
  if (codes.shape() != Shape{1, inputs, 4 * hidden}) {
    return Refuse(fmt::format("input {} must have the shape {}, not {}", weight,
                              ShapeText(Shape{1, inputs, 4 * hidden}), ShapeText(codes.shape())));
  }
  if (call.Find(scale) == nullptr) return Refuse(fmt::format("input {}, the scales, is missing", scale));
  const Tensor* zero = call.Find(scale + 1);
  QuantizedGates gates{inputs, 4 * hidden, ToIntegers(codes), ToDoubles(call.In(scale)), {}};
  gates.zeros = zero == nullptr ? std::vector<int64_t>{0} : ToIntegers(*zero);
  for (const size_t size : {gates.scales.size(), gates.zeros.size()}) {
    if (size != 1 && size != static_cast<size_t>(4 * hidden)) return Refuse("scales are by tensor or by gate row");
  }
  return gates;
}

Result<Tensors> DynamicQuantizeLstm(const Call& call) {
  VLAQ_RETURN_IF_ERROR(RefuseLstmVariants(call));
  const Tensor& x = call.In(0);
  const int64_t hidden = call.node().Int("hidden_size", 0);
  if (x.rank() != 3 || hidden <= 0) return Refuse("X must have rank 3, and hidden_size be given");
  VLAQ_ASSIGN_OR_RETURN(const QuantizedGates w, ReadGates(call, 1, 8, x.shape()[2], hidden));
  VLAQ_ASSIGN_OR_RETURN(const QuantizedGates r, ReadGates(call, 2, 10, hidden, hidden));
  const auto from_x = DynamicProduct(ToDoubles(x), w);  // all steps at once, one range
  return RunLstm(call, {x.shape()[0], x.shape()[1], x.shape()[2], hidden}, from_x,
                 [&](std::span<const double> h) { return DynamicProduct(h, r); });
}

constexpr std::array kQuantizedOperators{
    Operator{"QuantizeLinear", 2, 3, QuantizeLinear},
    Operator{"DequantizeLinear", 2, 3, DequantizeLinear},
    Operator{"DynamicQuantizeLinear", 1, 1, DynamicQuantizeLinear},
    Operator{"MatMulInteger", 2, 4, MatMulInteger},
    Operator{"com.microsoft.MatMulNBits", 3, 6, MatMulNBits},
    Operator{"com.microsoft.DynamicQuantizeLSTM", 3, 12, DynamicQuantizeLstm},
};

}  // namespace

std::span<const Operator> QuantizedOperators() { return kQuantizedOperators; }

}  // namespace vlaq::backend

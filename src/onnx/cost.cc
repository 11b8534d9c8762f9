#include "onnx/cost.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/names.h"
#include "onnx/products.h"

namespace vlaq::onnx {
namespace {

using Shapes = TypedShapes;
using Macs = std::optional<int64_t>;

constexpr std::array kArithmetics = {
    Named{Arithmetic::kFloat32, "float32"},
    Named{Arithmetic::kHalf, "float16"},
    Named{Arithmetic::kInt8, "int8"},
    Named{Arithmetic::kWeightOnly, "weight-only"},
};

// A product of extents; nothing if one is unknown or the product overflows.
Macs Product(Macs a, Macs b) {
  int64_t product = 0;
  if (!a || !b || __builtin_mul_overflow(*a, *b, &product)) return std::nullopt;
  return product;
}

Macs Elements(const TypedShape& value) { return ElementCount(value.shape); }

// X [T, B, I] -> Y [T, D, B, H] or Y_h [D, B, H]: each step multiplies `gates` H rows with the input and the state.
// Whether time or batch comes first only W [D, gates H, I] tells apart, where the engine names it.
Macs Recurrent(Shapes inputs, Shapes outputs, int64_t gates) {
  const Shape& x = inputs[0].shape;
  const Shape& y = outputs[0].shape;
  if (x.size() != 3 || y.size() < 3) return std::nullopt;
  if (inputs.size() > 1 && inputs[1].shape.size() == 3 && inputs[1].shape[2] == x[2] &&
      inputs[1].shape[1] == gates * y.back()) {
    return Product(Product(x[0], x[1]), Product(Product(inputs[1].shape[0], gates * y.back()), x[2] + y.back()));
  }
  const int64_t hidden = y.back();
  const int64_t directions = y[y.size() - 3];
  return Product(Product(x[0], x[1]), Product(Product(directions, gates * hidden), x[2] + hidden));
}

}  // namespace

// A [..., M, K] or, transposed, [..., K, M]; the result [..., M, N] has the rest. The second operand is not needed: an
// engine that has packed it leaves it out.
Macs MatMulMacs(Shapes inputs, Shapes outputs) {
  const Shape& a = inputs[0].shape;
  if (a.empty()) return std::nullopt;
  int64_t inner = a.back();
  const Shape& y = outputs[0].shape;
  if (a.size() >= 2 && y.size() >= 2) {
    const int64_t rows = y[y.size() - 2];
    if (a[a.size() - 2] != rows && a.back() == rows) inner = a[a.size() - 2];
  }
  return Product(Elements(outputs[0]), inner);
}

// The weight [out, in / groups, kernel...] is the first further input of the data's rank that is not the sum's operand
// of a fused kernel.
Macs ConvMacs(Shapes inputs, Shapes outputs) {
  const Shape& x = inputs[0].shape;
  const Shape& y = outputs[0].shape;
  const size_t rank = x.size();
  if (inputs.size() > 1 && rank >= 3 && inputs[1].shape.size() == rank && y.size() == rank) {
    const Shape& w = inputs[1].shape;  // where ONNX has it
    if (w[0] == y[1] && w[1] > 0 && x[1] % w[1] == 0) {
      return Product(Elements(outputs[0]), ElementCount(std::span(w).subspan(1)));
    }
  }
  const auto weight = std::find_if(inputs.begin() + 1, inputs.end(), [&](const TypedShape& input) {
    return input.shape.size() == rank && rank >= 3 && input.shape != outputs[0].shape;
  });
  if (weight == inputs.end()) return std::nullopt;
  return Product(Elements(outputs[0]), ElementCount(std::span(weight->shape).subspan(1)));
}

// X [N, C, ...] and W [C, M / groups, kernel...]: each element of X is multiplied with a row of W.
Macs TransposedConvMacs(Shapes inputs, Shapes /*outputs*/) {
  const size_t rank = inputs[0].shape.size();
  if (rank < 3 || inputs.size() < 2 || inputs[1].shape.size() != rank) return std::nullopt;
  return Product(Elements(inputs[0]), ElementCount(std::span(inputs[1].shape).subspan(1)));
}

Macs FourGateMacs(Shapes inputs, Shapes outputs) { return Recurrent(inputs, outputs, 4); }
Macs ThreeGateMacs(Shapes inputs, Shapes outputs) { return Recurrent(inputs, outputs, 3); }
Macs OneGateMacs(Shapes inputs, Shapes outputs) { return Recurrent(inputs, outputs, 1); }

namespace {

// Q [B, S, D] and K [B, L, D]: scores and their sum over the values.
Macs Heads(Shapes inputs, Shapes outputs) {
  const size_t key = std::min<size_t>(1, inputs.size() - 1);
  if (inputs[key].shape.size() != 3) return std::nullopt;
  return Product(Elements(outputs[0]), 2 * inputs[key].shape[1]);
}

// X [B, S, D] -> [B, S, H]: three projections, then the heads over the sequence itself. ai.onnx's Attention has Q, K
// and V of 3 or 4 axes instead of X and a weight of 2: scores for each of K's L rows, and their sum over V.
Macs SelfAttention(Shapes inputs, Shapes outputs) {
  const Shape& x = inputs[0].shape;
  if (inputs.size() > 1 && inputs[1].shape.size() >= 3) {
    const Shape& key = inputs[1].shape;
    const Macs scores = Elements(inputs[0]), sums = Elements(outputs[0]);
    if (!scores || !sums || *scores > std::numeric_limits<int64_t>::max() - *sums) return std::nullopt;
    return Product(*scores + *sums, key[key.size() - 2]);
  }
  if (x.size() != 3) return std::nullopt;
  return Product(Elements(outputs[0]), 3 * x[2] + 2 * x[1]);
}

// In which arithmetic: fixed by the operator, or that of its first input.
constexpr std::optional<Arithmetic> kAsInput = std::nullopt;

struct CostRow {
  std::string_view op_type;
  MacsRule macs;
  std::optional<Arithmetic> arithmetic;
  // The first input holds 8-bit codes itself (not float32 that the kernel quantizes).
  bool takes_codes = false;
};

// Besides those of the operator catalog.
constexpr std::array kCostRows = {
    CostRow{"Attention", SelfAttention, kAsInput},
    CostRow{"ConvInteger", ConvMacs, Arithmetic::kInt8, true},
    CostRow{"DeformConv", ConvMacs, kAsInput},
    CostRow{"DynamicQuantizeLSTM", FourGateMacs, Arithmetic::kInt8},
    CostRow{"DynamicQuantizeMatMul", MatMulMacs, Arithmetic::kInt8},
    CostRow{"FusedConv", ConvMacs, kAsInput},
    CostRow{"FusedGemm", MatMulMacs, kAsInput},
    CostRow{"FusedMatMul", MatMulMacs, kAsInput},
    CostRow{"FusedMatMulActivation", MatMulMacs, kAsInput},
    CostRow{"MatMulInteger", MatMulMacs, Arithmetic::kInt8, true},
    CostRow{"MatMulIntegerToFloat", MatMulMacs, Arithmetic::kInt8, true},
    CostRow{"MatMulNBits", MatMulMacs, Arithmetic::kWeightOnly},
    CostRow{"MultiHeadAttention", Heads, kAsInput},
    CostRow{"NhwcFusedConv", ConvMacs, kAsInput},
    CostRow{"QAttention", SelfAttention, Arithmetic::kInt8, true},
    CostRow{"QGemm", MatMulMacs, Arithmetic::kInt8, true},
    CostRow{"QLinearConv", ConvMacs, Arithmetic::kInt8, true},
    CostRow{"QLinearMatMul", MatMulMacs, Arithmetic::kInt8, true},
};

// Parts of the names of operators that multiply matrices.
constexpr std::array<std::string_view, 8> kProducts = {"MatMul", "Gemm", "Conv", "Attention",
                                                       "LSTM",   "GRU",  "RNN",  "Einsum"};

std::optional<CostRow> FindCostRow(std::string_view op_type) {
  const auto row =
      std::find_if(kCostRows.begin(), kCostRows.end(), [&](const CostRow& r) { return r.op_type == op_type; });
  if (row != kCostRows.end()) return *row;
  const OperatorRow* weighted = FindInCatalog(op_type);
  if (weighted == nullptr || weighted->macs == nullptr) return std::nullopt;
  return CostRow{weighted->op_type, weighted->macs, kAsInput};
}

Arithmetic OfType(std::optional<DType> dtype) {
  if (dtype == DType::kF16 || dtype == DType::kBF16) return Arithmetic::kHalf;
  if (dtype == DType::kI8 || dtype == DType::kU8) return Arithmetic::kInt8;
  return Arithmetic::kFloat32;
}

// The second operand of an 8-bit product, or what stands for it: an input, not the first one's scalar zero point, that
// is int8 (of a packed weight only the zero point is left).
bool HasSignedWeight(Shapes inputs) {
  return std::any_of(inputs.begin() + 1, inputs.end(),
                     [](const TypedShape& input) { return input.dtype == DType::kI8; });
}

}  // namespace

std::string_view ArithmeticName(Arithmetic arithmetic) { return NameIn(kArithmetics, arithmetic); }

std::optional<Cost> CostOf(std::string_view op_type, Shapes inputs, Shapes outputs) {
  const std::optional<CostRow> row = FindCostRow(op_type);
  if (!row) return std::nullopt;
  Cost cost;
  if (inputs.empty() || outputs.empty()) return cost;
  cost.macs = row->macs(inputs, outputs);
  cost.arithmetic = row->arithmetic.value_or(OfType(inputs[0].dtype));
  cost.both_signed = row->takes_codes && inputs[0].dtype == DType::kI8 && HasSignedWeight(inputs);
  return cost;
}

bool IsUnknownProduct(std::string_view op_type) {
  return !FindCostRow(op_type) && std::any_of(kProducts.begin(), kProducts.end(), [&](std::string_view part) {
    return op_type.find(part) != std::string_view::npos;
  });
}

}  // namespace vlaq::onnx

#include "onnx/types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "onnx/dtype_codes.h"

namespace vlaq::onnx {
namespace {

// Where the type of an output comes from.
struct From {
  enum Kind { kInput, kFixed, kTo } kind = kInput;
  size_t input = 0;            // kInput: that input's type
  DType dtype = DType::kBool;  // kFixed
};
constexpr From Input(size_t index) { return {From::kInput, index, DType::kBool}; }
constexpr From Fixed(DType dtype) { return {From::kFixed, 0, dtype}; }
constexpr From To() { return {From::kTo, 0, DType::kBool}; }

struct TypeRow {
  std::string_view op_type;
  From outputs;                                 // of all outputs without one of their own
  std::array<std::optional<From>, 3> own = {};  // of the first ones
};

constexpr std::array kTypeRows = {
    TypeRow{"And", Fixed(DType::kBool)},
    TypeRow{"ArgMax", Fixed(DType::kI64)},
    TypeRow{"ArgMin", Fixed(DType::kI64)},
    TypeRow{"Cast", To()},
    TypeRow{"CastLike", Input(1)},
    TypeRow{"ConstantOfShape", To()},
    TypeRow{"ConvInteger", Fixed(DType::kI32)},
    TypeRow{"DequantizeLinear", Input(1)},
    TypeRow{"Dropout", Input(0), {Input(0), Fixed(DType::kBool)}},
    TypeRow{"DynamicQuantizeLSTM", Input(0)},
    TypeRow{"DynamicQuantizeLinear", Fixed(DType::kU8), {Fixed(DType::kU8), Fixed(DType::kF32), Fixed(DType::kU8)}},
    TypeRow{"Equal", Fixed(DType::kBool)},
    TypeRow{"Greater", Fixed(DType::kBool)},
    TypeRow{"GreaterOrEqual", Fixed(DType::kBool)},
    TypeRow{"IsInf", Fixed(DType::kBool)},
    TypeRow{"IsNaN", Fixed(DType::kBool)},
    TypeRow{"Less", Fixed(DType::kBool)},
    TypeRow{"LessOrEqual", Fixed(DType::kBool)},
    TypeRow{"MatMulInteger", Fixed(DType::kI32)},
    TypeRow{"MatMulIntegerToFloat", Input(2)},
    TypeRow{"MaxPool", Input(0), {Input(0), Fixed(DType::kI64)}},
    TypeRow{"NonMaxSuppression", Fixed(DType::kI64)},
    TypeRow{"NonZero", Fixed(DType::kI64)},
    TypeRow{"Not", Fixed(DType::kBool)},
    TypeRow{"OneHot", Input(2)},
    TypeRow{"Or", Fixed(DType::kBool)},
    TypeRow{"QLinearConv", Input(7)},
    TypeRow{"QLinearMatMul", Input(7)},
    TypeRow{"Shape", Fixed(DType::kI64)},
    TypeRow{"Size", Fixed(DType::kI64)},
    TypeRow{"TopK", Input(0), {Input(0), Fixed(DType::kI64)}},
    TypeRow{"Where", Input(1)},
    TypeRow{"Xor", Fixed(DType::kBool)},
};

// Operators whose outputs have the type of the first input, sorted.
constexpr std::array kSameAsFirstInput = std::to_array<std::string_view>({
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "AffineGrid",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Attention",
    "AveragePool",
    "BatchNormalization",
    "Bernoulli",
    "BiasGelu",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "Ceil",
    "Celu",
    "CenterCropPad",
    "Clip",
    "Compress",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "CumSum",
    "DeformConv",
    "DepthToSpace",
    "Det",
    "Div",
    "DynamicQuantizeMatMul",
    "Einsum",
    "Elu",
    "Erf",
    "Exp",
    "Expand",
    "EyeLike",
    "FastGelu",
    "Flatten",
    "Floor",
    "FusedConv",
    "FusedGemm",
    "FusedMatMul",
    "GRU",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "GridSample",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "LpPool",
    "MatMul",
    "MatMulNBits",
    "Max",
    "Mean",
    "MeanVarianceNormalization",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "MultiHeadAttention",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "QuickGelu",
    "RMSNormalization",
    "RNN",
    "RandomNormalLike",
    "RandomUniformLike",
    "Range",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Resize",
    "ReverseSequence",
    "RoiAlign",
    "RotaryEmbedding",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "SimplifiedLayerNormalization",
    "Sin",
    "Sinh",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Upsample",
});
static_assert(std::ranges::is_sorted(kSameAsFirstInput));

Result<DType> Resolve(const From& from, const Node& node, const ValueTypes& types) {
  switch (from.kind) {
    case From::kFixed:
      return from.dtype;
    case From::kTo: {
      if (const Tensor* value = node.TensorAttribute("value")) return value->dtype();
      const auto dtype = DTypeOfCode(static_cast<int32_t>(node.Int("to", 1)));
      if (dtype) return *dtype;
      return InputError(fmt::format("node '{}'", node.name), "casts to a type that vlaq does not know");
    }
    case From::kInput:
      break;
  }
  const auto found = from.input < node.inputs.size() ? types.find(node.inputs[from.input]) : types.end();
  if (found != types.end()) return found->second;
  return InputError(fmt::format("node '{}'", node.name), fmt::format("its input {} is not defined", from.input));
}

Result<From> RuleFor(const Node& node, size_t output) {
  if (node.op_type == "QuantizeLinear") return node.inputs.size() > 2 ? Input(2) : Fixed(DType::kU8);
  for (const TypeRow& row : kTypeRows) {
    if (row.op_type != node.op_type) continue;
    return output < row.own.size() && row.own[output] ? *row.own[output] : row.outputs;
  }
  if (std::ranges::binary_search(kSameAsFirstInput, std::string_view(node.op_type))) return Input(0);
  return InputError(fmt::format("node '{}'", node.name),
                    fmt::format("the operator {} is not one whose types vlaq knows", node.op_type));
}

}  // namespace

std::optional<DType> DTypeOfNumber(int64_t number) {
  return number < 0 || number > 1000 ? std::nullopt : DTypeOfCode(static_cast<int32_t>(number));
}

Result<ValueTypes> InferTypes(const Graph& graph) {
  ValueTypes types;
  for (const ValueInfo& input : graph.inputs) types.emplace(input.name, input.dtype);
  for (const Initializer& initializer : graph.initializers) types.insert_or_assign(initializer.name, initializer.dtype);
  for (const Node& node : graph.nodes) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      VLAQ_ASSIGN_OR_RETURN(const From from, RuleFor(node, i));
      VLAQ_ASSIGN_OR_RETURN(const DType dtype, Resolve(from, node, types));
      types.insert_or_assign(node.outputs[i], dtype);
    }
  }
  return types;
}

ValueTypes KnownTypes(const Graph& graph) {
  ValueTypes types;
  for (const auto* infos : {&graph.inputs, &graph.outputs, &graph.values}) {
    for (const ValueInfo& info : *infos) {
      if (info.other_type.empty()) types.emplace(info.name, info.dtype);
    }
  }
  for (const Initializer& initializer : graph.initializers) types.insert_or_assign(initializer.name, initializer.dtype);
  for (const Node& node : graph.nodes) {
    if (const auto constant = ConstantOf(node)) {
      for (const std::string& output : node.outputs) types.emplace(output, constant->dtype());
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const auto from = RuleFor(node, i);
      if (!from.ok() || node.outputs[i].empty()) continue;
      const auto dtype = Resolve(*from, node, types);
      if (dtype.ok()) types.emplace(node.outputs[i], *dtype);
    }
  }
  return types;
}

}  // namespace vlaq::onnx

#include "onnx/types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

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
    TypeRow{"Cast", To()},
    TypeRow{"ConstantOfShape", To()},
    TypeRow{"ConvInteger", Fixed(DType::kI32)},
    TypeRow{"DequantizeLinear", Input(1)},
    TypeRow{"DynamicQuantizeLSTM", Input(0)},
    TypeRow{"DynamicQuantizeLinear", Fixed(DType::kU8), {Fixed(DType::kU8), Fixed(DType::kF32), Fixed(DType::kU8)}},
    TypeRow{"Equal", Fixed(DType::kBool)},
    TypeRow{"Greater", Fixed(DType::kBool)},
    TypeRow{"GreaterOrEqual", Fixed(DType::kBool)},
    TypeRow{"Less", Fixed(DType::kBool)},
    TypeRow{"LessOrEqual", Fixed(DType::kBool)},
    TypeRow{"MatMulInteger", Fixed(DType::kI32)},
    TypeRow{"Not", Fixed(DType::kBool)},
    TypeRow{"Or", Fixed(DType::kBool)},
    TypeRow{"Shape", Fixed(DType::kI64)},
    TypeRow{"Size", Fixed(DType::kI64)},
    TypeRow{"Where", Input(1)},
};

// Operators whose outputs have the type of the first input.
const std::set<std::string_view>& SameAsFirstInput() {
  static const std::set<std::string_view> names{
      "Abs",
      "Add",
      "Concat",
      "Conv",
      "CumSum",
      "Div",
      "DynamicQuantizeMatMul",
      "Erf",
      "Expand",
      "Flatten",
      "Gather",
      "Gelu",
      "Gemm",
      "Identity",
      "LSTM",
      "LayerNormalization",
      "MatMul",
      "MatMulNBits",
      "Max",
      "Min",
      "Mul",
      "Neg",
      "Pad",
      "Pow",
      "ReduceL2",
      "ReduceMax",
      "ReduceMean",
      "ReduceSum",
      "Relu",
      "Reshape",
      "Sigmoid",
      "Slice",
      "Softmax",
      "Split",
      "Sqrt",
      "Squeeze",
      "Sub",
      "Tanh",
      "Transpose",
      "Unsqueeze",
  };
  return names;
}

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
  if (SameAsFirstInput().contains(node.op_type)) return Input(0);
  return InputError(fmt::format("node '{}'", node.name),
                    fmt::format("the operator {} is not one whose types vlaq knows", node.op_type));
}

}  // namespace

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
    if (const Tensor* constant = node.TensorAttribute("value"); constant != nullptr && node.op_type == "Constant") {
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

#include "verify/operator_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tensor/convert.h"
#include "verify/dequantize.h"

namespace vlaq::verify {
namespace {

using numerics::Form;
using numerics::NumericType;
using onnx::Node;

bool IsWideFloat(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF16; }

Error At(const Node& node, std::string what) {
  return InputError(fmt::format("node '{}'", node.name), std::move(what));
}
Error At(const Node& node, const Error& error) { return Within(fmt::format("node '{}'", node.name), error); }

NumericType NumberOf(DType dtype) {
  if (dtype == DType::kI8) return NumericType::kInt8;
  if (dtype == DType::kU8) return NumericType::kUint8;
  if (dtype == DType::kI4 || dtype == DType::kU4) return NumericType::kInt4;
  return dtype == DType::kF16 ? NumericType::kFloat16 : NumericType::kFloat32;
}

// "" where the node has no such input.
const std::string& InputOf(const Node& node, size_t i) {
  static const std::string none;
  return i < node.inputs.size() ? node.inputs[i] : none;
}

// The input that is an operator's main weight; nullopt for operators that have none.
std::optional<size_t> WeightInput(std::string_view op_type) {
  if (op_type == "Gather") return 0;
  constexpr std::array<std::string_view, 7> kSecond{"MatMul", "Gemm", "Conv", "ConvTranspose", "LSTM", "GRU", "RNN"};
  const bool second = std::find(kSecond.begin(), kSecond.end(), op_type) != kSecond.end();
  return second ? std::optional<size_t>(1) : std::nullopt;
}

// Conversions in a row that a quantized graph has at most, with room to spare.
constexpr int kMaxConversions = 16;

// Inputs that the reading below looks at without asking whether they are there.
struct Arity {
  std::string_view op_type;
  size_t inputs;
};
constexpr std::array kArities{
    Arity{"Cast", 1},
    Arity{"QuantizeLinear", 2},
    Arity{"DequantizeLinear", 2},
    Arity{"Mul", 2},
    Arity{"MatMulInteger", 2},
    Arity{"Gather", 2},
    Arity{"MatMulNBits", 3},
    Arity{"DynamicQuantizeMatMul", 3},
    Arity{"DynamicQuantizeLSTM", 3},
    Arity{"DynamicQuantizeLinear", 1},
};

// Every node has the inputs and an output that reading needs, and reads only what stands before it.
Status CheckSound(const onnx::Graph& graph) {
  std::set<std::string_view> known{""};
  for (const onnx::ValueInfo& input : graph.inputs) known.insert(input.name);
  for (const onnx::Initializer& initializer : graph.initializers) known.insert(initializer.name);
  for (const Node& node : graph.nodes) {
    const auto row =
        std::find_if(kArities.begin(), kArities.end(), [&](const Arity& a) { return a.op_type == node.op_type; });
    if (row != kArities.end() && node.inputs.size() < row->inputs) {
      return At(node, fmt::format("a {} has {} inputs and more", node.op_type, row->inputs));
    }
    if (std::ranges::all_of(node.outputs, &std::string::empty)) return At(node, "has no output");
    for (const std::string& input : node.inputs) {
      if (!known.contains(input)) return At(node, fmt::format("reads '{}', which nothing before it makes", input));
    }
    known.insert(node.outputs.begin(), node.outputs.end());
  }
  return {};
}

}  // namespace

Result<GraphReading> GraphReading::Make(const onnx::Graph& graph, onnx::WeightFiles& files) {
  VLAQ_RETURN_IF_ERROR(CheckSound(graph));
  GraphReading reading(graph, files);
  VLAQ_ASSIGN_OR_RETURN(reading.types_, onnx::InferTypes(graph));
  for (const onnx::Initializer& initializer : graph.initializers) {
    reading.initializers_.emplace(initializer.name, &initializer);
  }
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) reading.producers_.emplace(output, &node);
  }
  return reading;
}

const onnx::Initializer* GraphReading::FindInitializer(std::string_view name) const {
  const auto found = initializers_.find(name);
  return found == initializers_.end() ? nullptr : found->second;
}

const Node* GraphReading::Producer(std::string_view value) const {
  const auto found = producers_.find(value);
  return found == producers_.end() ? nullptr : found->second;
}

const Node* GraphReading::ProducerOf(std::string_view value, std::string_view op_type) const {
  const Node* node = Producer(value);
  return node != nullptr && node->op_type == op_type ? node : nullptr;
}

bool GraphReading::IsFloatCast(const Node& node) const {
  if (node.op_type != "Cast") return false;
  const auto from = types_.find(node.inputs[0]), to = types_.find(node.outputs[0]);
  return from != types_.end() && to != types_.end() && IsWideFloat(from->second) && IsWideFloat(to->second);
}

bool GraphReading::IsConstant(std::string_view value) const {
  for (int steps = 0; steps <= kMaxConversions; ++steps) {
    if (initializers_.contains(value)) return true;
    const Node* node = Producer(value);
    if (node == nullptr) return false;
    const bool keeps = node->op_type == "QuantizeLinear" || node->op_type == "DequantizeLinear" || IsFloatCast(*node);
    if (!keeps) return false;
    value = node->inputs[0];
  }
  return false;
}

std::string GraphReading::Behind(std::string value) const {
  for (;;) {
    const Node* node = Producer(value);
    if (node == nullptr) return value;
    if (const Node* quantize =
            node->op_type == "DequantizeLinear" ? ProducerOf(node->inputs[0], "QuantizeLinear") : nullptr) {
      node = quantize;
    } else if (!IsFloatCast(*node)) {
      return value;
    }
    value = node->inputs[0];
  }
}

void GraphReading::Collect(std::string_view value, std::set<std::string>& initializers) const {
  if (initializers_.contains(value)) {
    initializers.emplace(value);
  } else if (const Node* node = Producer(value)) {
    for (const std::string& input : node->inputs) {
      if (IsConstant(input)) Collect(input, initializers);
    }
  }
}

Result<ReadConstant> GraphReading::Constant(std::string_view value) const {
  if (const onnx::Initializer* initializer = FindInitializer(value)) {
    VLAQ_ASSIGN_OR_RETURN(Tensor tensor, files_->Load(*initializer));
    const NumericType number = NumberOf(initializer->dtype);
    if (!IsFloat(initializer->dtype)) return ReadConstant{std::move(tensor), number};
    VLAQ_ASSIGN_OR_RETURN(Tensor wide, ToFloat32(tensor));
    return ReadConstant{std::move(wide), number};
  }
  const Node* node = IsConstant(value) ? Producer(value) : nullptr;
  if (node == nullptr) return InputError(fmt::format("value '{}'", value), "is not constant");
  if (node->op_type == "DequantizeLinear") return Dequantized(*node);
  if (node->op_type == "QuantizeLinear") {
    VLAQ_ASSIGN_OR_RETURN(Tensor codes, Quantized(*node));
    const NumericType number = NumberOf(codes.dtype());
    return ReadConstant{std::move(codes), number};
  }
  VLAQ_ASSIGN_OR_RETURN(ReadConstant constant, Constant(node->inputs[0]));
  if (types_.find(node->outputs[0])->second == DType::kF16 && constant.number == NumericType::kFloat32) {
    return At(*node, "rounds a float32 constant to float16 when it runs, which vlaq does not read");
  }
  return constant;
}

Result<ReadConstant> GraphReading::Dequantized(const Node& node) const {
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant codes, Constant(node.inputs[0]));
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant scales, Constant(InputOf(node, 1)));
  std::optional<ReadConstant> zeros;
  if (!InputOf(node, 2).empty()) {
    VLAQ_ASSIGN_OR_RETURN(zeros, Constant(node.inputs[2]));
  }
  auto values = Dequantize(codes.values, scales.values, zeros ? &zeros->values : nullptr, node.Int("axis", 1),
                           node.Int("block_size", 0));
  if (!values.ok()) return At(node, values.error());
  return ReadConstant{*std::move(values), codes.number};
}

Result<Tensor> GraphReading::Quantized(const Node& node) const {
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant values, Constant(node.inputs[0]));
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant scales, Constant(InputOf(node, 1)));
  std::optional<ReadConstant> zeros;
  if (!InputOf(node, 2).empty()) {
    VLAQ_ASSIGN_OR_RETURN(zeros, Constant(node.inputs[2]));
  }
  auto codes = Quantize(values.values, scales.values, zeros ? &zeros->values : nullptr, node.Int("axis", 1));
  if (!codes.ok()) return At(node, codes.error());
  return codes;
}

Result<ReadConstant> GraphReading::Scaled(const std::string& codes, const std::string& scales, const std::string& zeros,
                                          int64_t axis) const {
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant stored, Constant(codes));
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant s, Constant(scales));
  std::optional<ReadConstant> z;
  if (!zeros.empty()) {
    VLAQ_ASSIGN_OR_RETURN(z, Constant(zeros));
  }
  const Tensor flat = s.values.Reshaped({s.values.size()});  // [1, N] and [rows, 1] count as [N]
  VLAQ_ASSIGN_OR_RETURN(Tensor values, Dequantize(stored.values, flat, z ? &z->values : nullptr, axis, 0));
  return ReadConstant{std::move(values), stored.number};
}

Result<ReadConstant> GraphReading::FromNBits(const Node& node) const {
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant values, Constant(InputOf(node, 1)));
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant scales, Constant(InputOf(node, 2)));
  std::optional<ReadConstant> zeros;
  if (!InputOf(node, 3).empty()) {
    VLAQ_ASSIGN_OR_RETURN(zeros, Constant(node.inputs[3]));
  }
  const int64_t bits = node.Int("bits", 4);
  auto weight = UnpackNBits(values.values, scales.values, zeros ? &zeros->values : nullptr, node.Int("K", 0),
                            node.Int("N", 0), bits, node.Int("block_size", 0));
  if (!weight.ok()) return At(node, weight.error());
  return ReadConstant{*std::move(weight), bits == 4 ? NumericType::kInt4 : NumericType::kInt8};
}

// Codes [dirs, n, m] with scales and zero points [dirs] or [dirs, m], back as [dirs, m, n]. Only one direction, as our
// policies have.
Result<ReadConstant> GraphReading::LstmWeight(const Node& node, size_t weight, size_t scale) const {
  auto values = Scaled(InputOf(node, weight), InputOf(node, scale), "", 2);
  if (!values.ok()) return At(node, values.error());
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant zeros, Constant(InputOf(node, scale + 1)));
  const auto bytes = zeros.values.bytes();
  const bool symmetric = values->number == NumericType::kInt8 &&
                         std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  if (values->values.shape().size() != 3 || values->values.shape()[0] != 1 || !symmetric) {
    return At(node, "has two directions or zero points other than 0, which vlaq does not read");
  }
  return ReadConstant{SwapLastTwo(values->values), values->number};
}

void GraphReading::TakeConstant(size_t input, const std::string& value, ReadOperator& op) const {
  op.constants[input] = [this, value] { return Constant(value); };
  Collect(value, op.initializers);
}

void GraphReading::TakeInput(size_t input, const std::string& value, ReadOperator& op) const {
  if (op.inputs.size() <= input) op.inputs.resize(input + 1);
  if (value.empty()) return;
  if (IsConstant(value)) {
    TakeConstant(input, value, op);
  } else {
    op.inputs[input] = Behind(value);
  }
}

Result<std::optional<ReadActivation>> GraphReading::Activation(const std::string& value) const {
  const Node* dequantize = ProducerOf(value, "DequantizeLinear");
  if (dequantize == nullptr) {  // float16 around it
    const Node* cast = Producer(value);
    if (cast == nullptr || !IsFloatCast(*cast)) return std::optional<ReadActivation>{};
    return Activation(cast->inputs[0]);
  }
  const Node* quantize = ProducerOf(dequantize->inputs[0], "QuantizeLinear");
  if (quantize == nullptr) return std::optional<ReadActivation>{};
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant scale, Constant(InputOf(*quantize, 1)));
  VLAQ_ASSIGN_OR_RETURN(const ReadConstant back, Constant(InputOf(*dequantize, 1)));
  ReadActivation activation{NumericType::kUint8, {}};
  const bool one = scale.values.size() == 1 && back.values.size() == 1 && scale.values.dtype() == DType::kF32 &&
                   back.values.dtype() == DType::kF32;
  if (!one) return At(*quantize, "has not one scale that is a float");
  activation.scale.scale = scale.values.data<float>()[0];
  const auto zero_of = [this](const Node& node, ReadActivation& into) -> Status {
    if (InputOf(node, 2).empty()) return {};
    VLAQ_ASSIGN_OR_RETURN(const ReadConstant zero, Constant(node.inputs[2]));
    const bool is_code = zero.values.dtype() == DType::kI8 || zero.values.dtype() == DType::kU8;
    if (zero.values.size() != 1 || !is_code) return At(node, "has not one zero point of 8 bits");
    into.number = zero.number;
    into.scale.zero_point =
        zero.number == NumericType::kInt8 ? zero.values.data<int8_t>()[0] : zero.values.data<uint8_t>()[0];
    return {};
  };
  ReadActivation widened = activation;
  VLAQ_RETURN_IF_ERROR(zero_of(*quantize, activation));
  VLAQ_RETURN_IF_ERROR(zero_of(*dequantize, widened));
  if (back.values.data<float>()[0] != activation.scale.scale ||
      widened.scale.zero_point != activation.scale.zero_point) {
    return At(*dequantize, "widens with another scale or zero point than the values were quantized with");
  }
  return std::optional(activation);
}

Result<ReadOperator> GraphReading::Plain(const Node& node) const {
  ReadOperator op;
  op.op_type = node.op_type;
  op.node = &node;
  for (size_t i = 0; i < node.inputs.size(); ++i) TakeInput(i, node.inputs[i], op);
  const std::optional<size_t> weight = WeightInput(node.op_type);
  if (!weight || !op.constants.contains(*weight)) return op;
  const std::string& value = node.inputs[*weight];
  if (const onnx::Initializer* initializer = FindInitializer(value)) {
    op.form = initializer->dtype == DType::kF16 ? Form::kHalf : Form::kFloat;
    return op;
  }
  op.form = Form::kWeightOnly;
  if (node.op_type == "Gather") return op;
  VLAQ_ASSIGN_OR_RETURN(op.activation, Activation(InputOf(node, 0)));
  if (op.activation) op.form = Form::kStaticInt8;
  return op;
}

Result<ReadOperator> GraphReading::NBits(const Node& node) const {
  ReadOperator op{Form::kWeightOnly, "MatMul", &node, {}, {}, {}, {}};
  TakeInput(0, node.inputs[0], op);
  op.inputs.resize(2);
  op.constants[1] = [this, &node] { return FromNBits(node); };
  for (size_t i = 1; i < node.inputs.size(); ++i) Collect(node.inputs[i], op.initializers);
  if (node.inputs.size() > 4) return At(node, "has a group index or a bias, which vlaq does not read");
  return op;
}

Result<ReadOperator> GraphReading::DynamicMatMul(const Node& node) const {
  ReadOperator op{Form::kDynamicInt8, "MatMul", &node, {}, {}, {}, {}};
  if (!InputOf(node, 4).empty()) return At(node, "has a bias, which vlaq does not read");
  TakeInput(0, node.inputs[0], op);
  op.inputs.resize(2);
  op.constants[1] = [this, &node] { return Scaled(InputOf(node, 1), InputOf(node, 2), InputOf(node, 3), 1); };
  for (size_t i = 1; i < node.inputs.size(); ++i) Collect(node.inputs[i], op.initializers);
  return op;
}

Result<ReadOperator> GraphReading::DynamicLstm(const Node& node) const {
  constexpr size_t kOwnInputs = 8, kWeight = 1, kState = 2;
  ReadOperator op{Form::kDynamicInt8, "LSTM", &node, {}, {}, {}, {}};
  for (size_t i = 0; i < std::min(node.inputs.size(), kOwnInputs); ++i) {
    if (i != kWeight && i != kState) TakeInput(i, node.inputs[i], op);
  }
  op.inputs.resize(kOwnInputs);
  op.constants[kWeight] = [this, &node] { return LstmWeight(node, kWeight, 8); };
  op.constants[kState] = [this, &node] { return LstmWeight(node, kState, 10); };
  for (const size_t i : {size_t{1}, size_t{2}, size_t{8}, size_t{9}, size_t{10}, size_t{11}}) {
    if (!InputOf(node, i).empty()) Collect(node.inputs[i], op.initializers);
  }
  return op;
}

// MatMulInteger of codes made at run time; its result times both scales.
Result<ReadOperator> GraphReading::ScaledProduct(const Node& product, const std::string& scales) const {
  const Node* quantize = ProducerOf(product.inputs[0], "DynamicQuantizeLinear");
  const Node* both = ProducerOf(scales, "Mul");
  if (quantize == nullptr || both == nullptr || quantize->outputs.size() != 3 ||
      InputOf(product, 2) != quantize->outputs[2]) {
    return At(product, "does not multiply what DynamicQuantizeLinear made, with its zero point and scale");
  }
  const bool first = both->inputs[0] == quantize->outputs[1];
  if (!first && both->inputs[1] != quantize->outputs[1]) {
    return At(product, "its result is not scaled with the scale of its activation");
  }
  const std::string weight_scale = both->inputs[first ? 1 : 0];
  ReadOperator op{Form::kDynamicInt8, "MatMul", &product, {}, {}, {}, {}};
  TakeInput(0, quantize->inputs[0], op);
  op.inputs.resize(2);
  op.constants[1] = [this, &product, weight_scale] {
    return Scaled(InputOf(product, 1), weight_scale, InputOf(product, 3), 1);
  };
  for (const std::string* value : {&product.inputs[1], &weight_scale}) Collect(*value, op.initializers);
  if (!InputOf(product, 3).empty()) Collect(product.inputs[3], op.initializers);
  return op;
}

// Rows of codes and, by the same indices, rows of their scales.
Result<ReadOperator> GraphReading::ScaledRows(const Node& codes, const Node& scales) const {
  if (codes.inputs[1] != scales.inputs[1] || codes.Int("axis", 0) != 0 || scales.Int("axis", 0) != 0) {
    return At(codes, fmt::format("its rows are not scaled with the same rows of '{}'", scales.inputs[0]));
  }
  ReadOperator op{Form::kWeightOnly, "Gather", &codes, {}, {}, {}, {}};
  op.inputs.resize(1);
  TakeInput(1, codes.inputs[1], op);
  op.constants[0] = [this, &codes, &scales] { return Scaled(codes.inputs[0], scales.inputs[0], "", 0); };
  for (const Node* node : {&codes, &scales}) Collect(node->inputs[0], op.initializers);
  return op;
}

Result<std::optional<ReadOperator>> GraphReading::Scaled(const Node& mul) const {
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const Node* cast = ProducerOf(mul.inputs[i], "Cast");
    if (cast == nullptr) continue;
    const std::string& other = mul.inputs[1 - i];
    if (const Node* product = ProducerOf(cast->inputs[0], "MatMulInteger")) {
      VLAQ_ASSIGN_OR_RETURN(ReadOperator op, ScaledProduct(*product, other));
      return std::optional(std::move(op));
    }
    const Node* codes = ProducerOf(cast->inputs[0], "Gather");
    const Node* scales = ProducerOf(other, "Gather");
    if (codes != nullptr && scales != nullptr && IsConstant(codes->inputs[0]) && IsConstant(scales->inputs[0])) {
      VLAQ_ASSIGN_OR_RETURN(ReadOperator op, ScaledRows(*codes, *scales));
      return std::optional(std::move(op));
    }
  }
  return std::optional<ReadOperator>{};
}

// The scaled product alone, or with the third operand of the Gemm added to it.
Result<std::optional<ReadOperator>> GraphReading::IntegerGemm(const Node& last, const Node& gemm) const {
  constexpr size_t kBias = 2;
  const bool adds = !InputOf(gemm, kBias).empty();
  const Node* mul = adds ? nullptr : &last;
  const std::string* bias = nullptr;
  for (size_t i = 0; adds && mul == nullptr && i < 2 && last.op_type == "Add" && last.inputs.size() == 2; ++i) {
    mul = ProducerOf(last.inputs[i], "Mul");
    bias = &last.inputs[1 - i];
  }
  if (mul == nullptr || mul->op_type != "Mul") return std::optional<ReadOperator>{};
  VLAQ_ASSIGN_OR_RETURN(std::optional<ReadOperator> op, Scaled(*mul));
  if (!op || op->op_type != "MatMul") return std::optional<ReadOperator>{};
  if (gemm.Float("alpha", 1) != 1 || gemm.Float("beta", 1) != 1 || gemm.Int("transA", 0) != 0) {
    return At(last, "is an integer product without the alpha, beta and transA of the source's Gemm");
  }
  op->op_type = "Gemm";
  if (bias != nullptr) TakeInput(kBias, *bias, *op);
  if (gemm.Int("transB", 0) == 0) return op;
  op->constants[1] = [stored = op->constants.at(1)]() -> Result<ReadConstant> {
    VLAQ_ASSIGN_OR_RETURN(const ReadConstant weight, stored());
    if (weight.values.rank() != 2) return InputError("", "a Gemm's weight is a matrix");
    return ReadConstant{SwapLastTwo(weight.values), weight.number};
  };
  return op;
}

Result<ReadOperator> GraphReading::Operator(std::string_view value, const Node* stands_for) const {
  const Node* node = Producer(value);
  while (node != nullptr && IsFloatCast(*node)) {
    const Node* before = Producer(node->inputs[0]);
    if (before == nullptr) break;
    node = before;
  }
  if (node == nullptr) return InputError(fmt::format("value '{}'", value), "is made by no node");
  if (node->op_type == "MatMulNBits") return NBits(*node);
  if (node->op_type == "DynamicQuantizeMatMul") return DynamicMatMul(*node);
  if (node->op_type == "DynamicQuantizeLSTM") return DynamicLstm(*node);
  if (stands_for != nullptr && stands_for->op_type == "Gemm") {
    VLAQ_ASSIGN_OR_RETURN(std::optional<ReadOperator> gemm, IntegerGemm(*node, *stands_for));
    if (gemm) return *std::move(gemm);
  }
  if (node->op_type == "Mul") {
    VLAQ_ASSIGN_OR_RETURN(std::optional<ReadOperator> scaled, Scaled(*node));
    if (scaled) return *std::move(scaled);
  }
  VLAQ_ASSIGN_OR_RETURN(ReadOperator op, Plain(*node));
  // A table in float16 whose rows are widened: the weight is stored small, the computation is the source's.
  if (op.op_type == "Gather" && op.form == Form::kHalf) op.form = Form::kWeightOnly;
  return op;
}

}  // namespace vlaq::verify

// Rules about QuantizeLinear and DequantizeLinear: types, zero points, what may be quantized.
#include <fmt/format.h>

#include <algorithm>

#include "check/graph_view.h"
#include "check/rule.h"

namespace vlaq::check {
namespace {

bool Quantizes(const onnx::Node& node) { return node.op_type == "QuantizeLinear"; }

bool IsType(const GraphView& view, const onnx::Node& node, size_t input, DType dtype) {
  return Given(node, input) && view.Type(node.inputs[input]) == dtype;
}

void NoZeroPoint(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (!Given(node, 2)) findings.Add(node, "", "has no zero point");
}

// ONNX: uint8 without a zero point. TensorRT: int8.
void TypeByDefault(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (!Given(node, 2) && node.Int("output_dtype", 0) == 0) findings.Add(node, "", "has no zero point to say its type");
}

void Asymmetric(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto zero = view.Value(InputName(node, 2));
  if (!zero) return;
  const Bytes bytes = zero->bytes();
  if (std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; })) return;
  findings.Add(node, InputName(node, 2), fmt::format("{} that are not all zero", Described(*zero)));
}

// UINT8 by default only: TRT-Q01a and TRT-Q01b speak of that.
bool IsQuantizedByDefault(const GraphView& view, const std::string& value) {
  const onnx::Node* maker = view.Producer(value);
  return maker != nullptr && Quantizes(*maker) && !Given(*maker, 2);
}

void Unsigned(const GraphView& view, const onnx::Node& node, Findings& findings) {
  for (const size_t input : {size_t{0}, size_t{2}}) {
    if (!IsType(view, node, input, DType::kU8) || IsQuantizedByDefault(view, node.inputs[input])) continue;
    findings.Add(node, node.inputs[input], input == 0 ? "its data is uint8" : "its zero point is uint8");
    return;
  }
}

// An INT32 constant is Conv's or Gemm's bias as ONNX Runtime writes it.
void Int32Data(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (IsType(view, node, 0, DType::kI32)) findings.Add(node, node.inputs[0], "dequantizes INT32, as for a bias");
}

void Int8Constant(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (IsType(view, node, 0, DType::kI8) && view.IsConstant(node.inputs[0])) {
    findings.Add(node, node.inputs[0], "its data is an INT8 constant");
  }
}

void FloatWeight(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (view.IsConstant(InputName(node, 0))) findings.Add(node, InputName(node, 0), "quantizes a constant");
}

void NotFloat32(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto dtype = view.Type(InputName(node, 0));
  if (dtype && *dtype != DType::kF32)
    findings.Add(node, InputName(node, 0), fmt::format("quantizes {}", DTypeName(*dtype)));
}

void OtherTypeThanScale(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto data = view.Type(InputName(node, 0));
  const auto scale = view.Type(InputName(node, 1));
  if (!data || !scale || *data == *scale) return;
  findings.Add(node, InputName(node, 0), fmt::format("{} with a scale of {}", DTypeName(*data), DTypeName(*scale)));
}

void ScalarData(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto shape = view.ShapeOf(InputName(node, 0));
  if (shape && shape->empty()) findings.Add(node, InputName(node, 0), "its data is a scalar");
}

constexpr int64_t kOnnxInt8 = 3, kOnnxUint8 = 2;  // TensorProto.DataType

void OutputType(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const int64_t asked = node.Int("output_dtype", 0);
  const auto zero = view.Type(InputName(node, 2));
  const bool differs =
      (asked == kOnnxInt8 && zero && *zero != DType::kI8) || (asked == kOnnxUint8 && zero != DType::kU8);
  if (differs) findings.Add(node, InputName(node, 2), "output_dtype is not the zero point's type");
}

bool IsNarrow(std::optional<DType> dtype) { return IsFloat8(dtype) || dtype == DType::kI4 || dtype == DType::kU4; }

void NarrowFormat(const GraphView& view, const onnx::Node& node, Findings& findings) {
  for (const size_t input : {size_t{0}, size_t{2}}) {
    const auto dtype = view.Type(InputName(node, input));
    if (!IsNarrow(dtype)) continue;
    findings.Add(node, node.inputs[input], std::string(DTypeName(*dtype)));
    return;
  }
}

void Float8BesideInt8(const GraphView& view, Findings& findings) {
  const onnx::Node* float8 = nullptr;
  const onnx::Node* int8 = nullptr;
  for (const onnx::Node& node : view.graph().nodes) {
    if (!Quantizes(node) && node.op_type != "DequantizeLinear") continue;
    const auto dtype = Given(node, 2) ? view.Type(node.inputs[2]) : view.Type(InputName(node, 0));
    if (IsFloat8(dtype)) float8 = &node;
    if (dtype == DType::kI8) int8 = &node;
  }
  if (float8 != nullptr && int8 != nullptr) findings.Add(*float8, "", fmt::format("FP8, and INT8 at '{}'", int8->name));
}

// The constant that `value` is a moved, quantized or widened form of.
bool IsRootedAtConstant(const GraphView& view, std::string value) {
  constexpr std::array<std::string_view, 8> kPass{"Cast",    "DequantizeLinear", "Identity",  "QuantizeLinear",
                                                  "Reshape", "Squeeze",          "Transpose", "Unsqueeze"};
  for (int step = 0; step < kMaxSteps; ++step) {
    if (view.IsConstant(value)) return true;
    const onnx::Node* node = view.Producer(value);
    const bool passes = node != nullptr && std::find(kPass.begin(), kPass.end(), node->op_type) != kPass.end();
    if (!passes || !Given(*node, 0)) return false;
    value = node->inputs[0];
  }
  return false;
}

void PerChannelActivation(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const auto scale = view.ShapeOf(InputName(node, 1));
  const bool per_channel = scale && ElementCount(*scale).value_or(1) > 1;
  if (per_channel && !IsRootedAtConstant(view, InputName(node, 0))) {
    findings.Add(node, InputName(node, 0), fmt::format("has scales {}, and is no constant", ShapeText(*scale)));
  }
}

void HasPairs(const GraphView& view, Findings& findings) {
  const auto& nodes = view.graph().nodes;
  const auto count = std::count_if(nodes.begin(), nodes.end(), Quantizes);
  if (count > 0) findings.Add("", fmt::format("{} QuantizeLinear", count));
}

constexpr std::array kQuantizedChecks = {
    Check{.rule = "TRT-Q01a", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = NoZeroPoint},
    Check{.rule = "TRT-Q01b", .operators = {"QuantizeLinear"}, .node = TypeByDefault},
    Check{.rule = "TRT-Q02", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = Asymmetric},
    Check{.rule = "TRT-Q03a", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = Unsigned},
    Check{.rule = "TRT-Q03b", .operators = {"QuantizeLinear"}, .node = Unsigned},
    Check{.rule = "TRT-Q03c", .operators = {"DequantizeLinear"}, .node = Unsigned},
    Check{.rule = "TRT-Q09", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = PerChannelActivation},
    Check{.rule = "TRT-Q10", .operators = {"QuantizeLinear"}, .node = NotFloat32},
    Check{.rule = "TRT-Q11a", .operators = {"QuantizeLinear"}, .node = OtherTypeThanScale},
    Check{.rule = "TRT-Q11b", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = ScalarData},
    Check{.rule = "TRT-Q11c", .operators = {"QuantizeLinear"}, .node = OutputType},
    Check{.rule = "TRT-Q12", .operators = {"DequantizeLinear"}, .node = Int32Data},
    Check{.rule = "TRT-Q13", .operators = {"DequantizeLinear"}, .node = Int8Constant},
    Check{.rule = "TRT-Q14", .operators = {"QuantizeLinear"}, .node = FloatWeight},
    Check{.rule = "TRT-Q15a", .operators = {"DequantizeLinear", "QuantizeLinear"}, .node = NarrowFormat},
    Check{.rule = "TRT-Q15b", .graph = Float8BesideInt8},
    Check{.rule = "TRT-Q17", .graph = HasPairs},
};

}  // namespace

std::span<const Check> QuantizedChecks() { return kQuantizedChecks; }

}  // namespace vlaq::check

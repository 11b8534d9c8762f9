// Rules about which operators there are, and of which types.
#include <fmt/format.h>

#include <algorithm>

#include "check/graph_view.h"
#include "check/rule.h"
#include "target/operator_table.h"

namespace vlaq::check {
namespace {

using target::HasOperator;
using target::TakesType;

// Quantized arithmetic of ONNX, which neither version has; Q/DQ around float operators says the same.
constexpr std::array<std::string_view, 5> kIntegerOperators{"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger",
                                                            "QLinearConv", "QLinearMatMul"};

// Operators that NVIDIA's plugin library brings, whatever the domain.
constexpr std::array<std::string_view, 13> kPlugins{"BatchedNMSDynamic_TRT",
                                                    "BatchedNMS_TRT",
                                                    "CustomEmbLayerNormPluginDynamic",
                                                    "CustomQKVToContextPluginDynamic",
                                                    "CustomSkipLayerNormPluginDynamic",
                                                    "DisentangledAttention_TRT",
                                                    "EfficientNMS_TRT",
                                                    "GridAnchor_TRT",
                                                    "InstanceNormalization_TRT",
                                                    "MultiscaleDeformableAttnPlugin_TRT",
                                                    "NMS_TRT",
                                                    "ProposalLayer_TRT",
                                                    "ROIAlign_TRT"};

// The input that the table's types speak of, where it is not the first; operators about which other rules speak, or
// whose first input is no data, have none.
struct DataInput {
  std::string_view op_type;
  int input;
};
constexpr std::array kDataInputs = {
    DataInput{"Constant", -1},
    DataInput{"ConstantOfShape", -1},
    DataInput{"DequantizeLinear", -1},
    DataInput{"If", -1},
    DataInput{"Loop", -1},
    DataInput{"OneHot", 2},
    DataInput{"QuantizeLinear", -1},
    DataInput{"Where", 1},
};

// Operators that compute on floating-point numbers only: the importer refuses others, which it does not for every
// operator whose row of the table leaves a type out.
constexpr std::array<std::string_view, 31> kFloatOnly{
    "Acos",          "Acosh",   "Asin",     "Asinh", "Atan",       "Atanh", "Ceil",      "Conv",
    "ConvTranspose", "Cos",     "Cosh",     "Erf",   "Exp",        "Floor", "Gemm",      "LSTM",
    "LeakyRelu",     "Log",     "MatMul",   "PRelu", "Reciprocal", "Round", "Sigmoid",   "Sin",
    "Sinh",          "Softmax", "Softplus", "Sqrt",  "Tan",        "Tanh",  "LogSoftmax"};

template <size_t N>
bool OneOf(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Not ai.onnx, nor a name that NVIDIA's plugins have.
bool IsForeign(const onnx::Node& node) { return !node.domain.empty() && !OneOf(kPlugins, node.op_type); }

// With functions of the model's own a foreign name may be one of them, which some versions import: TRT-G20b says so.
bool MayBeFunction(const GraphView& view, const onnx::Node& node) {
  return view.version().local_functions && view.model().local_functions > 0 && node.domain != "com.microsoft";
}

void Foreign(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (IsForeign(node) && !MayBeFunction(view, node))
    findings.Add(node, "", fmt::format("is {}.{}", node.domain, node.op_type));
}

void Plugin(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (OneOf(kPlugins, node.op_type)) findings.Add(node, "", "is a plugin");
}

void Gelu(const GraphView& view, const onnx::Node& node, Findings& findings) {
  if (!HasOperator("Gelu", view.version())) findings.Add(node, "", "is one operator");
}

void IntegerOperator(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (node.domain.empty() && OneOf(kIntegerOperators, node.op_type)) findings.Add(node, "", "computes in integers");
}

void Missing(const GraphView& view, const onnx::Node& node, Findings& findings) {
  const bool said = OneOf(kIntegerOperators, node.op_type) || node.op_type == "Gelu" || OneOf(kPlugins, node.op_type);
  if (!node.domain.empty() || said || HasOperator(node.op_type, view.version())) return;
  findings.Add(node, "", fmt::format("{} is not in its table", node.op_type));
}

void TypeNotListed(const GraphView& view, const onnx::Node& node, Findings& findings, bool refused) {
  if (!node.domain.empty() || !HasOperator(node.op_type, view.version())) return;
  if (OneOf(kFloatOnly, node.op_type) != refused) return;
  const auto* row = std::find_if(kDataInputs.begin(), kDataInputs.end(),
                                 [&](const DataInput& data) { return data.op_type == node.op_type; });
  const int input = row == kDataInputs.end() ? 0 : row->input;
  if (input < 0) return;
  const std::string& value = InputName(node, static_cast<size_t>(input));
  const auto dtype = view.Type(value);
  if (!dtype || *dtype == DType::kU8 || TakesType(node.op_type, *dtype, view.version())) return;
  findings.Add(node, value, fmt::format("works on {}", DTypeName(*dtype)));
}

// QuantizeLinear and DequantizeLinear have rules of their own about it.
void Uint8Inside(const GraphView& view, const onnx::Node& node, Findings& findings) {
  constexpr std::array<std::string_view, 4> kMay{"Cast", "CastLike", "DequantizeLinear", "QuantizeLinear"};
  if (OneOf(kMay, node.op_type)) return;
  for (const std::string& input : node.inputs) {
    if (view.Type(input) == DType::kU8) findings.Add(node, input, "works on uint8");
  }
}

constexpr std::array kOperatorChecks = {
    Check{.rule = "TRT-G07", .operators = {"Gelu"}, .node = Gelu},
    Check{.rule = "TRT-G08", .node = Foreign},
    Check{.rule = "TRT-G09", .node = IntegerOperator},
    Check{.rule = "TRT-G19", .node = Plugin},
    Check{.rule = "TRT-O01", .node = Missing},
    Check{
        .rule = "TRT-T02a",
        .node = [](const GraphView& view, const onnx::Node& node, Findings& f) { TypeNotListed(view, node, f, true); }},
    Check{.rule = "TRT-T02b",
          .node = [](const GraphView& view, const onnx::Node& node,
                     Findings& f) { TypeNotListed(view, node, f, false); }},
    Check{.rule = "TRT-T03", .node = Uint8Inside},
};

}  // namespace

std::span<const Check> OperatorChecks() { return kOperatorChecks; }

}  // namespace vlaq::check

#include <fmt/format.h>

#include "onnx/dtype_codes.h"
#include "quantize/rewrite/forms.h"

namespace vlaq::rewrite {
namespace {

using numerics::Granularity;
using numerics::NumericType;
using numerics::WeightChoice;

Status CheckInt8(const WeightChoice& choice, int64_t channel_axis) {
  const bool fits = choice.number == NumericType::kInt8 &&
                    (choice.granularity == Granularity::kTensor ||
                     (choice.granularity == Granularity::kChannel && choice.axis == channel_axis));
  if (fits) return {};
  return InputError(fmt::format("weight '{}'", choice.name),
                    fmt::format("dynamic_int8 takes int8 weights by tensor or by channel of axis {}", channel_axis));
}

struct Codes {
  std::string values, scale, zero_point;
};

Codes QuantizedAtRunTime(const std::string& value, GraphEditor& editor) {
  const auto known = editor.Derived(value, "dynamic");
  const std::string stem = known ? *known : editor.Free(value + "/dynamic");
  Codes codes{stem, stem + "/scale", stem + "/zero_point"};
  if (known) return codes;
  onnx::Node node;
  node.op_type = "DynamicQuantizeLinear";
  node.name = stem + "/DynamicQuantizeLinear";
  node.inputs = {value};
  node.outputs = {codes.values, codes.scale, codes.zero_point};
  editor.Add(std::move(node));
  editor.SetDerived(value, "dynamic", codes.values);
  return codes;
}

// What both factors have in common: the sum of products in int32, and the scale that makes a float of it.
struct Product {
  std::string sum, scale;
};

Result<Product> IntegerProduct(const Rewrite& r, const WeightChoice& weight, Part codes) {
  const onnx::Initializer& source = *r.editor.SourceWeight(weight.name);
  VLAQ_ASSIGN_OR_RETURN(const std::string weight_codes, r.editor.Weight(source, codes, weight));
  VLAQ_ASSIGN_OR_RETURN(const std::string weight_scale, r.editor.Weight(source, Part::kScales, weight));
  const Codes x = QuantizedAtRunTime(r.node.inputs[0], r.editor);
  const std::string& stem = r.node.name;
  const auto to_float = static_cast<int64_t>(onnx::CodeOfDType(DType::kF32).value_or(1));
  const std::string sum = r.editor.Op("MatMulInteger", stem + "/MatMulInteger", {x.values, weight_codes, x.zero_point});
  Product product;
  product.sum = r.editor.Op("Cast", stem + "/Cast", {sum}, {{"to", to_float}});
  product.scale = r.editor.Op("Mul", stem + "/scale", {x.scale, weight_scale});
  return product;
}

}  // namespace

Status DynamicInt8MatMul(const Rewrite& r) {
  VLAQ_ASSIGN_OR_RETURN(const WeightChoice* weight, OnlyWeight(r));
  VLAQ_RETURN_IF_ERROR(CheckInt8(*weight, 1));
  VLAQ_ASSIGN_OR_RETURN(const Product product, IntegerProduct(r, *weight, Part::kCodes));
  r.editor.OpAs(r.node.outputs[0], "Mul", r.node.name, {product.sum, product.scale});
  return {};
}

Status DynamicInt8Gemm(const Rewrite& r) {
  const onnx::Node& node = r.node;
  VLAQ_ASSIGN_OR_RETURN(const WeightChoice* weight, OnlyWeight(r));
  const bool transposed = node.Int("transB", 0) != 0;
  VLAQ_RETURN_IF_ERROR(CheckInt8(*weight, transposed ? 0 : 1));
  const Part codes = transposed ? Part::kTransposedCodes : Part::kCodes;
  VLAQ_ASSIGN_OR_RETURN(const Product product, IntegerProduct(r, *weight, codes));
  if (node.inputs.size() < 3 || node.inputs[2].empty()) {
    r.editor.OpAs(node.outputs[0], "Mul", node.name, {product.sum, product.scale});
    return {};
  }
  const std::string scaled = r.editor.Op("Mul", node.name + "/Mul", {product.sum, product.scale});
  VLAQ_ASSIGN_OR_RETURN(const std::string bias, r.editor.Operand(node.inputs[2]));
  r.editor.OpAs(node.outputs[0], "Add", node.name, {scaled, bias});
  return {};
}

Status DynamicInt8Lstm(const Rewrite& r) {
  if (!r.style.contrib_operators) {
    return InputError("", "an LSTM in dynamic_int8 needs ONNX Runtime's own operator, which this target does not have");
  }
  if (r.choice.weights.size() != 2) return InputError("", "an LSTM in dynamic_int8 needs both its weights in the plan");
  onnx::Node node = r.node;
  node.op_type = "DynamicQuantizeLSTM";
  node.domain = kContrib;
  node.inputs.resize(8);  // X W R B sequence_lens initial_h initial_c P, "" for those left out
  for (size_t i = 0; i < 2; ++i) {
    const WeightChoice& weight = r.choice.weights[i];
    if (weight.name != r.node.inputs[i + 1]) return InputError("", "the LSTM's weights must be W, then R");
    VLAQ_RETURN_IF_ERROR(CheckInt8(weight, 1));
    if (weight.granularity != Granularity::kChannel) {
      return InputError(fmt::format("weight '{}'", weight.name), "an LSTM is quantized by channel");
    }
    const onnx::Initializer& source = *r.editor.SourceWeight(weight.name);
    VLAQ_ASSIGN_OR_RETURN(node.inputs[i + 1], r.editor.Weight(source, Part::kTransposedCodes, weight));
    VLAQ_ASSIGN_OR_RETURN(std::string scales, r.editor.Weight(source, Part::kDirectionScales, weight));
    const Shape shape{source.shape[0], source.shape[1]};
    node.inputs.push_back(std::move(scales));
    node.inputs.push_back(
        r.editor.Constant(fmt::format("zero_point/int8[{},{}]", shape[0], shape[1]), Tensor::Make(DType::kI8, shape)));
  }
  r.editor.UseDomain(std::string(kContrib), 1);
  return r.editor.Copy(node);
}

}  // namespace vlaq::rewrite

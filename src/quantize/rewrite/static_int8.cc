#include <fmt/format.h>

#include "quantize/rewrite/forms.h"

namespace vlaq::rewrite {
namespace {

using numerics::ActivationChoice;
using numerics::Granularity;
using numerics::NumericType;
using numerics::WeightChoice;

Tensor ZeroPoint(NumericType number, int32_t value) {
  if (number == NumericType::kUint8) return Tensor::Scalar<uint8_t>(static_cast<uint8_t>(value));
  return Tensor::Scalar<int8_t>(static_cast<int8_t>(value));
}

// The activation as the kernel will see it: quantized and widened again. Errors: kInput without a range.
Result<std::string> QuantizedActivation(const Rewrite& r, const ActivationChoice& activation) {
  GraphEditor& editor = r.editor;
  const std::string as(NumericTypeName(activation.number));
  const bool own = r.style.quantize_for_each_reader;
  if (const auto shared = editor.Derived(activation.value, as); shared && !own) return *shared;
  if (!activation.range) {
    return InputError(fmt::format("activation '{}'", activation.value), "has no range",
                      "a static form needs one from vlaq calibrate");
  }
  const numerics::Scale scale = ScaleFor(*activation.range, activation.number);
  const std::string stem = fmt::format("{}/{}", own ? r.node.name + "/input" : activation.value, as);
  const std::string s = editor.Constant(stem + "/scale", Tensor::Scalar<float>(scale.scale));
  const std::string z = editor.Constant(stem + "/zero_point", ZeroPoint(activation.number, scale.zero_point));
  const std::string codes = editor.Op("QuantizeLinear", stem + "/QuantizeLinear", {activation.value, s, z});
  const std::string widened = editor.Op("DequantizeLinear", stem + "/DequantizeLinear", {codes, s, z});
  editor.SetDerived(activation.value, as, widened);
  return widened;
}

// Zeros of int8, one for each scale: TensorRT 8.6 wants them spelled out.
std::string ZeroPoints(const Shape& scales, GraphEditor& editor) {
  const std::string name = scales.empty() ? "zero_point/int8" : fmt::format("zero_point/int8[{}]", scales[0]);
  return editor.Constant(name, Tensor::Make(DType::kI8, scales));
}

Result<std::string> QuantizedWeight(const Rewrite& r, const WeightChoice& choice) {
  if (choice.number != NumericType::kInt8 || choice.granularity == Granularity::kBlock) {
    return InputError(fmt::format("weight '{}'", choice.name), "static_int8 takes int8 weights by tensor or channel");
  }
  if (const auto shared = r.editor.Derived(choice.name, "int8")) return *shared;
  const onnx::Initializer& source = *r.editor.SourceWeight(choice.name);
  VLAQ_ASSIGN_OR_RETURN(const std::string scales, r.editor.Weight(source, Part::kScales, choice));
  const bool by_channel = choice.granularity == Granularity::kChannel;
  const Shape shape = by_channel ? Shape{source.shape[static_cast<size_t>(choice.axis)]} : Shape{};
  const std::string zeros = ZeroPoints(shape, r.editor);
  const onnx::Attributes axis = by_channel ? onnx::Attributes{{"axis", choice.axis}} : onnx::Attributes{};
  std::string codes;
  if (r.style.float_weights_before_quantize) {
    VLAQ_ASSIGN_OR_RETURN(const std::string values, r.editor.Weight(source, Part::kValues));
    codes = r.editor.Op("QuantizeLinear", choice.name + "/QuantizeLinear", {values, scales, zeros}, axis);
  } else {
    VLAQ_ASSIGN_OR_RETURN(codes, r.editor.Weight(source, Part::kCodes, choice));
  }
  std::string widened =
      r.editor.Op("DequantizeLinear", choice.name + "/DequantizeLinear", {codes, scales, zeros}, axis);
  r.editor.SetDerived(choice.name, "int8", widened);
  return widened;
}

}  // namespace

Status StaticInt8(const Rewrite& r) {
  VLAQ_ASSIGN_OR_RETURN(const WeightChoice* weight, OnlyWeight(r));
  if (!r.choice.activation) return InputError("", "static_int8 needs an activation with its range");
  onnx::Node node = r.node;
  VLAQ_ASSIGN_OR_RETURN(node.inputs[0], QuantizedActivation(r, *r.choice.activation));
  VLAQ_ASSIGN_OR_RETURN(node.inputs[1], QuantizedWeight(r, *weight));
  return r.editor.Copy(node);  // a Conv's bias stays float
}

}  // namespace vlaq::rewrite

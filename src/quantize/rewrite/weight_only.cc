#include <fmt/format.h>

#include <algorithm>

#include "onnx/dtype_codes.h"
#include "quantize/rewrite/forms.h"

namespace vlaq::rewrite {
namespace {

using numerics::Granularity;
using numerics::NumericType;
using numerics::WeightChoice;

// Blocked DequantizeLinear and int4 came with it.
constexpr int64_t kOpsetOfBlocks = 21;
// MatMulNBits: compute in float32, or with activations in int8 by blocks.
constexpr int64_t kFloatAccuracy = 1, kInt8Accuracy = 4;

onnx::Attributes CastTo(DType dtype) { return {{"to", static_cast<int64_t>(onnx::CodeOfDType(dtype).value_or(1))}}; }

Result<std::string> WidenedHalf(const std::string& weight, GraphEditor& editor) {
  if (const auto shared = editor.Derived(weight, "half")) return *shared;
  VLAQ_ASSIGN_OR_RETURN(const std::string half, editor.Weight(*editor.SourceWeight(weight), Part::kHalf));
  std::string wide = editor.Op("Cast", weight + "/Cast", {half}, CastTo(DType::kF32));
  editor.SetDerived(weight, "half", wide);
  return wide;
}

// int8 by tensor or channel, or int4 by blocks, behind a DequantizeLinear.
Result<std::string> Dequantized(const WeightChoice& choice, const GraphStyle& style, GraphEditor& editor) {
  const onnx::Initializer& source = *editor.SourceWeight(choice.name);
  const Part part = choice.number == NumericType::kInt4 ? Part::kPackedInt4 : Part::kCodes;
  VLAQ_ASSIGN_OR_RETURN(const std::string codes, editor.Weight(source, part, choice));
  VLAQ_ASSIGN_OR_RETURN(const std::string scales, editor.Weight(source, Part::kScales, choice));
  onnx::Attributes attributes;
  if (choice.granularity != Granularity::kTensor) attributes.emplace("axis", choice.axis);
  if (choice.granularity == Granularity::kBlock && style.opset < kOpsetOfBlocks) {
    return InputError(fmt::format("weight '{}'", choice.name),
                      fmt::format("blocks need opset {}, the plan says {}", kOpsetOfBlocks, style.opset));
  }
  if (choice.granularity == Granularity::kBlock) {
    attributes.emplace("block_size", choice.block);
  }
  return editor.Op("DequantizeLinear", choice.name + "/DequantizeLinear", {codes, scales}, std::move(attributes));
}

Status NBits(const Rewrite& r, const WeightChoice& choice) {
  const onnx::Initializer& source = *r.editor.SourceWeight(choice.name);
  VLAQ_ASSIGN_OR_RETURN(const std::string values, r.editor.Weight(source, Part::kNBitsValues, choice));
  VLAQ_ASSIGN_OR_RETURN(const std::string scales, r.editor.Weight(source, Part::kNBitsScales, choice));
  const bool int8_activation = r.choice.activation && r.choice.activation->number == NumericType::kInt8;
  r.editor.OpAs(r.node.outputs[0], "MatMulNBits", r.node.name, {r.node.inputs[0], values, scales},
                {{"K", source.shape[0]},
                 {"N", source.shape[1]},
                 {"bits", static_cast<int64_t>(BitsOf(choice.number))},
                 {"block_size", choice.block},
                 {"accuracy_level", int8_activation ? kInt8Accuracy : kFloatAccuracy}},
                std::string(kContrib));
  r.editor.UseDomain(std::string(kContrib), 1);
  return {};
}

}  // namespace

Status WeightOnlyMatMul(const Rewrite& r) {
  VLAQ_ASSIGN_OR_RETURN(const WeightChoice* weight, OnlyWeight(r));
  if (weight->number == NumericType::kFloat16) return StoredHalf(r);
  if (weight->number != NumericType::kInt8 && weight->number != NumericType::kInt4) {
    return InputError(fmt::format("weight '{}'", weight->name), "weight_only takes float16, int8 or int4");
  }
  if (weight->granularity == Granularity::kBlock && weight->axis != 0) {
    return InputError(fmt::format("weight '{}'", weight->name), "blocks run along axis 0, the inputs of a MatMul");
  }
  if (weight->granularity == Granularity::kBlock && r.style.contrib_operators) return NBits(r, *weight);
  onnx::Node node = r.node;
  VLAQ_ASSIGN_OR_RETURN(node.inputs[1], Dequantized(*weight, r.style, r.editor));
  return r.editor.Copy(node);
}

Status WeightOnlyGather(const Rewrite& r) {
  VLAQ_ASSIGN_OR_RETURN(const WeightChoice* weight, OnlyWeight(r));
  const onnx::Initializer& source = *r.editor.SourceWeight(weight->name);
  const std::string& stem = r.node.name;
  onnx::Node rows = r.node;
  rows.name = stem + "/rows";
  rows.outputs = {rows.name};
  if (weight->number == NumericType::kFloat16) {
    VLAQ_ASSIGN_OR_RETURN(rows.inputs[0], r.editor.Weight(source, Part::kHalf));
    r.editor.Add(rows);
    r.editor.OpAs(r.node.outputs[0], "Cast", stem, {rows.name}, CastTo(DType::kF32));
    return {};
  }
  if (weight->number != NumericType::kInt8 || weight->granularity != Granularity::kChannel || weight->axis != 0) {
    return InputError(fmt::format("weight '{}'", weight->name),
                      "a table is stored as float16, or as int8 with a scale for each row (channel, axis 0)");
  }
  if (r.style.dequantize_tables_first) {
    onnx::Node gather = r.node;
    VLAQ_ASSIGN_OR_RETURN(gather.inputs[0], Dequantized(*weight, r.style, r.editor));
    return r.editor.Copy(gather);
  }
  VLAQ_ASSIGN_OR_RETURN(rows.inputs[0], r.editor.Weight(source, Part::kCodes, *weight));
  r.editor.Add(rows);
  onnx::Node scales = r.node;
  scales.name = stem + "/scales";
  scales.outputs = {scales.name};
  VLAQ_ASSIGN_OR_RETURN(scales.inputs[0], r.editor.Weight(source, Part::kRowScales, *weight));
  r.editor.Add(scales);
  const std::string wide = r.editor.Op("Cast", stem + "/Cast", {rows.name}, CastTo(DType::kF32));
  r.editor.OpAs(r.node.outputs[0], "Mul", stem, {wide, scales.name});
  return {};
}

Status WeightOnlyLstm(const Rewrite& r) {
  const bool half = std::all_of(r.choice.weights.begin(), r.choice.weights.end(),
                                [](const WeightChoice& weight) { return weight.number == NumericType::kFloat16; });
  if (half) return StoredHalf(r);
  onnx::Node node = r.node;
  for (const WeightChoice& weight : r.choice.weights) {
    if (weight.number != NumericType::kInt8 || weight.granularity != Granularity::kChannel || weight.axis != 1) {
      return InputError(fmt::format("weight '{}'", weight.name),
                        "an LSTM's weights are stored as float16, or as int8 with a scale for each gate row (channel, "
                        "axis 1)");
    }
    VLAQ_ASSIGN_OR_RETURN(const std::string wide, Dequantized(weight, r.style, r.editor));
    std::replace(node.inputs.begin(), node.inputs.end(), weight.name, wide);
  }
  return r.editor.Copy(node);
}

Status StoredHalf(const Rewrite& r) {
  onnx::Node node = r.node;
  for (const WeightChoice& weight : r.choice.weights) {
    if (weight.number != NumericType::kFloat16) {
      return InputError(fmt::format("weight '{}'", weight.name),
                        fmt::format("a {} stores its weights in float16 or as they are", r.node.op_type));
    }
    VLAQ_ASSIGN_OR_RETURN(const std::string wide, WidenedHalf(weight.name, r.editor));
    for (std::string& input : node.inputs) {
      if (input == weight.name) input = wide;
    }
  }
  return r.editor.Copy(node);
}

}  // namespace vlaq::rewrite

#include "quantize/rewrite/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "onnx/operator_catalog.h"
#include "quantize/rewrite/forms.h"

namespace vlaq::rewrite {
namespace {

using numerics::Form;
using numerics::OperatorChoice;

using RewriteForm = Status (*)(const Rewrite& r);

struct FormRow {
  Form form;
  std::string_view op_type;
  RewriteForm rewrite;
};

Status KeepAsItIs(const Rewrite& r) { return r.editor.Copy(r.node); }

// What is not here cannot be done.
constexpr std::array kForms = {
    FormRow{Form::kStaticInt8, "MatMul", StaticInt8},
    FormRow{Form::kStaticInt8, "Gemm", StaticInt8},
    FormRow{Form::kStaticInt8, "Conv", StaticInt8},
    FormRow{Form::kStaticInt8, "ConvTranspose", StaticInt8},
    FormRow{Form::kDynamicInt8, "MatMul", DynamicInt8MatMul},
    FormRow{Form::kDynamicInt8, "Gemm", DynamicInt8Gemm},
    FormRow{Form::kDynamicInt8, "LSTM", DynamicInt8Lstm},
    FormRow{Form::kWeightOnly, "MatMul", WeightOnlyMatMul},
    FormRow{Form::kWeightOnly, "Gather", WeightOnlyGather},
    FormRow{Form::kWeightOnly, "LSTM", WeightOnlyLstm},
    FormRow{Form::kWeightOnly, "Gemm", StoredHalf},
    FormRow{Form::kWeightOnly, "Conv", StoredHalf},
    FormRow{Form::kWeightOnly, "ConvTranspose", StoredHalf},
    FormRow{Form::kWeightOnly, "GRU", StoredHalf},
    FormRow{Form::kWeightOnly, "RNN", StoredHalf},
};

Error Refuse(const OperatorChoice& choice, std::string what) {
  return InputError(fmt::format("plan: operator '{}'", choice.node), std::move(what));
}

// The weights named in the plan must be the node's own.
Status CheckWeights(const OperatorChoice& choice, const onnx::Node& node, const GraphEditor& editor) {
  for (const numerics::WeightChoice& weight : choice.weights) {
    const bool reads = std::find(node.inputs.begin(), node.inputs.end(), weight.name) != node.inputs.end();
    const onnx::Initializer* source = editor.SourceWeight(weight.name);
    if (!reads || source == nullptr) {
      return Refuse(choice, fmt::format("its weight '{}' is not one that this node reads", weight.name));
    }
    const bool stays = choice.form == Form::kFloat || choice.form == Form::kHalf;
    if (!stays && !source->is_external()) {
      return Refuse(choice,
                    fmt::format("its weight '{}' is a small constant that stays in the graph, float32", weight.name));
    }
    const auto axis = static_cast<size_t>(weight.axis);
    const bool by_axis = !stays && weight.granularity != numerics::Granularity::kTensor;
    if (by_axis && (weight.axis < 0 || axis >= source->shape.size())) {
      return Refuse(
          choice, fmt::format("its weight '{}' {} has no axis {}", weight.name, ShapeText(source->shape), weight.axis));
    }
  }
  return {};
}

// What the catalog says of the node's product: whether integers can compute it, and with which weights.
Status CheckIntegers(const OperatorChoice& choice, const onnx::Node& node, const GraphEditor& editor) {
  if (choice.form != Form::kStaticInt8 && choice.form != Form::kDynamicInt8) return {};
  const auto weighted = onnx::FindWeighted(node, editor.source_index());
  if (!weighted) return Refuse(choice, "multiplies with no weight of its own");
  if (!weighted->no_integers.empty()) {
    return Refuse(choice, fmt::format("has no form {}: {}", FormName(choice.form), weighted->no_integers));
  }
  for (const numerics::WeightChoice& weight : choice.weights) {
    const auto is_it = [&weight](const onnx::Initializer* own) { return own->name == weight.name; };
    if (std::ranges::any_of(weighted->weights, is_it)) continue;
    return Refuse(choice, fmt::format("its weight '{}' is not what its activation is multiplied with", weight.name));
  }
  return {};
}

Status CheckActivation(const OperatorChoice& choice, const onnx::Node& node) {
  if (!choice.activation || choice.activation->value == node.inputs.front()) return {};
  return Refuse(choice, fmt::format("its activation is '{}', but the node reads '{}'", choice.activation->value,
                                    node.inputs.front()));
}

}  // namespace

Status RewriteOperator(const OperatorChoice& choice, const onnx::Node& node, const GraphStyle& style,
                       GraphEditor& editor) {
  if (choice.op_type != node.op_type) {
    return Refuse(choice, fmt::format("is a {} in the plan, but a {} in the bundle", choice.op_type, node.op_type));
  }
  VLAQ_RETURN_IF_ERROR(CheckWeights(choice, node, editor));
  const Rewrite rewrite{choice, node, style, editor};
  if (choice.form == Form::kFloat || choice.form == Form::kHalf) return KeepAsItIs(rewrite);
  const auto* row = std::find_if(kForms.begin(), kForms.end(), [&](const FormRow& candidate) {
    return candidate.form == choice.form && candidate.op_type == node.op_type;
  });
  if (row == kForms.end()) return Refuse(choice, fmt::format("{} has no form {}", node.op_type, FormName(choice.form)));
  VLAQ_RETURN_IF_ERROR(CheckActivation(choice, node));
  VLAQ_RETURN_IF_ERROR(CheckIntegers(choice, node, editor));
  const Status done = row->rewrite(rewrite);
  return done.ok() ? Status() : Within(fmt::format("plan: operator '{}'", choice.node), done.error());
}

Result<const numerics::WeightChoice*> OnlyWeight(const Rewrite& r) {
  if (r.choice.weights.size() == 1) return &r.choice.weights.front();
  return InputError(
      "", fmt::format("the form {} needs one weight, not {}", FormName(r.choice.form), r.choice.weights.size()));
}

}  // namespace vlaq::rewrite

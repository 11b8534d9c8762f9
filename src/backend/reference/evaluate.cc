// EvaluateNode: the table of all operators and the checks that every operator shares.
#include <algorithm>
#include <map>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace vlaq::backend {
namespace {

const std::map<std::string_view, Operator>& AllOperators() {
  static const auto* const table = [] {
    auto* all = new std::map<std::string_view, Operator>;
    for (const auto family : {ElementwiseOperators(), ConvolutionOperators(), GeneratorOperators(), MatMulOperators(),
                              MovementOperators(), NormalizationOperators(), QuantizedOperators(), RecurrentOperators(),
                              ReductionOperators(), ShapeOperators()}) {
      for (const Operator& op : family) all->emplace(op.name, op);
    }
    return all;
  }();
  return *table;
}

std::string QualifiedName(std::string_view op_type, std::string_view domain) {
  return domain.empty() ? std::string(op_type) : fmt::format("{}.{}", domain, op_type);
}

Status CheckInputs(const Operator& op, std::span<const Tensor* const> inputs) {
  if (inputs.size() > op.most_inputs)
    return Refuse(fmt::format("has {} inputs, at most {}", inputs.size(), op.most_inputs));
  for (size_t i = 0; i < op.least_inputs; ++i) {
    if (i >= inputs.size() || inputs[i] == nullptr) return Refuse(fmt::format("input {} is missing", i));
  }
  for (const Tensor* input : inputs) {
    const bool packed = input != nullptr && DTypeBits(input->dtype()) < 8;
    if (packed && op.name != "DequantizeLinear") {
      return Refuse(fmt::format("does not take {} values", DTypeName(input->dtype())));
    }
  }
  return {};
}

Result<Tensors> Evaluate(const onnx::Node& node, std::span<const Tensor* const> inputs) {
  if (!HasReferenceOperator(node.op_type, node.domain)) return Refuse("the reference back end has no such operator");
  const Operator& op = AllOperators().at(QualifiedName(node.op_type, node.domain));
  VLAQ_RETURN_IF_ERROR(CheckInputs(op, inputs));
  VLAQ_ASSIGN_OR_RETURN(Tensors outputs, op.evaluate(Call(node, inputs)));
  if (outputs.size() < node.outputs.size()) {
    return Refuse(fmt::format("gives {} outputs, not {}", outputs.size(), node.outputs.size()));
  }
  outputs.resize(node.outputs.size());
  return outputs;
}

}  // namespace

Error Refuse(std::string what) { return Error{ErrorCode::kBackend, std::move(what), "", ""}; }

Result<std::vector<int64_t>> Call::Integers(size_t i) const {
  const Tensor& tensor = In(i);
  const bool fits = (tensor.dtype() == DType::kI64 || tensor.dtype() == DType::kI32) && tensor.rank() <= 1;
  if (fits) return ToIntegers(tensor);
  return Refuse(fmt::format("input {} must be a list of integers, not {} {}", i, DTypeName(tensor.dtype()),
                            ShapeText(tensor.shape())));
}

bool HasReferenceOperator(std::string_view op_type, std::string_view domain) {
  return AllOperators().count(QualifiedName(op_type, domain)) > 0;
}

Result<std::vector<Tensor>> EvaluateNode(const onnx::Node& node, std::span<const Tensor* const> inputs) {
  auto outputs = Evaluate(node, inputs);
  if (outputs.ok()) return outputs;
  return Within(fmt::format("node '{}' ({})", node.name, QualifiedName(node.op_type, node.domain)), outputs.error());
}

}  // namespace vlaq::backend

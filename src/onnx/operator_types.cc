#include "onnx/operator_types.h"

#include <fmt/format.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "onnx/types.h"

namespace vlaq::onnx {
namespace {

using ::onnx::OpSchema;

// Operators that came after the installed libonnx, and the opset that brought them.
struct NewOperator {
  std::string_view op_type;
  int64_t opset;
};
constexpr auto kNewOperators = std::to_array<NewOperator>({
    {"BitwiseAnd", 18},       {"BitwiseNot", 18},      {"BitwiseOr", 18},   {"BitwiseXor", 18},
    {"CenterCropPad", 18},    {"Col2Im", 18},          {"Mish", 18},        {"GroupNormalization", 18},
    {"DeformConv", 19},       {"AffineGrid", 20},      {"Gelu", 20},        {"ImageDecoder", 20},
    {"RegexFullMatch", 20},   {"StringConcat", 20},    {"StringSplit", 20}, {"Attention", 23},
    {"RMSNormalization", 23}, {"RotaryEmbedding", 23}, {"Swish", 24},       {"TensorScatter", 24},
});
constexpr int64_t kNewestKnown = 24;

// As schemas spell them: "tensor(float)".
std::string SchemaType(DType dtype) {
  if (dtype == DType::kF32) return "tensor(float)";
  if (dtype == DType::kF64) return "tensor(double)";
  return fmt::format("tensor({})", DTypeName(dtype));
}

const OpSchema* SchemaOf(const Node& node, int64_t opset) {
  const int newest = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
  return ::onnx::OpSchemaRegistry::Schema(node.op_type, static_cast<int>(std::min<int64_t>(opset, newest)));
}

bool IsThere(const Node& node, int64_t opset, const OpSchema* schema) {
  if (schema != nullptr || opset > kNewestKnown) return true;
  return std::ranges::any_of(kNewOperators,
                             [&](const NewOperator& row) { return row.op_type == node.op_type && row.opset <= opset; });
}

std::string Place(const Node& node) {
  return fmt::format("node '{}' ({})", node.name.substr(0, 200), node.op_type.substr(0, 200));
}

// The formal parameter of an input; the last one may be repeated.
const OpSchema::FormalParameter* Parameter(const OpSchema& schema, size_t input) {
  const auto& parameters = schema.inputs();
  if (input < parameters.size()) return &parameters[input];
  const bool variadic = !parameters.empty() && parameters.back().GetOption() == OpSchema::Variadic;
  return variadic ? &parameters.back() : nullptr;
}

Status CheckInputs(const Node& node, const OpSchema& schema, const ValueTypes& types) {
  struct Bound {
    DType dtype;
    std::string_view value;
  };
  std::map<std::string, Bound, std::less<>> bound;  // type variable of the schema -> what it stands for here
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto type = types.find(node.inputs[i]);
    const auto* parameter = Parameter(schema, i);
    if (node.inputs[i].empty() || parameter == nullptr || type == types.end()) continue;
    const auto& allowed = parameter->GetTypes();
    const bool taken =
        std::ranges::any_of(allowed, [&](const auto* name) { return *name == SchemaType(type->second); });
    if (!taken) {
      return InputError(Place(node), fmt::format("its input '{}' is {}, which the operator does not take",
                                                 node.inputs[i].substr(0, 200), DTypeName(type->second)));
    }
    const bool alike = parameter->GetOption() != OpSchema::Variadic || parameter->GetIsHomogeneous();
    if (!alike) continue;
    const auto [first, is_new] = bound.emplace(parameter->GetTypeStr(), Bound{type->second, node.inputs[i]});
    if (is_new || first->second.dtype == type->second) continue;
    return InputError(Place(node), fmt::format("its inputs '{}' and '{}' must be of one type, but are {} and {}",
                                               first->second.value.substr(0, 200), node.inputs[i].substr(0, 200),
                                               DTypeName(first->second.dtype), DTypeName(type->second)));
  }
  return {};
}

Status CheckGraph(const Graph& graph, const ValueTypes& around, int64_t opset) {
  ValueTypes types = KnownTypes(graph);
  types.insert(around.begin(), around.end());
  const int newest = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
  for (const Node& node : graph.nodes) {
    for (const auto& [name, value] : node.attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<const Graph>>(&value);
      if (subgraph != nullptr) VLAQ_RETURN_IF_ERROR(CheckGraph(**subgraph, types, opset));
    }
    if (!node.domain.empty()) continue;
    const OpSchema* schema = SchemaOf(node, opset);
    if (!IsThere(node, opset, schema)) {
      return InputError(Place(node), fmt::format("opset {} has no such operator", opset));
    }
    if (schema != nullptr && opset <= newest) VLAQ_RETURN_IF_ERROR(CheckInputs(node, *schema, types));
  }
  return {};
}

}  // namespace

Status CheckOperatorTypes(const Model& model) {
  const auto opset = model.opsets.find("");
  return opset == model.opsets.end() ? Status() : CheckGraph(model.graph, {}, opset->second);
}

}  // namespace vlaq::onnx

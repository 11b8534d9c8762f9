#include "quantize/rewrite/graph_editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace vlaq::rewrite {

GraphEditor::GraphEditor(const onnx::Model& source, NewWeights& weights)
    : source_(source), weights_(weights), index_(source.graph) {
  model_.ir_version = source.ir_version;
  model_.opsets = source.opsets;
  model_.producer_name = source.producer_name;
  model_.producer_version = source.producer_version;
  model_.metadata = source.metadata;
  model_.graph.name = source.graph.name;
  model_.graph.inputs = source.graph.inputs;
  model_.graph.outputs = source.graph.outputs;
  model_.graph.values = source.graph.values;
}

std::string GraphEditor::Free(std::string name) const {
  const auto is_part = [&](const std::string& wanted) {
    return std::any_of(kPartSuffixes.begin(), kPartSuffixes.end(), [&](std::string_view suffix) {
      return wanted.ends_with(suffix) &&
             index_.IsInitializer(std::string_view(wanted).substr(0, wanted.size() - suffix.size()));
    });
  };
  while (index_.Has(name) || kept_.contains(name) || is_part(name)) name += "_";
  return name;
}

Status GraphEditor::Keep(const std::string& value) {
  const onnx::Initializer* initializer = SourceWeight(value);
  if (initializer == nullptr || kept_.contains(value)) return {};
  if (initializer->is_external()) {
    const auto placed = Weight(*initializer, Part::kValues);
    return placed.ok() ? Status() : Status(placed.error());
  }
  kept_.emplace(value, *initializer);
  return {};
}

Status GraphEditor::Copy(const onnx::Node& node) {
  for (const std::string& input : node.inputs) VLAQ_RETURN_IF_ERROR(Keep(input));
  for (const std::string& value : onnx::Captured(node)) VLAQ_RETURN_IF_ERROR(Keep(value));
  nodes_.push_back(node);
  return {};
}

Result<std::string> GraphEditor::Operand(const std::string& value) {
  VLAQ_RETURN_IF_ERROR(Keep(value));
  return value;
}

std::string GraphEditor::Op(std::string op_type, std::string name, std::vector<std::string> inputs,
                            onnx::Attributes attributes, std::string domain) {
  name = Free(std::move(name));
  std::string output = name;
  OpAs(output, std::move(op_type), std::move(name), std::move(inputs), std::move(attributes), std::move(domain));
  return output;
}

void GraphEditor::OpAs(std::string output, std::string op_type, std::string name, std::vector<std::string> inputs,
                       onnx::Attributes attributes, std::string domain) {
  onnx::Node node;
  node.op_type = std::move(op_type);
  node.name = std::move(name);
  node.domain = std::move(domain);
  node.inputs = std::move(inputs);
  node.outputs = {std::move(output)};
  node.attributes = std::move(attributes);
  nodes_.push_back(std::move(node));
}

std::string GraphEditor::Constant(std::string name, const Tensor& tensor) {
  kept_.try_emplace(name, onnx::Initializer{name, tensor.dtype(), tensor.shape(), tensor});
  return name;
}

Result<std::string> GraphEditor::Weight(const onnx::Initializer& source, Part part,
                                        const std::optional<numerics::WeightChoice>& choice) {
  if (!source.is_external()) return InternalError(source.name, "is stored in the graph, not in the shared file");
  VLAQ_ASSIGN_OR_RETURN(const std::string name, weights_.Place(source, part, choice));
  const NewWeight* weight = weights_.Find(name);
  kept_.try_emplace(name, onnx::Initializer{name, weight->dtype, weight->shape, onnx::ExternalData{}});
  return name;
}

std::optional<std::string> GraphEditor::Derived(std::string_view value, std::string_view as) const {
  const auto found = derived_.find({std::string(value), std::string(as)});
  if (found == derived_.end()) return std::nullopt;
  return found->second;
}

void GraphEditor::SetDerived(std::string_view value, std::string_view as, std::string name) {
  derived_.insert_or_assign({std::string(value), std::string(as)}, std::move(name));
}

onnx::Model GraphEditor::Finish() {
  std::set<std::string, std::less<>> used;
  for (const onnx::Node& node : nodes_) {
    used.insert(node.inputs.begin(), node.inputs.end());
    used.merge(onnx::Captured(node));
  }
  for (const onnx::ValueInfo& output : model_.graph.outputs) used.insert(output.name);
  for (auto& [name, initializer] : kept_) {
    if (used.contains(name)) model_.graph.initializers.push_back(std::move(initializer));
  }
  model_.graph.nodes = std::move(nodes_);
  return std::move(model_);
}

}  // namespace vlaq::rewrite

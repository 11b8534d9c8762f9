#include "planning/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "onnx/model_file.h"
#include "onnx/work.h"

namespace vlaq::planning {
namespace {

using onnx::Node;

// The part of a name before its last '/'.
std::string Folder(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

std::string Last(const std::string& name) { return name.substr(name.rfind('/') + 1); }

class Reader {
 public:
  Reader(const onnx::Graph& graph, const onnx::ValueShapes& shapes, bool in_head, PolicyOperators& into)
      : graph_(graph), shapes_(shapes), in_head_(in_head), into_(into) {
    for (const Node& node : graph.nodes) {
      for (const std::string& input : node.inputs) readers_[input].push_back(&node);
    }
  }

  Status Run() {
    for (const Node& node : graph_.nodes) {
      VLAQ_RETURN_IF_ERROR(TakeWeighted(node));
      TakeSensitive(node);
      TakeSmoothable(node);
    }
    return {};
  }

 private:
  const onnx::Initializer* Weight(const Node& node, size_t input) const {
    if (input >= node.inputs.size()) return nullptr;
    const onnx::Initializer* found = graph_.FindInitializer(node.inputs[input]);
    return found != nullptr && found->is_external() ? found : nullptr;
  }

  bool IsLinear(const Node& node) const {
    const onnx::Initializer* weight = Weight(node, 1);
    return node.op_type == "MatMul" && weight != nullptr && weight->shape.size() == 2;
  }

  // "vision/layer.0/self_attn/q_proj+k_proj+v_proj" for linears that share their input.
  std::string GroupOf(const Node& node) const {
    std::vector<const Node*> siblings;
    for (const Node* reader : readers_.at(node.inputs[0])) {
      if (IsLinear(*reader)) siblings.push_back(reader);
    }
    if (siblings.size() < 2) return Folder(node.name);
    std::string group = Folder(Folder(siblings.front()->name)) + "/";
    for (size_t i = 0; i < siblings.size(); ++i) {
      group += (i > 0 ? "+" : "") + Last(Folder(siblings[i]->name));
    }
    return group;
  }

  Status TakeWeighted(const Node& node) {
    WeightedOperator op;
    op.node = node.name;
    op.op_type = node.op_type;
    op.group = Folder(node.name);
    op.in_head = in_head_;
    if (IsLinear(node)) {
      op.group = GroupOf(node);
      op.input = node.inputs[0];
      op.weights = {node.inputs[1]};
    } else if (node.op_type == "Conv" && Weight(node, 1) != nullptr) {
      op.input = node.inputs[0];
      op.weights = {node.inputs[1]};
    } else if (node.op_type == "Gather" && Weight(node, 0) != nullptr && Weight(node, 0)->shape.size() == 2) {
      op.group = node.name;
      op.weights = {node.inputs[0]};
    } else if (node.op_type == "LSTM" && Weight(node, 1) != nullptr && Weight(node, 2) != nullptr) {
      op.group = node.name;
      op.input = node.inputs[0];
      op.weights = {node.inputs[1], node.inputs[2]};
    } else {
      return {};
    }
    op.shape = graph_.FindInitializer(op.weights[0])->shape;
    VLAQ_ASSIGN_OR_RETURN(op.macs, onnx::MacsOf(node, shapes_));
    into_.operators.push_back(std::move(op));
    return {};
  }

  void TakeSensitive(const Node& node) {
    const bool residual = node.op_type == "Add" && graph_.FindInitializer(node.inputs[0]) == nullptr &&
                          graph_.FindInitializer(node.inputs[1]) == nullptr;
    if (residual || node.op_type == "LayerNormalization" || node.op_type == "Softmax" || node.op_type == "ReduceL2") {
      into_.sensitive.push_back({node.name, node.op_type, node.outputs[0]});
    }
  }

  void TakeSmoothable(const Node& node) {
    if (node.op_type != "LayerNormalization" || node.inputs.size() < 3) return;
    const auto readers = readers_.find(node.outputs[0]);
    if (readers == readers_.end()) return;
    std::vector<std::string> nodes;
    for (const Node* reader : readers->second) {
      if (!IsLinear(*reader) || reader->inputs[0] != node.outputs[0]) return;
      nodes.push_back(reader->name);
    }
    into_.smoothable.emplace_back(node.outputs[0], std::move(nodes));
  }

  const onnx::Graph& graph_;
  const onnx::ValueShapes& shapes_;
  bool in_head_;
  std::map<std::string, std::vector<const Node*>> readers_;
  PolicyOperators& into_;
};

}  // namespace

onnx::Extents ExtentsOf(const policy::PolicySpec& spec) {
  return {{"batch", 1},
          {"window", spec.window},
          {"tokens", std::max<int64_t>(1, static_cast<int64_t>(spec.prompt_ids.size()))}};
}

Result<PolicyOperators> ReadOperators(const bundle::Bundle& bundle) {
  PolicyOperators result;
  for (const std::string_view role : {bundle::kEncoder, bundle::kHead}) {
    VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(bundle.GraphPath(role)));
    onnx::WeightFiles files(bundle.path);
    auto shapes = onnx::InferShapes(model, ExtentsOf(bundle.spec), &files);
    if (!shapes.ok()) return Within(bundle.GraphPath(role).string(), shapes.error());
    const Status read = Reader(model.graph, *shapes, role == bundle::kHead, result).Run();
    if (!read.ok()) return Within(bundle.GraphPath(role).string(), read.error());
  }
  const auto last = std::find_if(result.operators.rbegin(), result.operators.rend(),
                                 [](const WeightedOperator& op) { return op.in_head && op.op_type == "MatMul"; });
  if (last != result.operators.rend()) last->makes_actions = true;
  if (!result.operators.empty()) return result;
  return InputError(bundle.path.string(), "its graphs have no operator whose weights could be quantised",
                    "give a bundle that vlaq export wrote in fp32");
}

}  // namespace vlaq::planning

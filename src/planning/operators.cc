#include "planning/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "onnx/model_file.h"
#include "onnx/types.h"
#include "onnx/work.h"
#include "quantizing/quantize.h"

namespace vlaq::planning {
namespace {

using onnx::Node;

// The part of a name before its last '/'; the name itself where nothing is before it ("/MatMul", "node_linear_3").
std::string Folder(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos || slash == 0 ? name : name.substr(0, slash);
}

std::string Last(const std::string& name) { return name.substr(name.rfind('/') + 1); }

constexpr std::array<std::string_view, 3> kRecurrent{"LSTM", "GRU", "RNN"};

template <size_t n>
bool IsOneOf(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Where an operator has its weight and what it multiplies it with: indices of its inputs.
struct Place {
  size_t weight, activation;
};

class Reader {
 public:
  Reader(std::string_view name, const onnx::Model& model, const passes::GraphNames& names, PolicyOperators& into)
      : name_(name), graph_(model.graph), names_(names), into_(into), types_(onnx::KnownTypes(model.graph)) {
    const auto opset = model.opsets.find("");
    opset_ = opset == model.opsets.end() ? 1 : opset->second;
    for (const Node& node : graph_.nodes) {
      for (const std::string& input : node.inputs) readers_[input].push_back(&node);
      for (const std::string& input : passes::Captured(node)) readers_[input].push_back(&node);
    }
    for (const onnx::ValueInfo& output : graph_.outputs) outputs_.insert(output.name);
    for (const onnx::Initializer& initializer : graph_.initializers) constants_.insert(initializer.name);
    for (const Node& node : graph_.nodes) {
      const bool constant = std::all_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& input) {
        return input.empty() || constants_.contains(input);
      });
      if (constant && !node.inputs.empty()) constants_.insert(node.outputs.begin(), node.outputs.end());
    }
  }

  // `listed`: names of operators and values that graphs before this one had.
  void Run(std::set<std::string>& listed) {
    std::set<std::string> own;
    for (const Node& node : graph_.nodes) {
      CountInSubgraphs(node);
      const std::string name = names_.Node(name_, node.name);
      own.insert(name);
      if (listed.contains(name)) continue;
      TakeWeighted(node);
      TakeSensitive(node);
      TakeSmoothable(node);
    }
    listed.merge(own);
  }

  // Multiply-accumulates and rows of the operators from `begin` on.
  void TakeCosts(size_t begin, const onnx::ValueShapes& shapes) {
    for (size_t i = begin; i < into_.operators.size(); ++i) {
      const Node& node = *nodes_[i - begin];
      const auto macs = onnx::MacsOf(node, shapes);
      if (macs.ok()) into_.operators[i].macs = *macs;
      const auto result = shapes.find(node.outputs[0]);
      if (result == shapes.end() || result->second.shape.empty()) continue;
      int64_t rows = 1;
      for (size_t axis = 0; axis + 1 < result->second.shape.size(); ++axis) rows *= result->second.shape[axis];
      into_.operators[i].rows = rows;
    }
  }

 private:
  const onnx::Initializer* Weight(const Node& node, size_t input) const {
    if (input >= node.inputs.size()) return nullptr;
    const onnx::Initializer* found = graph_.FindInitializer(node.inputs[input]);
    return found != nullptr && found->is_external() && found->dtype == DType::kF32 ? found : nullptr;
  }

  bool IsLinear(const Node& node) const {
    const onnx::Initializer* weight = Weight(node, 1);
    return node.op_type == "MatMul" && weight != nullptr && weight->shape.size() == 2;
  }

  std::string Of(const std::string& node) const { return names_.Node(name_, node); }

  // "vision/layer.0/self_attn/q_proj+k_proj+v_proj" for linears that share their input.
  std::string GroupOf(const Node& node) const {
    std::vector<const Node*> siblings;
    for (const Node* reader : readers_.at(node.inputs[0])) {
      if (IsLinear(*reader)) siblings.push_back(reader);
    }
    if (siblings.size() < 2) return Folder(Of(node.name));
    const bool folders = std::all_of(siblings.begin(), siblings.end(), [](const Node* sibling) {
      return Folder(Folder(sibling->name)) != Folder(sibling->name);
    });
    std::string group = folders ? Folder(Folder(Of(siblings.front()->name))) + "/" : "";
    for (size_t i = 0; i < siblings.size(); ++i) {
      group += (i > 0 ? "+" : "") + (folders ? Last(Folder(siblings[i]->name)) : Of(siblings[i]->name));
    }
    return group;
  }

  // Where the weight is of what the planner knows; nullopt for what has none.
  std::optional<Place> PlaceOf(const Node& node) const {
    if (!node.domain.empty()) return std::nullopt;
    if (node.op_type == "MatMul") {
      if (Weight(node, 1) != nullptr) return Place{1, 0};
      return Weight(node, 0) != nullptr ? std::optional(Place{0, 1}) : std::nullopt;
    }
    if (node.op_type == "Gather") {
      const onnx::Initializer* table = Weight(node, 0);
      const bool rows = table != nullptr && table->shape.size() == 2 && node.Int("axis", 0) == 0;
      return rows ? std::optional(Place{0, 1}) : std::nullopt;
    }
    if (IsOneOf(kRecurrent, node.op_type)) {
      return Weight(node, 1) != nullptr && Weight(node, 2) != nullptr ? std::optional(Place{1, 0}) : std::nullopt;
    }
    const bool other = node.op_type == "Gemm" || node.op_type == "Conv" || node.op_type == "ConvTranspose";
    return other && Weight(node, 1) != nullptr ? std::optional(Place{1, 0}) : std::nullopt;
  }

  // Why an operator cannot compute with integers; empty: it can.
  std::string NoIntegers(const Node& node, const Place& place, const onnx::Initializer& weight) const {
    if (node.op_type != "Gather" && constants_.contains(node.inputs[place.activation])) {
      return "it reads constants only, so it is computed once, when the graph is opened";
    }
    if (node.op_type == "MatMul") {
      if (place.weight == 0) return "its weight is the first operand of the product";
      if (weight.shape.size() != 2) return fmt::format("its weight has {} axes, not 2", weight.shape.size());
    }
    if (node.op_type == "Gemm") {
      const bool plain = node.Float("alpha", 1) == 1 && node.Float("beta", 1) == 1 && node.Int("transA", 0) == 0;
      if (!plain) return "a Gemm with an alpha, beta or transA of its own";
      if (weight.shape.size() != 2) return fmt::format("its weight has {} axes, not 2", weight.shape.size());
    }
    if (node.op_type == "LSTM") {
      const bool plain = weight.shape.size() == 3 && weight.shape[0] == 1 && node.Int("layout", 0) == 0 &&
                         (node.inputs.size() < 8 || node.inputs[7].empty());
      if (!plain) return "an LSTM of both directions, with peepholes or with the batch in front";
    }
    if (node.op_type == "ConvTranspose" && node.Int("group", 1) != 1) return "a ConvTranspose in groups";
    if (node.op_type == "GRU" || node.op_type == "RNN") {
      return fmt::format("there is no {} with integer weights", node.op_type);
    }
    return "";
  }

  void TakeWeighted(const Node& node) {
    const std::optional<Place> place = PlaceOf(node);
    if (!place) {
      if (Multiplies(node) && HasOtherWeight(node)) ++into_.of_other_types;
      return;
    }
    const onnx::Initializer& weight = *graph_.FindInitializer(node.inputs[place->weight]);
    WeightedOperator op;
    op.node = Of(node.name);
    op.op_type = node.op_type;
    op.weights = {weight.name};
    op.shape = weight.shape;
    op.opset = opset_;
    op.no_integers = NoIntegers(node, *place, weight);
    op.group = Folder(op.node);
    if (IsLinear(node)) op.group = GroupOf(node);
    if (node.op_type == "Gather" || IsOneOf(kRecurrent, node.op_type)) op.group = op.node;
    if (node.op_type != "Gather") {
      op.input = node.inputs[place->activation];
      op.seen_as = names_.Value(name_, op.input);
    }
    if (IsOneOf(kRecurrent, node.op_type)) op.weights.push_back(node.inputs[2]);
    const bool outputs_first = node.op_type == "Conv" || (node.op_type == "Gemm" && node.Int("transB", 0) != 0);
    op.channel_axis = outputs_first ? 0 : 1;
    op.channel_groups = node.Int("group", 1);
    into_.operators.push_back(std::move(op));
    nodes_.push_back(&node);
  }

  void TakeSensitive(const Node& node) {
    const bool residual = node.op_type == "Add" && graph_.FindInitializer(node.inputs[0]) == nullptr &&
                          graph_.FindInitializer(node.inputs[1]) == nullptr;
    if (residual || node.op_type == "LayerNormalization" || node.op_type == "Softmax" || node.op_type == "ReduceL2") {
      const auto type = types_.find(node.outputs[0]);
      if (type != types_.end() && type->second != DType::kF32) return;
      into_.sensitive.push_back({Of(node.name), node.op_type, names_.Value(name_, node.outputs[0])});
    }
  }

  bool HasItAlone(const std::string& weight) const {
    const onnx::Initializer* found = graph_.FindInitializer(weight);
    return found != nullptr && found->is_external() && readers_.at(weight).size() == 1;
  }

  void TakeSmoothable(const Node& node) {
    if (node.op_type != "LayerNormalization" || node.inputs.size() < 3 || node.inputs[2].empty()) return;
    if (outputs_.contains(node.outputs[0]) || !HasItAlone(node.inputs[1]) || !HasItAlone(node.inputs[2])) return;
    const auto readers = readers_.find(node.outputs[0]);
    if (readers == readers_.end()) return;
    std::vector<std::string> nodes;
    for (const Node* reader : readers->second) {
      const bool alone = IsLinear(*reader) && reader->inputs[0] == node.outputs[0] && HasItAlone(reader->inputs[1]);
      if (!alone) return;
      nodes.push_back(Of(reader->name));
    }
    into_.smoothable.emplace_back(names_.Value(name_, node.outputs[0]), std::move(nodes));
  }

  static bool Multiplies(const Node& node) {
    return node.op_type == "MatMul" || node.op_type == "Gemm" || node.op_type == "Conv" ||
           node.op_type == "ConvTranspose" || IsOneOf(kRecurrent, node.op_type);
  }

  bool HasOtherWeight(const Node& node) const {
    const onnx::Initializer* weight = node.inputs.size() > 1 ? graph_.FindInitializer(node.inputs[1]) : nullptr;
    return weight != nullptr && weight->dtype != DType::kF32;
  }

  void CountInSubgraphs(const Node& node) {
    for (const auto& [key, value] : node.attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<const onnx::Graph>>(&value);
      if (subgraph == nullptr) continue;
      for (const Node& inner : (*subgraph)->nodes) {
        CountInSubgraphs(inner);
        if (Multiplies(inner) && Weight(inner, 1) != nullptr) ++into_.in_subgraphs;
      }
    }
  }

  std::string_view name_;
  const onnx::Graph& graph_;
  const passes::GraphNames& names_;
  PolicyOperators& into_;
  onnx::ValueTypes types_;
  int64_t opset_ = 1;
  std::map<std::string, std::vector<const Node*>> readers_;
  std::set<std::string> outputs_;
  std::set<std::string> constants_;  // values that depend on no input
  std::vector<const Node*> nodes_;   // of the operators that were listed here
};

// Walks back from the policy's outputs, through graphs and the steps between them, to the first operators with weights
// on every way. A normalization with weights ends a way too: an error before it does not come through unfiltered.
class ActionMakers {
 public:
  ActionMakers(const policy::Policy& policy, const passes::Graphs& graphs, const passes::GraphNames& names,
               const std::vector<WeightedOperator>& operators)
      : policy_(policy), names_(names) {
    for (const WeightedOperator& op : operators) weighted_.insert(op.node);
    for (const auto& [name, model] : graphs) {
      for (const Node& node : model.graph.nodes) {
        for (const std::string& output : node.outputs) makers_[name].emplace(output, &node);
      }
    }
  }

  std::set<std::string> Run() {
    const auto schedule = policy_.schedules.find(policy_.default_schedule);
    if (schedule == policy_.schedules.end()) return {};
    Learn(schedule->second);
    for (const policy::Output& output : policy_.outputs) FromValue(output.name);
    return std::move(found_);
  }

 private:
  void Learn(const std::vector<policy::Step>& steps) {
    for (const policy::Step& step : steps) {
      if (step.kind == policy::StepKind::kRun) {
        const auto graph = policy_.graphs.find(step.graph);
        if (graph == policy_.graphs.end()) continue;
        for (const auto& [port, value] : graph->second.outputs) ports_[value].emplace_back(step.graph, port);
      }
      if (!step.as.empty() && !step.value.empty()) sources_[step.as].push_back(step.value);
      for (const std::string& value : step.values) sources_[step.as].push_back(value);
      for (const policy::CarriedValue& carried : step.carry) {
        sources_[carried.as].push_back(carried.from);
        sources_[carried.as].push_back(carried.next);
      }
      Learn(step.steps);
    }
  }

  void FromValue(const std::string& value) {
    if (!seen_.insert(value).second) return;
    for (const auto& [graph, port] : ports_[value]) FromGraph(graph, port);
    for (const std::string& source : sources_[value]) FromValue(source);
  }

  void FromGraph(const std::string& graph, const std::string& port) {
    std::vector<std::string> open{port};
    std::set<std::string> seen;
    while (!open.empty()) {
      const std::string value = std::move(open.back());
      open.pop_back();
      if (value.empty() || !seen.insert(value).second) continue;
      const auto maker = makers_[graph].find(value);
      if (maker == makers_[graph].end()) {
        const auto& inputs = policy_.graphs.find(graph)->second.inputs;
        const auto bound = inputs.find(value);
        if (bound != inputs.end()) FromValue(bound->second);
        continue;
      }
      const Node& node = *maker->second;
      const std::string name = names_.Node(graph, node.name);
      if (weighted_.contains(name)) {
        found_.insert(name);
        continue;
      }
      if (node.op_type.ends_with("Normalization")) continue;
      open.insert(open.end(), node.inputs.begin(), node.inputs.end());
      for (const std::string& captured : passes::Captured(node)) open.push_back(captured);
    }
  }

  const policy::Policy& policy_;
  const passes::GraphNames& names_;
  std::set<std::string> weighted_, seen_, found_;
  std::map<std::string, std::map<std::string, const Node*>, std::less<>> makers_;  // graph -> value -> node
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> ports_;  // value -> graph and output
  std::map<std::string, std::vector<std::string>> sources_;                        // value -> what it is made of
};

}  // namespace

int64_t PolicyOperators::macs() const {
  int64_t sum = 0;
  for (const WeightedOperator& op : operators) sum += op.macs;
  return sum;
}

Result<PolicyOperators> ReadOperators(const bundle::Bundle& bundle) {
  PolicyOperators result;
  VLAQ_ASSIGN_OR_RETURN(const passes::Graphs graphs, quantizing::ReadGraphs(bundle));
  const passes::GraphNames names(bundle.policy, graphs);
  PolicyExtents extents(bundle);
  std::set<std::string> listed;
  for (const std::string& name : passes::GraphsInOrder(bundle.policy)) {
    const auto model = graphs.find(name);
    if (model == graphs.end()) continue;
    const size_t begin = result.operators.size();
    Reader reader(name, model->second, names, result);
    reader.Run(listed);
    // What is another way to the same operators needs no second look.
    if (begin > 0 && begin == result.operators.size()) continue;
    onnx::WeightFiles files(bundle.path);
    const auto shapes = onnx::InferShapes(model->second, extents.Of(name), &files);
    if (!shapes.ok()) {
      result.not_counted.push_back(Within(bundle.GraphPath(name).string(), shapes.error()).ToString());
      continue;
    }
    extents.Learn(name, *shapes);
    reader.TakeCosts(begin, *shapes);
  }
  const std::set<std::string> makers = ActionMakers(bundle.policy, graphs, names, result.operators).Run();
  for (WeightedOperator& op : result.operators) op.makes_actions = makers.contains(op.node);
  if (!result.operators.empty()) return result;
  std::string what = "its graphs have no operator whose weights could be quantised";
  if (result.in_subgraphs > 0) what += fmt::format(": {} lie within If, Loop or Scan", result.in_subgraphs);
  if (result.of_other_types > 0) what += fmt::format(": the weights of {} are not float32", result.of_other_types);
  return InputError(bundle.path.string(), std::move(what),
                    "give a bundle with float32 weights, as vlaq export writes it");
}

}  // namespace vlaq::planning

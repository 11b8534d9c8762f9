#include "quantize/plan/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "cost/extents.h"
#include "onnx/graph_index.h"
#include "onnx/model_file.h"
#include "onnx/operator_catalog.h"
#include "onnx/work.h"
#include "quantize/apply/quantize.h"

namespace vlaq::plan {
namespace {

using onnx::Node;

// The part of a name before its last '/'; the name itself where nothing is before it ("/MatMul", "node_linear_3").
std::string Folder(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos || slash == 0 ? name : name.substr(0, slash);
}

std::string Last(const std::string& name) { return name.substr(name.rfind('/') + 1); }

using Indices = std::map<std::string, onnx::GraphIndex, std::less<>>;

// Linears that read one value are a group, since a format for one of them is a format for that value; any other
// operator is a group of its own. People read the short name where no other group has it.
struct GroupName {
  std::string brief, full;
};

class Reader {
 public:
  Reader(std::string_view name, const onnx::Model& model, const onnx::GraphIndex& index,
         const rewrite::GraphNames& names, PolicyOperators& into)
      : name_(name), index_(index), names_(names), into_(into) {
    const auto opset = model.opsets.find("");
    opset_ = opset == model.opsets.end() ? 1 : opset->second;
  }

  // `listed`: names of operators and values that graphs before this one had.
  void Run(std::set<std::string>& listed) {
    std::set<std::string> own;
    for (const Node& node : index_.graph().nodes) {
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
      into_.operators[i].joins_bias = HasBias(node) && (IsOfTwoAxes(node, shapes) || HasFixedInputs());
      const auto result = shapes.find(node.outputs[0]);
      if (result == shapes.end() || result->second.shape.empty()) continue;
      int64_t rows = 1;
      for (size_t axis = 0; axis + 1 < result->second.shape.size(); ++axis) rows *= result->second.shape[axis];
      into_.operators[i].rows = rows;
    }
  }

  // The groups of the operators that were listed here, in order.
  const std::vector<GroupName>& groups() const { return groups_; }

 private:
  // What plans speak of: its weights are float32 in the bundle's weights file.
  static bool IsPlanned(const onnx::WeightedNode& op) {
    return std::all_of(op.weights.begin(), op.weights.end(), [](const onnx::Initializer* weight) {
      return weight->is_external() && weight->dtype == DType::kF32;
    });
  }

  std::optional<onnx::WeightedNode> Planned(const Node& node) const {
    auto op = onnx::FindWeighted(node, index_);
    if (op && !IsPlanned(*op)) op.reset();
    return op;
  }

  static bool IsOfTwoAxes(const Node& node, const onnx::ValueShapes& shapes) {
    const auto result = shapes.find(node.outputs[0]);
    return result != shapes.end() && result->second.shape.size() == 2;
  }

  bool HasFixedInputs() const {
    return std::ranges::all_of(index_.graph().inputs, [](const onnx::ValueInfo& input) {
      return std::ranges::all_of(input.dims, [](const onnx::Dim& dim) { return dim.value >= 0; });
    });
  }

  // Whether a Gemm has a bias, or a MatMul one in the Add that alone reads it.
  bool HasBias(const Node& node) const {
    if (node.op_type == "Gemm") return node.inputs.size() > 2 && !node.inputs[2].empty();
    const auto& readers = index_.Readers(node.outputs[0]);
    if (node.op_type != "MatMul" || readers.size() != 1 || readers[0]->op_type != "Add") return false;
    return std::ranges::any_of(readers[0]->inputs, [&](const std::string& name) { return index_.IsInitializer(name); });
  }

  // A matrix that the rows of a value are multiplied with.
  static bool IsLinear(const onnx::WeightedNode& op) {
    return op.row.sums_last_axis && !op.row.second_weight && op.weight().shape.size() == 2;
  }

  std::string Of(const std::string& node) const { return names_.Node(name_, node); }
  // The folder of a node as plans call it.
  std::string FolderOf(const std::string& node) const {
    const std::string whole = Of(node);
    return whole.substr(0, whole.size() - node.size()) + Folder(node);
  }

  // "vision/layer.0/self_attn/q_proj+k_proj+v_proj" for linears that read one value.
  GroupName GroupOf(const onnx::WeightedNode& op) const {
    const Node& node = *op.node;
    std::vector<const Node*> siblings;
    if (IsLinear(op)) {
      for (const Node* reader : index_.Readers(*op.activation())) {
        const auto other = Planned(*reader);
        if (other && IsLinear(*other) && *other->activation() == *op.activation()) siblings.push_back(reader);
      }
    }
    if (siblings.size() < 2) {
      const bool by_folder = op.row.activation && !op.row.second_weight;
      return {by_folder ? FolderOf(node.name) : Of(node.name), Of(node.name)};
    }
    const bool folders = std::all_of(siblings.begin(), siblings.end(), [](const Node* sibling) {
      return Folder(Folder(sibling->name)) != Folder(sibling->name);
    });
    GroupName group;
    if (folders) group.brief = Folder(FolderOf(siblings.front()->name)) + "/";
    for (size_t i = 0; i < siblings.size(); ++i) {
      const std::string& sibling = siblings[i]->name;
      group.full += (i > 0 ? "+" : "") + Of(sibling);
      group.brief += (i > 0 ? "+" : "") + (folders ? Last(Folder(sibling)) : Of(sibling));
    }
    return group;
  }

  void TakeWeighted(const Node& node) {
    const auto found = onnx::FindWeighted(node, index_);
    if (!found) return;
    if (!IsPlanned(*found)) {
      into_.of_other_types += found->weight().dtype == DType::kF32 ? 0 : 1;
      return;
    }
    const onnx::Initializer& weight = found->weight();
    WeightedOperator op;
    op.node = Of(node.name);
    op.op_type = node.op_type;
    for (const onnx::Initializer* each : found->weights) op.weights.push_back(each->name);
    op.shape = weight.shape;
    op.opset = opset_;
    op.no_integers = found->no_integers;
    if (const std::string* activation = found->activation()) {
      op.input = *activation;
      op.seen_as = names_.Value(name_, *activation);
    }
    op.channel_axis = found->row.output_axis;
    op.channel_groups = node.Int("group", 1);
    into_.operators.push_back(std::move(op));
    nodes_.push_back(&node);
    groups_.push_back(GroupOf(*found));
  }

  void TakeSensitive(const Node& node) {
    const bool residual =
        node.op_type == "Add" && !index_.IsInitializer(node.inputs[0]) && !index_.IsInitializer(node.inputs[1]);
    if (residual || node.op_type == "LayerNormalization" || node.op_type == "Softmax" || node.op_type == "ReduceL2") {
      if (index_.Type(node.outputs[0]).value_or(DType::kF32) != DType::kF32) return;
      into_.sensitive.push_back({Of(node.name), node.op_type, names_.Value(name_, node.outputs[0])});
    }
  }

  bool HasItAlone(const std::string& weight) const {
    const onnx::Initializer* found = index_.FindInitializer(weight);
    return found != nullptr && found->is_external() && index_.Readers(weight).size() == 1;
  }

  void TakeSmoothable(const Node& node) {
    if (node.op_type != "LayerNormalization" || node.inputs.size() < 3 || node.inputs[2].empty()) return;
    if (index_.IsOutput(node.outputs[0]) || !HasItAlone(node.inputs[1]) || !HasItAlone(node.inputs[2])) return;
    std::vector<std::string> nodes;
    for (const Node* reader : index_.Readers(node.outputs[0])) {
      const auto op = Planned(*reader);
      const bool alone = op && reader->op_type == "MatMul" && IsLinear(*op) && *op->activation() == node.outputs[0] &&
                         HasItAlone(op->weight().name);
      if (!alone) return;
      nodes.push_back(Of(reader->name));
    }
    if (nodes.empty()) return;
    into_.smoothable.emplace_back(names_.Value(name_, node.outputs[0]), std::move(nodes));
  }

  void CountInSubgraphs(const Node& node) {
    for (const auto& [key, value] : node.attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<const onnx::Graph>>(&value);
      if (subgraph == nullptr) continue;
      for (const Node& inner : (*subgraph)->nodes) {
        CountInSubgraphs(inner);
        if (Planned(inner)) ++into_.in_subgraphs;  // weights lie in the graph around it
      }
    }
  }

  std::string_view name_;
  const onnx::GraphIndex& index_;
  const rewrite::GraphNames& names_;
  PolicyOperators& into_;
  int64_t opset_ = 1;
  std::vector<const Node*> nodes_;  // of the operators that were listed here
  std::vector<GroupName> groups_;
};

// Walks back from the policy's outputs, through graphs and the steps between them, to the first operators with weights
// on every way. A normalization with weights ends a way too: an error before it does not come through unfiltered.
class ActionMakers {
 public:
  ActionMakers(const policy::Policy& policy, const Indices& indices, const rewrite::GraphNames& names,
               const std::vector<WeightedOperator>& operators)
      : policy_(policy), indices_(indices), names_(names) {
    for (const WeightedOperator& op : operators) weighted_.insert(op.node);
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
    const auto index = indices_.find(graph);
    if (index == indices_.end()) return;
    std::vector<std::string> open{port};
    std::set<std::string> seen;
    while (!open.empty()) {
      const std::string value = std::move(open.back());
      open.pop_back();
      if (value.empty() || !seen.insert(value).second) continue;
      const Node* maker = index->second.Producer(value);
      if (maker == nullptr) {
        const auto& inputs = policy_.graphs.find(graph)->second.inputs;
        const auto bound = inputs.find(value);
        if (bound != inputs.end()) FromValue(bound->second);
        continue;
      }
      const std::string name = names_.Node(graph, maker->name);
      if (weighted_.contains(name)) {
        found_.insert(name);
        continue;
      }
      if (maker->op_type.ends_with("Normalization")) continue;
      open.insert(open.end(), maker->inputs.begin(), maker->inputs.end());
      for (const std::string& captured : onnx::Captured(*maker)) open.push_back(captured);
    }
  }

  const policy::Policy& policy_;
  const Indices& indices_;
  const rewrite::GraphNames& names_;
  std::set<std::string> weighted_, seen_, found_;
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> ports_;  // value -> graph and output
  std::map<std::string, std::vector<std::string>> sources_;                        // value -> what it is made of
};

// `names`: of the operators, in order.
void NameGroups(const std::vector<GroupName>& names, std::vector<WeightedOperator>& operators) {
  std::map<std::string_view, std::set<std::string_view>> meanings;
  for (const GroupName& name : names) meanings[name.brief].insert(name.full);
  for (size_t i = 0; i < operators.size(); ++i) {
    operators[i].group = meanings[names[i].brief].size() == 1 ? names[i].brief : names[i].full;
  }
}

}  // namespace

int64_t PolicyOperators::macs() const {
  int64_t sum = 0;
  for (const WeightedOperator& op : operators) sum += op.macs;
  return sum;
}

Result<PolicyOperators> ReadOperators(const bundle::Bundle& bundle) {
  PolicyOperators result;
  VLAQ_ASSIGN_OR_RETURN(const rewrite::Graphs graphs, apply::ReadGraphs(bundle));
  const rewrite::GraphNames names(bundle.policy, graphs);
  Indices indices;
  for (const auto& [name, model] : graphs) indices.emplace(name, model.graph);
  cost::PolicyExtents extents(bundle);
  std::set<std::string> listed;
  std::vector<GroupName> groups;
  for (const std::string& name : rewrite::GraphsInOrder(bundle.policy)) {
    const auto model = graphs.find(name);
    if (model == graphs.end()) continue;
    const size_t begin = result.operators.size();
    Reader reader(name, model->second, indices.at(name), names, result);
    reader.Run(listed);
    groups.insert(groups.end(), reader.groups().begin(), reader.groups().end());
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
  NameGroups(groups, result.operators);
  const std::set<std::string> makers = ActionMakers(bundle.policy, indices, names, result.operators).Run();
  for (WeightedOperator& op : result.operators) op.makes_actions = makers.contains(op.node);
  if (!result.operators.empty()) return result;
  std::string what = "its graphs have no operator whose weights could be quantized";
  if (result.in_subgraphs > 0) what += fmt::format(": {} lie within If, Loop or Scan", result.in_subgraphs);
  if (result.of_other_types > 0) what += fmt::format(": the weights of {} are not float32", result.of_other_types);
  return InputError(bundle.path.string(), std::move(what),
                    "give a bundle with float32 weights, as vlaq export writes it");
}

}  // namespace vlaq::plan

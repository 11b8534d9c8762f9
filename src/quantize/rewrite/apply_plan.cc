#include "quantize/rewrite/apply_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "quantize/rewrite/graph_editor.h"
#include "quantize/rewrite/graph_names.h"
#include "quantize/rewrite/half.h"
#include "quantize/rewrite/opset.h"

namespace vlaq::rewrite {
namespace {

using numerics::Form;
using numerics::OperatorChoice;
using numerics::Plan;

// What the plan says of nodes, which it names alone or with their graph.
class Choices {
 public:
  explicit Choices(const Plan& plan) {
    for (const OperatorChoice& choice : plan.operators) operators_.emplace(choice.node, &choice);
    for (const auto& node : plan.keep_float) keep_float_.insert(node.node);
  }

  const OperatorChoice* Find(const std::string& graph, const std::string& node) const {
    auto found = operators_.find(WithGraph(graph, node));
    if (found == operators_.end()) found = operators_.find(node);
    return found == operators_.end() ? nullptr : found->second;
  }
  bool KeptFloat(const std::string& graph, const std::string& node) const {
    return keep_float_.contains(node) || keep_float_.contains(WithGraph(graph, node));
  }

 private:
  std::map<std::string, const OperatorChoice*, std::less<>> operators_;
  std::set<std::string, std::less<>> keep_float_;
};

// Every operator of the plan is a node of some graph.
Status CheckKnown(const Graphs& graphs, const Plan& plan) {
  std::set<std::string, std::less<>> nodes;
  for (const auto& [role, model] : graphs) {
    for (const onnx::Node& node : model.graph.nodes) {
      nodes.insert(node.name);
      nodes.insert(WithGraph(role, node.name));
    }
  }
  const auto check = [&](const std::string& name) -> Status {
    if (nodes.contains(name)) return {};
    return InputError(fmt::format("plan: operator '{}'", name), "no graph of the bundle has a node of this name",
                      "make the plan from this bundle: vlaq plan quantize");
  };
  for (const OperatorChoice& choice : plan.operators) VLAQ_RETURN_IF_ERROR(check(choice.node));
  for (const auto& node : plan.keep_float) VLAQ_RETURN_IF_ERROR(check(node.node));
  return {};
}

HalfOptions HalfOptionsFor(const Plan& plan, const Choices& choices, const std::string& graph,
                           const onnx::Model& model) {
  HalfOptions options;
  options.everything = plan.rest == numerics::NumericType::kFloat16;
  for (const onnx::Node& node : model.graph.nodes) {
    if (choices.KeptFloat(graph, node.name)) options.keep_float.insert(node.name);
    const OperatorChoice* choice = choices.Find(graph, node.name);
    if (choice == nullptr) continue;
    if (choice->form == Form::kHalf) options.half.insert(node.name);
    if (choice->form == Form::kFloat) options.keep_float.insert(node.name);
  }
  return options;
}

// Nodes that forms add are called after what they are made of; a graph that has such names already was quantized by
// somebody else.
Status CheckNames(const onnx::Graph& graph) {
  std::set<std::string_view> nodes, values;
  const auto taken = [](std::string_view name) {
    return InputError(fmt::format("node '{}'", name), "a graph of the bundle already has what quantizing would add",
                      "give a bundle that was not quantized before");
  };
  for (const onnx::Initializer& initializer : graph.initializers) values.insert(initializer.name);
  for (const onnx::Node& node : graph.nodes) {
    if (!node.name.empty() && !nodes.insert(node.name).second) return taken(node.name);
    for (const std::string& output : node.outputs) {
      if (!output.empty() && !values.insert(output).second) return taken(node.name);
    }
  }
  return {};
}

int64_t OpsetOf(const onnx::Model& model) {
  const auto found = model.opsets.find("");
  return found == model.opsets.end() ? 1 : found->second;
}

// Below it operators meant other things (Softmax, Squeeze), so such a graph stays what it is.
constexpr int64_t kOldestRaised = 13;

Result<onnx::Model> RewriteModel(const onnx::Model& given_source, const Plan& plan, const Choices& choices,
                                 const std::string& graph, const GraphStyle& given, NewWeights& weights) {
  GraphStyle style = given;
  style.opset = plan.opset;
  onnx::Model lowered;
  // ONNX Runtime reads what it read before; others may know no newer opset than the plan's.
  const bool newer = OpsetOf(given_source) > plan.opset && !given.contrib_operators;
  if (newer) {
    lowered = given_source;
    const Status done = LowerOpset(lowered, plan.opset);
    if (!done.ok()) return Within(fmt::format("graph '{}'", graph), done.error());
  }
  const onnx::Model& source = newer ? lowered : given_source;
  GraphEditor editor(source, weights);
  for (const onnx::Node& node : source.graph.nodes) {
    const OperatorChoice* choice = choices.Find(graph, node.name);
    VLAQ_RETURN_IF_ERROR(choice == nullptr ? editor.Copy(node) : RewriteOperator(*choice, node, style, editor));
  }
  onnx::Model model = editor.Finish();
  VLAQ_RETURN_IF_ERROR(CheckNames(model.graph));
  if (OpsetOf(source) < kOldestRaised || OpsetOf(source) >= plan.opset) return model;
  const Status raised = RaiseOpset(model, plan.opset);
  if (!raised.ok()) return Within(fmt::format("graph '{}'", graph), raised.error());
  return model;
}

}  // namespace

Sources SourcesOf(const Graphs& graphs) {
  Sources sources;
  for (const auto& [role, model] : graphs) {
    for (const onnx::Initializer& initializer : model.graph.initializers) {
      // Each graph has its own inline ones, whatever others call theirs.
      if (initializer.is_external()) sources.emplace(initializer.name, &initializer);
    }
  }
  return sources;
}

Result<Rewritten> ApplyPlan(const Graphs& graphs, const Plan& plan, const GraphStyle& style) {
  VLAQ_RETURN_IF_ERROR(CheckKnown(graphs, plan));
  Rewritten result;
  const Sources sources = SourcesOf(graphs);
  const Choices choices(plan);
  std::set<std::string> notes;
  std::map<std::string, bool, std::less<>> used;
  for (const auto& [role, source] : graphs) {
    VLAQ_ASSIGN_OR_RETURN(onnx::Model model, RewriteModel(source, plan, choices, role, style, result.weights));
    const HalfOptions half = HalfOptionsFor(plan, choices, role, source);
    if (half.everything || !half.half.empty()) {
      VLAQ_ASSIGN_OR_RETURN(const HalfReport report, ConvertToHalf(model, result.weights, sources, half));
      notes.insert(report.notes.begin(), report.notes.end());
    }
    for (const onnx::Initializer& initializer : model.graph.initializers) used.emplace(initializer.name, true);
    result.graphs.emplace(role, std::move(model));
  }
  result.weights.Keep(used);
  result.notes.assign(notes.begin(), notes.end());
  return result;
}

}  // namespace vlaq::rewrite

#include "passes/apply_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "passes/graph_editor.h"
#include "passes/half.h"
#include "passes/opset.h"

namespace vlaq::passes {
namespace {

using quantization::Form;
using quantization::OperatorChoice;
using quantization::Plan;

std::map<std::string, const OperatorChoice*, std::less<>> ByNode(const Plan& plan) {
  std::map<std::string, const OperatorChoice*, std::less<>> choices;
  for (const OperatorChoice& choice : plan.operators) choices.emplace(choice.node, &choice);
  return choices;
}

// Every operator of the plan is a node of some graph.
Status CheckKnown(const Graphs& graphs, const Plan& plan) {
  std::set<std::string, std::less<>> nodes;
  for (const auto& [role, model] : graphs) {
    for (const onnx::Node& node : model.graph.nodes) nodes.insert(node.name);
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

HalfOptions HalfOptionsFor(const Plan& plan) {
  HalfOptions options;
  options.everything = plan.rest == quantization::Number::kFloat16;
  for (const auto& node : plan.keep_float) options.keep_float.insert(node.node);
  for (const OperatorChoice& choice : plan.operators) {
    if (choice.form == Form::kHalf) options.half.insert(choice.node);
    if (choice.form == Form::kFloat) options.keep_float.insert(choice.node);
  }
  return options;
}

Result<onnx::Model> RewriteModel(const onnx::Model& source, const Plan& plan, const GraphStyle& given,
                                 NewWeights& weights) {
  GraphStyle style = given;
  style.opset = plan.opset;
  const auto choices = ByNode(plan);
  GraphEditor editor(source, weights);
  for (const onnx::Node& node : source.graph.nodes) {
    const auto choice = choices.find(node.name);
    VLAQ_RETURN_IF_ERROR(choice == choices.end() ? editor.Copy(node)
                                                 : RewriteOperator(*choice->second, node, style, editor));
  }
  onnx::Model model = editor.Finish();
  VLAQ_RETURN_IF_ERROR(RaiseOpset(model, plan.opset));
  return model;
}

}  // namespace

Sources SourcesOf(const Graphs& graphs) {
  Sources sources;
  for (const auto& [role, model] : graphs) {
    for (const onnx::Initializer& initializer : model.graph.initializers)
      sources.emplace(initializer.name, &initializer);
  }
  return sources;
}

Result<Rewritten> ApplyPlan(const Graphs& graphs, const Plan& plan, const GraphStyle& style) {
  VLAQ_RETURN_IF_ERROR(CheckKnown(graphs, plan));
  Rewritten result;
  const Sources sources = SourcesOf(graphs);
  const HalfOptions half = HalfOptionsFor(plan);
  std::set<std::string> notes;
  std::map<std::string, bool, std::less<>> used;
  for (const auto& [role, source] : graphs) {
    VLAQ_ASSIGN_OR_RETURN(onnx::Model model, RewriteModel(source, plan, style, result.weights));
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

}  // namespace vlaq::passes

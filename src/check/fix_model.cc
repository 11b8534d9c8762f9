#include <algorithm>
#include <set>
#include <tuple>

#include "check/fix.h"
#include "check/fixes.h"
#include "quantize/rewrite/opset.h"

namespace vlaq::check {
namespace {

// The IR version since which an initializer need not be an input as well.
constexpr int64_t kInitializersAlone = 4;

using Names = std::set<std::string, std::less<>>;

void AddReads(const onnx::Graph& graph, Names& names) {
  for (const onnx::ValueInfo& output : graph.outputs) names.insert(output.name);
  for (const onnx::Node& node : graph.nodes) {
    names.insert(node.inputs.begin(), node.inputs.end());
    for (const auto& [attribute, value] : node.attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<const onnx::Graph>>(&value);
      if (subgraph != nullptr) AddReads(**subgraph, names);
    }
  }
}

Names Made(const onnx::Graph& graph) {
  Names names;
  for (const onnx::ValueInfo& input : graph.inputs) names.insert(input.name);
  for (const onnx::Initializer& initializer : graph.initializers) names.insert(initializer.name);
  for (const onnx::Node& node : graph.nodes) names.insert(node.outputs.begin(), node.outputs.end());
  return names;
}

size_t Errors(const std::vector<Finding>& findings) {
  return static_cast<size_t>(
      std::ranges::count(findings, Severity::kError, [](const Finding& f) { return f.rule->severity; }));
}

// What the fixes did and could not do.
struct Record {
  std::map<std::string, std::string> done;                             // node -> how
  std::map<std::pair<const Rule*, std::string>, std::string> refused;  // rule, node -> why
};

bool Speaks(const GraphFix& fix, const onnx::Node& node) {
  return node.domain == fix.domain &&
         std::find(fix.operators.begin(), fix.operators.end(), node.op_type) != fix.operators.end();
}

onnx::Graph Apply(const GraphFix& fix, const GraphView& view, Record& record) {
  onnx::Graph graph = view.graph();
  graph.nodes.clear();
  Patch patch(view.graph());
  for (const onnx::Node& node : view.graph().nodes) {
    if (Speaks(fix, node) && !node.outputs.empty() && Given(node, 0) && fix.rewrite(view, node, patch)) {
      record.done[node.name] = fix.what;
    } else {
      patch.Add(node);
    }
  }
  for (const auto& [node, why] : patch.refused()) record.refused[{&*fix.rule, node}] = why;
  graph.nodes = std::move(patch.nodes());
  for (onnx::Initializer& constant : patch.constants()) graph.initializers.push_back(std::move(constant));
  return graph;
}

// What nobody read before is the user's own business; what a fix left without a reader goes, makers of it included.
void DropUnused(const onnx::Graph& before, onnx::Graph& graph) {
  Names read_before;
  AddReads(before, read_before);
  Names theirs;
  for (const onnx::Initializer& initializer : before.initializers) theirs.insert(initializer.name);
  for (const onnx::Node& node : before.nodes) theirs.insert(node.outputs.begin(), node.outputs.end());
  std::erase_if(theirs, [&](const std::string& name) { return read_before.contains(name); });
  for (bool dropped = true; dropped;) {
    Names read;
    AddReads(graph, read);
    const auto goes = [&](const std::string& name) { return !read.contains(name) && !theirs.contains(name); };
    dropped = std::erase_if(graph.initializers, [&](const auto& initializer) { return goes(initializer.name); }) > 0;
    dropped |= std::erase_if(graph.nodes, [&](const onnx::Node& node) {
                 return std::ranges::all_of(node.outputs, [&](const auto& name) { return name.empty() || goes(name); });
               }) > 0;
  }
  std::erase_if(graph.values, [made = Made(graph)](const auto& value) { return !made.contains(value.name); });
}

bool Has(const std::vector<Finding>& findings, RuleId rule) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.rule == &*rule; });
}

constexpr std::array<RuleId, 3> kOpsetRules{"TRT-G01", "TRT-G02", "TRT-Q16a"};

void Lower(const std::vector<Finding>& findings, const Version& version, onnx::Model& model, Record& record) {
  for (const RuleId rule : kOpsetRules) {
    if (!Has(findings, rule)) continue;
    const Status status = rewrite::LowerOpset(model, version.documented_opset);
    if (status.ok()) {
      record.done[""] = "lowered to opset " + std::to_string(version.documented_opset);
    } else {
      record.refused[{&*rule, ""}] = status.error().ToString();
    }
  }
}

std::string Reason(const Finding& finding, const Record& record) {
  const auto refused = record.refused.find({finding.rule, finding.node});
  if (refused != record.refused.end()) return refused->second;
  const std::string_view why = WhyNotFixed(*finding.rule);
  if (!why.empty()) return std::string(why);
  return finding.rule->severity == Severity::kNote ? "nothing to fix" : "no fix that keeps the numbers is known here";
}

std::vector<Outcome> Outcomes(const std::vector<Finding>& before, const std::vector<Finding>& left,
                              const Record& record) {
  const auto key = [](const Finding& f) { return std::tuple(f.rule->id, f.graph, f.node, f.tensor); };
  std::set<decltype(key(before.front()))> remaining;
  for (const Finding& finding : left) remaining.insert(key(finding));
  std::vector<Outcome> outcomes;
  for (const Finding& finding : before) {
    const bool fixed = !remaining.contains(key(finding));
    const auto done = record.done.find(finding.node);
    const std::string how = done == record.done.end() ? "by another finding's fix" : done->second;
    outcomes.push_back({finding, fixed, fixed ? how : Reason(finding, record)});
  }
  return outcomes;
}

}  // namespace

Result<FixedModel> FixModel(const onnx::Model& model, onnx::WeightFiles& files, const Version& version,
                            const std::string& name) {
  VLAQ_ASSIGN_OR_RETURN(const std::vector<Finding> before, CheckModel(model, files, version, name));
  FixedModel fixed;
  fixed.model = model;
  Record record;
  for (const GraphFix& fix : GraphFixes()) {
    if (!Has(before, fix.rule)) continue;
    const onnx::Model source = fixed.model;
    const GraphView view(source, source.graph, version, files, nullptr);
    fixed.model.graph = Apply(fix, view, record);
    VLAQ_RETURN_IF_ERROR(view.error());
  }
  const bool grew = fixed.model.graph.initializers.size() > model.graph.initializers.size();
  if (grew) fixed.model.ir_version = std::max(fixed.model.ir_version, kInitializersAlone);
  Lower(before, version, fixed.model, record);
  DropUnused(model.graph, fixed.model.graph);
  VLAQ_ASSIGN_OR_RETURN(fixed.left, CheckModel(fixed.model, files, version, name));
  if (Errors(fixed.left) > Errors(before)) {  // a copy may be no better, but never worse
    fixed.model = model;
    fixed.left = before;
    record.done.clear();
  }
  fixed.outcomes = Outcomes(before, fixed.left, record);
  return fixed;
}

}  // namespace vlaq::check

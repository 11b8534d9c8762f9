#include "check/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/bundle.h"
#include "check/graph_view.h"
#include "target/target.h"

namespace vlaq::check {
namespace fs = std::filesystem;
namespace {

// protobuf counts in int32.
constexpr uint64_t kMaxFileBytes = (uint64_t{1} << 31U) - 1;
constexpr RuleId kFileTooLarge = "TRT-G06";

class Walk {
 public:
  Walk(const onnx::Model& model, onnx::WeightFiles& files, const Version& version)
      : model_(model), files_(files), version_(version), checks_(ChecksFor(version)) {}

  Status Look(const onnx::Graph& graph, const std::string& name, const GraphView* outer) {
    const GraphView view(model_, graph, version_, files_, outer);
    Findings findings(list_);
    for (const Check* check : checks_) {
      findings.Begin(*check->rule, name);
      if (check->graph != nullptr) check->graph(view, findings);
      if (check->node == nullptr) continue;
      for (const onnx::Node& node : graph.nodes) {
        if (Speaks(*check, node)) check->node(view, node, findings);
      }
    }
    VLAQ_RETURN_IF_ERROR(view.error());
    for (const onnx::Node& node : graph.nodes) {
      for (const auto& [attribute, value] : node.attributes) {
        const auto* subgraph = std::get_if<std::shared_ptr<const onnx::Graph>>(&value);
        if (subgraph == nullptr) continue;
        VLAQ_RETURN_IF_ERROR(Look(**subgraph, fmt::format("{}/{}.{}", name, node.name, attribute), &view));
      }
    }
    return {};
  }

  std::vector<Finding> Take() {
    std::stable_sort(list_.begin(), list_.end(),
                     [](const Finding& a, const Finding& b) { return a.rule->severity > b.rule->severity; });
    return std::move(list_);
  }

 private:
  static bool Speaks(const Check& check, const onnx::Node& node) {
    if (check.operators.front().empty()) return true;
    return node.domain.empty() &&
           std::find(check.operators.begin(), check.operators.end(), node.op_type) != check.operators.end();
  }

  const onnx::Model& model_;
  onnx::WeightFiles& files_;
  const Version& version_;
  std::vector<const Check*> checks_;
  std::vector<Finding> list_;
};

Result<Report::Graph> CheckFile(const GraphFile& file, const Version& version, std::vector<Finding>& findings) {
  std::error_code error;
  Report::Graph graph{file.name, fs::file_size(file.path, error), 0};
  if (!error && graph.bytes > kMaxFileBytes) {  // no reader takes it, ours included
    findings.push_back(
        {&*kFileTooLarge, file.name, "", "", "", fmt::format("{} bytes; nothing else was looked at", graph.bytes)});
    return graph;
  }
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(file.path));
  onnx::WeightFiles files(file.path.parent_path());
  auto found = CheckModel(model, files, version, file.name);
  if (!found.ok()) return Within(file.path.string(), found.error());
  findings.insert(findings.end(), found->begin(), found->end());
  graph.nodes = static_cast<int64_t>(model.graph.nodes.size());
  return graph;
}

}  // namespace

std::vector<const Check*> ChecksFor(const Version& version) {
  std::vector<const Check*> checks;
  for (const Check& check : Checks()) {
    if (check.rule->applies(version)) checks.push_back(&check);
  }
  return checks;
}

Result<std::vector<Finding>> CheckModel(const onnx::Model& model, onnx::WeightFiles& files, const Version& version,
                                        const std::string& name) {
  Walk walk(model, files, version);
  VLAQ_RETURN_IF_ERROR(walk.Look(model.graph, name, nullptr));
  return walk.Take();
}

Result<std::vector<GraphFile>> GraphsOf(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return std::vector<GraphFile>{{path.filename().string(), path}};
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
  std::vector<GraphFile> files;
  for (const auto& [role, record] : bundle.graphs) files.push_back({role, path / record.file});
  return files;
}

Result<std::string> VersionOfBundle(const fs::path& path) {
  if (!bundle::IsBundle(path)) return std::string();
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
  const Version* version = target::UsualTensorRt(bundle.target);
  return version == nullptr ? std::string() : std::string(version->name);
}

size_t Report::Count(Severity severity) const {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.rule->severity == severity; }));
}

Result<Report> CheckPath(const fs::path& path, const Version& version) {
  VLAQ_ASSIGN_OR_RETURN(const std::vector<GraphFile> files, GraphsOf(path));
  Report report;
  report.version = &version;
  report.rules = ChecksFor(version).size();
  report.own = bundle::IsBundle(path);
  for (const GraphFile& file : files) {
    VLAQ_ASSIGN_OR_RETURN(Report::Graph graph, CheckFile(file, version, report.findings));
    report.graphs.push_back(std::move(graph));
  }
  return report;
}

}  // namespace vlaq::check

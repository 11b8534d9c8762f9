#include "families/onnx/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/hash.h"
#include "base/version.h"
#include "families/onnx/weights_file.h"
#include "onnx/model_file.h"

namespace vlaq::importing {
namespace fs = std::filesystem;
namespace {

// Files with weights that a model refers to, each once.
void CollectLocations(const onnx::Graph& graph, std::set<std::string>& locations) {
  for (const onnx::Initializer& initializer : graph.initializers) {
    if (const auto* external = std::get_if<onnx::ExternalData>(&initializer.data)) locations.insert(external->location);
  }
}

// Every file that was read: the models, and their weights beside them.
Result<std::vector<bundle::FileRecord>> DescribeFiles(const std::vector<Source>& sources) {
  std::vector<bundle::FileRecord> records;
  for (const Source& source : sources) {
    std::set<std::string> locations;
    CollectLocations(source.clean.model.graph, locations);
    VLAQ_ASSIGN_OR_RETURN(bundle::FileRecord record, bundle::Describe(source.file));
    records.push_back(std::move(record));
    for (const std::string& location : locations) {
      VLAQ_ASSIGN_OR_RETURN(bundle::FileRecord data, bundle::Describe(source.file.parent_path() / location));
      records.push_back(std::move(data));
    }
  }
  return records;
}

Result<std::vector<ImportedGraph>> WriteGraphs(const std::vector<Source>& sources, const fs::path& folder) {
  std::vector<ImportedGraph> graphs;
  for (const Source& source : sources) {
    auto text = onnx::Serialize(source.clean.model);
    if (!text.ok()) return Within(source.file.string(), text.error());
    const std::string name = GraphFile(source);
    VLAQ_RETURN_IF_ERROR(WriteFile(folder / name, *text, Existing::kRefuse));
    graphs.push_back(
        {source.graph, source.file, {name, text->size(), Sha256Hex(AsBytes(*text))}, source.clean.cleaning});
  }
  return graphs;
}

// A graph that cannot be read again is a bug of ours, whatever the file was.
Status CheckWritten(const std::vector<ImportedGraph>& graphs, const fs::path& folder) {
  for (const ImportedGraph& graph : graphs) {
    const auto model = onnx::ReadModel(folder / graph.file.file);
    if (!model.ok()) return InternalError(graph.file.file, model.error().ToString());
  }
  return {};
}

// What the bundle says of an imported policy.
bundle::Bundle MakeBundle(const ImportOptions& options, const ImportReport& report, bundle::FileRecord weights,
                          std::vector<bundle::FileRecord> sources) {
  bundle::Bundle bundle;
  bundle.path = options.output;
  bundle.policy = report.policy;
  bundle.config = "{}";
  for (const ImportedGraph& graph : report.graphs) bundle.graphs.emplace(graph.name, graph.file);
  bundle.weights = std::move(weights);
  bundle.provenance = {std::string(kVersion), "import", std::move(sources), report.assumptions};
  return bundle;
}

}  // namespace

Result<std::vector<Source>> ReadSources(const std::vector<fs::path>& files) {
  if (files.empty()) return UsageError("no ONNX file is given");
  std::vector<Source> sources;
  for (const fs::path& file : files) {
    const std::string graph = file.stem().string();
    const auto other = std::ranges::find(sources, graph, &Source::graph);
    if (other != sources.end()) {
      return UsageError(
          fmt::format("{} and {} would both become the graph '{}'", other->file.string(), file.string(), graph),
          "rename one of them");
    }
    VLAQ_ASSIGN_OR_RETURN(CleanModel clean, ReadClean(file));
    sources.push_back({graph, file, std::move(clean)});
  }
  return sources;
}

Result<Proposal> ProposeFor(const std::vector<fs::path>& files) {
  VLAQ_ASSIGN_OR_RETURN(const std::vector<Source> sources, ReadSources(files));
  return Propose(sources);
}

Result<ImportReport> Import(const ImportOptions& options, Log& log) {
  const auto start = std::chrono::steady_clock::now();
  VLAQ_ASSIGN_OR_RETURN(std::vector<Source> sources, ReadSources(options.files));
  ImportReport report;
  if (options.policy) {
    VLAQ_RETURN_IF_ERROR(CheckFits(*options.policy, sources, options.policy_name));
    report.policy = *options.policy;
  } else {
    VLAQ_ASSIGN_OR_RETURN(Proposal proposal, Propose(sources));
    report.policy = std::move(proposal.policy);
    report.assumptions = std::move(proposal.assumptions);
  }
  VLAQ_ASSIGN_OR_RETURN(bundle::Writer writer, bundle::Writer::Create(options.output, options.existing));
  VLAQ_ASSIGN_OR_RETURN(std::vector<bundle::FileRecord> described, DescribeFiles(sources));
  VLAQ_ASSIGN_OR_RETURN(StoredWeights stored, StoreWeights(sources, writer.folder() / bundle::kWeightsFile, log));
  VLAQ_ASSIGN_OR_RETURN(report.graphs, WriteGraphs(sources, writer.folder()));
  VLAQ_RETURN_IF_ERROR(CheckWritten(report.graphs, writer.folder()));

  report.bundle = MakeBundle(options, report, stored.file, std::move(described));
  VLAQ_RETURN_IF_ERROR(writer.Commit(report.bundle, stored.records));
  report.weights = stored.records.size();
  report.initializers = stored.initializers;
  report.in_graphs = stored.in_graphs;
  report.shared = stored.shared;
  report.bytes = report.bundle.weights.bytes;
  for (const ImportedGraph& graph : report.graphs) report.bytes += graph.file.bytes;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace vlaq::importing

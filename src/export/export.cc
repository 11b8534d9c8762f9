#include "export/export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "base/hash.h"
#include "base/json.h"
#include "base/version.h"
#include "export/weights_file.h"
#include "onnx/model_file.h"

namespace vlaq::exporting {
namespace fs = std::filesystem;
namespace {

using checkpoint::Checkpoint;
using families::PolicyGraphs;
using families::Proposal;

Result<std::vector<bundle::FileRecord>> DescribeSources(const Checkpoint& checkpoint) {
  std::vector<bundle::FileRecord> records;
  for (const auto& file : checkpoint.files()) {
    VLAQ_ASSIGN_OR_RETURN(bundle::FileRecord record, bundle::Describe(file->path()));
    records.push_back(std::move(record));
  }
  return records;
}

Status WriteGraphs(const PolicyGraphs& graphs, const fs::path& folder, bundle::Bundle& bundle) {
  for (const families::BuiltGraph& graph : graphs.graphs) {
    const fs::path path = folder / graph.file;
    VLAQ_ASSIGN_OR_RETURN(const std::string onnx, onnx::Serialize(graph.model));
    VLAQ_RETURN_IF_ERROR(WriteFile(path, onnx, Existing::kRefuse));
    bundle.graphs.insert_or_assign(graph.name, bundle::FileRecord{graph.file, onnx.size(), Sha256Hex(AsBytes(onnx))});
  }
  return {};
}

// A graph that onnx's checker refuses is a bug of ours, whatever the input was.
Status CheckGraphs(const PolicyGraphs& graphs, const fs::path& folder) {
  for (const families::BuiltGraph& graph : graphs.graphs) {
    Status status = onnx::CheckModelFile(folder / graph.file);
    if (!status.ok()) return InternalError(graph.file, status.error().ToString());
  }
  return {};
}

// The usual names, and whether one of them lies beside the checkpoint.
constexpr std::string_view kConfigFile = "config.json";
constexpr std::string_view kPolicyFile = "policy.json";

fs::path Beside(const fs::path& checkpoint, std::string_view name) {
  const fs::path path = checkpoint.parent_path() / name;
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) ? path : fs::path();
}

// Takes what is not given from beside the checkpoint.
Status TakeFromBeside(const fs::path& checkpoint, ExportOptions& options, bundle::Provenance& provenance) {
  const auto take = [&](std::string_view name, fs::path& given) -> Status {
    if (!given.empty()) return {};
    given = Beside(checkpoint, name);
    if (given.empty()) return {};
    VLAQ_ASSIGN_OR_RETURN(bundle::FileRecord record, bundle::Describe(given));
    provenance.found.push_back(std::move(record));
    return {};
  };
  VLAQ_RETURN_IF_ERROR(take(kConfigFile, options.settings.config));
  VLAQ_RETURN_IF_ERROR(take(kPolicyFile, options.settings.policy));
  return take(bundle::kTokenizerFile, options.settings.tokenizer);
}

Status CopyTokenizer(const fs::path& from, const fs::path& folder, bundle::Bundle& bundle) {
  if (from.empty()) return {};
  const fs::path to = folder / bundle::kTokenizerFile;
  VLAQ_RETURN_IF_ERROR(CopyFile(from, to));
  VLAQ_ASSIGN_OR_RETURN(bundle.tokenizer, bundle::Describe(to));
  return {};
}

// All that is not known, at once.
Status CheckNothingIsMissing(const std::vector<Error>& missing) {
  if (missing.empty()) return {};
  const std::string beside = fmt::format("{}, {} and {} beside the checkpoint are taken by themselves", kConfigFile,
                                         kPolicyFile, bundle::kTokenizerFile);
  if (missing.size() == 1) return UsageError(missing[0].what, fmt::format("{}; {}", missing[0].advice, beside));
  std::string what = fmt::format("{} things are not known:", missing.size());
  for (const Error& error : missing) what += fmt::format("\n  - {}; {}", error.what, error.advice);
  return UsageError(fmt::format("{}\n  {}", what, beside));
}

// Which of several state dicts was taken is worth a word, chosen or not.
void RecordStateDict(const Checkpoint& checkpoint, const std::string& asked, Proposal& proposal,
                     bundle::Provenance& provenance) {
  if (checkpoint.other_state_dicts().empty() && asked.empty()) return;
  provenance.state_dict = checkpoint.container();
  if (!asked.empty()) return;
  proposal.assumptions.push_back(
      {"state_dict", checkpoint.container(),
       fmt::format("state_dict is {}: the file also holds {}, with the same names (choose with --state-dict)",
                   checkpoint.container(), fmt::join(checkpoint.other_state_dicts(), ", "))});
}

TensorAccount AccountFor(const Checkpoint& checkpoint, const PolicyGraphs& graphs) {
  TensorAccount account;
  account.tensors = static_cast<int64_t>(checkpoint.entries().size());
  account.weights = static_cast<int64_t>(graphs.weights.size());
  account.left_out = static_cast<int64_t>(graphs.left_out.size());
  int64_t used = 0;
  for (const families::PlacedWeight& weight : graphs.weights) {
    const auto sources = static_cast<int64_t>(weight.recipe.sources.size());
    used += sources;
    account.computed += sources == 0 ? 1 : 0;
    account.joined += std::max<int64_t>(sources - 1, 0);
  }
  account.shared = account.tensors - account.left_out - used;
  return account;
}

uint64_t BytesOf(const bundle::Bundle& bundle) {
  uint64_t bytes = bundle.weights.bytes + (bundle.tokenizer ? bundle.tokenizer->bytes : 0);
  for (const auto& [role, file] : bundle.graphs) bytes += file.bytes;
  return bytes;
}

}  // namespace

std::string TensorAccount::ToString() const {
  std::vector<std::string> parts;
  const auto add = [&](int64_t count, std::string_view what) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, what));
  };
  add(joined, "joined with another");
  add(shared, "the same as another");
  add(left_out, "in no graph");
  add(computed, "computed");
  return fmt::format("{} tensors -> {} weights{}{}", tensors, weights, parts.empty() ? "" : ": ",
                     fmt::join(parts, ", "));
}

Result<Settled> Settle(const ExportOptions& asked, Log& log) {
  ExportOptions options = asked;
  Settled settled;
  settled.provenance = {std::string(kVersion), "export", {}, {}};
  VLAQ_ASSIGN_OR_RETURN(settled.checkpoint,
                        families::OpenCheckpoint(options.checkpoint, {.state_dict = options.state_dict}));
  const Checkpoint& checkpoint = *settled.checkpoint;
  VLAQ_ASSIGN_OR_RETURN(settled.family, families::Recognize(checkpoint));
  VLAQ_RETURN_IF_ERROR(TakeFromBeside(checkpoint.path(), options, settled.provenance));
  settled.tokenizer = options.settings.tokenizer;
  Proposal& proposal = settled.proposal;
  VLAQ_ASSIGN_OR_RETURN(proposal, settled.family->Settle(checkpoint, options.settings, log));
  VLAQ_RETURN_IF_ERROR(CheckNothingIsMissing(proposal.missing));
  RecordStateDict(checkpoint, options.state_dict, proposal, settled.provenance);
  settled.provenance.assumptions = proposal.assumptions;
  for (const std::string& text : proposal.warnings) log.Warning(text);
  return settled;
}

Result<ExportReport> Export(const ExportOptions& options, Log& log) {
  const auto start = std::chrono::steady_clock::now();
  VLAQ_ASSIGN_OR_RETURN(Settled settled, Settle(options, log));
  const Checkpoint& checkpoint = *settled.checkpoint;
  Proposal& proposal = settled.proposal;
  bundle::Provenance& provenance = settled.provenance;
  families::BuildOptions build = options.build;
  if (!settled.tokenizer.empty()) build.tokenizer = bundle::kTokenizerFile;
  VLAQ_ASSIGN_OR_RETURN(const PolicyGraphs graphs,
                        settled.family->Build(checkpoint, proposal.settings, proposal.config, build));

  VLAQ_ASSIGN_OR_RETURN(bundle::Writer writer, bundle::Writer::Create(options.output, options.existing));
  auto sources = std::async(std::launch::async | std::launch::deferred, DescribeSources, std::cref(checkpoint));
  auto weights = WriteWeights(graphs.weights, checkpoint, writer.folder() / bundle::kWeightsFile, log);
  auto described = sources.get();
  if (!weights.ok()) return weights.error();
  if (!described.ok()) return described.error();
  provenance.sources = std::move(*described);

  ExportReport report;
  bundle::Bundle& bundle = report.bundle;
  bundle.path = options.output;
  bundle.policy = graphs.policy;
  bundle.config = proposal.config;
  bundle.precision = families::StoredPrecisionName(options.build.precision);
  bundle.stages = graphs.stages;
  bundle.left_out = graphs.left_out;
  bundle.weights = weights->file;
  bundle.provenance = std::move(provenance);
  VLAQ_RETURN_IF_ERROR(WriteGraphs(graphs, writer.folder(), bundle));
  VLAQ_RETURN_IF_ERROR(CheckGraphs(graphs, writer.folder()));
  VLAQ_RETURN_IF_ERROR(CopyTokenizer(settled.tokenizer, writer.folder(), bundle));
  VLAQ_RETURN_IF_ERROR(writer.Commit(bundle, weights->records));
  // As everybody else will read it.
  VLAQ_ASSIGN_OR_RETURN(bundle, bundle::Open(options.output));

  for (const families::BuiltGraph& graph : graphs.graphs) report.what.emplace(graph.name, graph.what);
  report.checkpoint = checkpoint.path();
  for (const bundle::FileRecord& file : bundle.provenance.found) report.found.push_back(file.file);
  for (const families::Stated& row : proposal.stated) {
    report.stated.push_back(fmt::format("{} {} ({})", row.key, row.value, row.place));
  }
  report.warnings = std::move(proposal.warnings);
  report.account = AccountFor(checkpoint, graphs);
  report.bytes = BytesOf(bundle);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace vlaq::exporting

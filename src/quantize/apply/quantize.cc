#include "quantize/apply/quantize.h"

#include <fmt/format.h>

#include <chrono>

#include "base/parallel.h"
#include "base/version.h"
#include "onnx/model_file.h"
#include "quantize/apply/adjust.h"
#include "quantize/apply/new_weights_file.h"
#include "quantize/apply/rules.h"
#include "quantize/numerics/plan_file.h"
#include "quantize/rewrite/apply_plan.h"
#include "target/target.h"

namespace vlaq::apply {
namespace fs = std::filesystem;
namespace {

using numerics::Plan;

Status CheckBelongsTogether(const Plan& plan, const bundle::Bundle& bundle) {
  if (bundle.plan) {
    return InputError(bundle.path.string(), "is quantized already", "give the bundle that vlaq export wrote");
  }
  const std::string advice = "make a plan from this bundle: vlaq plan quantize";
  if (plan.source.weights_sha256 != bundle.weights.sha256) {
    return InputError("plan",
                      fmt::format("was made for another bundle: its weights have the SHA-256 {}, those of {} {}",
                                  plan.source.weights_sha256.substr(0, 12), bundle.path.string(),
                                  bundle.weights.sha256.substr(0, 12)),
                      advice);
  }
  for (const auto& [role, file] : bundle.graphs) {
    const auto known = plan.source.graphs.find(role);
    if (known == plan.source.graphs.end() || known->second != file.sha256) {
      return InputError("plan", fmt::format("was made for another {} graph", role), advice);
    }
  }
  return {};
}

Status CheckStatistics(const Plan& plan, const QuantizeOptions& options) {
  if (plan.NeedsStatistics() && options.statistics == nullptr) {
    return UsageError("the plan smooths or corrects biases, and an earlier vlaq wrote it without what that takes",
                      "give the statistics it was made with (--stats stats.json), or make it anew");
  }
  return {};
}

Status WriteGraphs(const rewrite::Graphs& graphs, const bundle::Bundle& source, const fs::path& folder,
                   bundle::Bundle& bundle, std::vector<std::string>& notes) {
  for (const auto& [role, model] : graphs) {
    bundle::FileRecord& record = bundle.graphs.at(role);
    const fs::path path = folder / record.file;
    VLAQ_ASSIGN_OR_RETURN(const std::string bytes, onnx::Serialize(model));
    VLAQ_RETURN_IF_ERROR(WriteFile(path, bytes, Existing::kRefuse));
    VLAQ_ASSIGN_OR_RETURN(record, bundle::Describe(path));
    const Status status = onnx::CheckModelFile(path);
    if (status.ok()) continue;
    // Back ends run graphs of others that the checker does not take.
    const Status before = onnx::CheckModelFile(source.GraphPath(role));
    if (before.ok()) return InternalError(record.file, status.error().ToString());
    notes.push_back(fmt::format("{}: onnx's checker takes neither this graph nor the one it was made from: {}",
                                record.file, before.error().ToString()));
  }
  return {};
}

Status CopyBeside(const bundle::Bundle& from, const fs::path& folder, bundle::Bundle& to) {
  if (!from.tokenizer) return {};
  VLAQ_RETURN_IF_ERROR(CopyFile(from.path / from.tokenizer->file, folder / from.tokenizer->file));
  to.tokenizer = from.tokenizer;
  return {};
}

std::vector<bundle::FileRecord> FilesBehind(const bundle::Bundle& source) {
  std::vector<bundle::FileRecord> records{source.weights};
  for (const auto& [role, file] : source.graphs) records.push_back(file);
  records.insert(records.end(), source.provenance.sources.begin(), source.provenance.sources.end());
  return records;
}

rewrite::GraphStyle StyleOf(const target::Target& target) {
  return {.float_weights_before_quantize = target.float_weights_before_quantize,
          .dequantize_tables_first = target.dequantize_tables_first,
          .quantize_for_each_reader = target.quantize_for_each_reader,
          .contrib_operators = target.contrib_operators};
}

}  // namespace

Result<rewrite::Graphs> ReadGraphs(const bundle::Bundle& bundle) {
  rewrite::Graphs graphs;
  for (const auto& [role, file] : bundle.graphs) {
    VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModel(bundle.path / file.file));
    graphs.emplace(role, std::move(model));
  }
  return graphs;
}

Result<QuantizeReport> Quantize(const QuantizeOptions& options, Log& log) {
  const auto start = std::chrono::steady_clock::now();
  const Plan& plan = options.plan;
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle source, bundle::Open(options.bundle));
  std::error_code ignored;
  if (fs::equivalent(options.bundle, options.output, ignored)) {
    return UsageError("the output is the source itself, which a later verify needs", "give another folder with -o");
  }
  VLAQ_RETURN_IF_ERROR(CheckBelongsTogether(plan, source));
  VLAQ_RETURN_IF_ERROR(CheckStatistics(plan, options));
  VLAQ_ASSIGN_OR_RETURN(const target::Target* target, target::Find(plan.target));
  VLAQ_RETURN_IF_ERROR(CheckRules(plan, *target));
  VLAQ_ASSIGN_OR_RETURN(const rewrite::Graphs graphs, ReadGraphs(source));
  VLAQ_ASSIGN_OR_RETURN(rewrite::Rewritten rewritten, rewrite::ApplyPlan(graphs, plan, StyleOf(*target)));

  const rewrite::Sources sources = rewrite::SourcesOf(graphs);
  const int threads = options.threads > 0 ? options.threads : HardwareThreads();
  onnx::WeightFiles files(source.path);
  VLAQ_ASSIGN_OR_RETURN(const WeightTransforms adjustments,
                        Adjust(plan, options.statistics, source.policy, graphs, sources, files, threads));

  VLAQ_ASSIGN_OR_RETURN(bundle::Writer writer, bundle::Writer::Create(options.output, options.existing));
  VLAQ_ASSIGN_OR_RETURN(WrittenWeights written, WriteNewWeights(rewritten, sources, adjustments, files,
                                                                writer.folder() / bundle::kWeightsFile, threads, log));
  QuantizeReport report;
  bundle::Bundle& bundle = report.bundle;
  bundle = source;
  bundle.path = options.output;
  bundle.precision = plan.precision;
  bundle.target = plan.target;
  bundle.weights = written.file;
  bundle.tokenizer.reset();
  bundle.provenance = {std::string(kVersion), "quantize", FilesBehind(source), source.provenance.assumptions};
  bundle.provenance.used = source.provenance.used;
  for (const auto& used : plan.used) bundle.provenance.used.push_back({used.use, used.name, used.hash});
  VLAQ_RETURN_IF_ERROR(WriteGraphs(rewritten.graphs, source, writer.folder(), bundle, rewritten.notes));
  VLAQ_RETURN_IF_ERROR(CopyBeside(source, writer.folder(), bundle));
  const fs::path plan_path = writer.folder() / bundle::kPlanFile;
  VLAQ_RETURN_IF_ERROR(WriteFile(plan_path, numerics::PlanText(plan), Existing::kRefuse));
  VLAQ_ASSIGN_OR_RETURN(bundle.plan, bundle::Describe(plan_path));
  VLAQ_RETURN_IF_ERROR(writer.Commit(bundle, written.records));

  report.bytes_before = source.weights.bytes;
  report.bytes_after = bundle.weights.bytes;
  report.losses = std::move(written.losses);
  report.notes = std::move(rewritten.notes);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace vlaq::apply

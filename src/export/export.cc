#include "export/export.h"

#include <fmt/format.h>

#include <chrono>
#include <future>

#include "base/hash.h"
#include "base/version.h"
#include "export/weights_file.h"
#include "onnx/model_file.h"

namespace vlaq::exporting {
namespace fs = std::filesystem;
namespace {

using architecture::PolicyGraphs;
using architecture::Proposal;
using checkpoint::Checkpoint;

// The published name of the whole-policy graph, which users' scripts open.
constexpr std::string_view kWholeFile = "mae0222_model_cpu.onnx";

struct RoleFile {
  std::string_view role, file;
  onnx::Model PolicyGraphs::*model;
};
constexpr RoleFile kGraphFiles[] = {
    {bundle::kWhole, kWholeFile, &PolicyGraphs::whole},
    {bundle::kEncoder, "encoder.onnx", &PolicyGraphs::encoder},
    {bundle::kHead, "head.onnx", &PolicyGraphs::head},
};

Result<std::vector<bundle::FileRecord>> DescribeSources(const Checkpoint& checkpoint) {
  std::vector<bundle::FileRecord> records;
  for (const auto& file : checkpoint.files()) {
    VLAQ_ASSIGN_OR_RETURN(bundle::FileRecord record, bundle::Describe(file->path()));
    records.push_back(std::move(record));
  }
  return records;
}

Status WriteGraphs(const PolicyGraphs& graphs, const fs::path& folder, bundle::Bundle& bundle) {
  for (const RoleFile& row : kGraphFiles) {
    const fs::path path = folder / row.file;
    VLAQ_ASSIGN_OR_RETURN(const std::string onnx, onnx::Serialize(graphs.*row.model));
    VLAQ_RETURN_IF_ERROR(WriteFile(path, onnx, Existing::kRefuse));
    bundle.graphs.insert_or_assign(std::string(row.role),
                                   bundle::FileRecord{std::string(row.file), onnx.size(), Sha256Hex(AsBytes(onnx))});
  }
  return {};
}

// A graph that onnx's checker refuses is a bug of ours, whatever the input was.
Status CheckGraphs(const fs::path& folder) {
  for (const RoleFile& row : kGraphFiles) {
    Status status = onnx::CheckModelFile(folder / row.file);
    if (!status.ok()) return InternalError(std::string(row.file), status.error().ToString());
  }
  return {};
}

Result<prompt::Prompt> MakePrompt(const PromptRequest& request, const policy::PolicySpec& spec) {
  if (request.ids) return prompt::FromIds(spec, *request.ids);
  if (request.tokenizer.empty()) {
    return UsageError("--instruction needs the checkpoint's tokeniser",
                      "give --tokenizer sentencepiece.bpe.model, or the ids with --prompt-ids");
  }
  VLAQ_ASSIGN_OR_RETURN(const auto tokenizer, tokenizer::Tokenizer::Load(request.tokenizer));
  return prompt::FromInstruction(spec, *tokenizer, *request.instruction);
}

Status CopyTokenizer(const fs::path& from, const fs::path& folder, bundle::Bundle& bundle) {
  if (from.empty()) return {};
  const fs::path to = folder / bundle::kTokenizerFile;
  VLAQ_RETURN_IF_ERROR(CopyFile(from, to));
  VLAQ_ASSIGN_OR_RETURN(bundle.tokenizer, bundle::Describe(to));
  return {};
}

// The prompt that is baked in: what the user gave, what policy.json gave, or the published one where it fits.
Status SettlePrompt(const PromptRequest& request, Proposal& proposal) {
  policy::PolicySpec& spec = proposal.spec;
  const bool asked = request.ids || request.instruction;
  if (spec.feature_source == policy::FeatureSource::kPooler) {
    if (asked) proposal.warnings.emplace_back("the prompt is not used: feature_source pooler reads none");
    prompt::Bake({}, spec);
    return policy::Validate(spec);
  }
  if (asked) {
    VLAQ_ASSIGN_OR_RETURN(const prompt::Prompt given, MakePrompt(request, spec));
    prompt::Bake(given, spec);
  } else if (spec.prompt_layout == policy::PromptLayout::kForkFallback && !spec.prompt_ids.empty() &&
             spec.attention_mask.empty()) {  // policy.json may give them without padding, as --prompt-ids does
    std::string text = std::move(spec.prompt_text);
    VLAQ_ASSIGN_OR_RETURN(prompt::Prompt padded, prompt::FromIds(spec, spec.prompt_ids));
    padded.text = std::move(text);
    prompt::Bake(padded, spec);
  } else if (spec.prompt_ids.empty()) {
    VLAQ_ASSIGN_OR_RETURN(const prompt::Prompt published, prompt::Published(spec));
    prompt::Bake(published, spec);
    proposal.assumptions.push_back(
        fmt::format("the prompt baked into the whole-policy graph is '{}' (choose with --instruction or --prompt-ids)",
                    published.text));
  }
  return policy::Validate(spec);
}

uint64_t BytesOf(const bundle::Bundle& bundle) {
  uint64_t bytes = bundle.weights.bytes + (bundle.tokenizer ? bundle.tokenizer->bytes : 0);
  for (const auto& [role, file] : bundle.graphs) bytes += file.bytes;
  return bytes;
}

}  // namespace

Result<ExportReport> Export(const ExportOptions& options, Log& log) {
  const auto start = std::chrono::steady_clock::now();
  VLAQ_ASSIGN_OR_RETURN(const auto checkpoint, Checkpoint::Open(options.checkpoint));
  VLAQ_ASSIGN_OR_RETURN(const architecture::Architecture* architecture, architecture::Recognise(*checkpoint));
  VLAQ_ASSIGN_OR_RETURN(Proposal proposal, architecture->Propose(*checkpoint, options.settings));
  VLAQ_RETURN_IF_ERROR(SettlePrompt(options.prompt, proposal));
  for (const std::string& text : proposal.warnings) log.Warning(text);
  VLAQ_ASSIGN_OR_RETURN(const PolicyGraphs graphs,
                        architecture->Build(*checkpoint, proposal.spec, proposal.config, options.build));

  VLAQ_ASSIGN_OR_RETURN(bundle::Writer writer, bundle::Writer::Create(options.output, options.existing));
  auto sources = std::async(std::launch::async | std::launch::deferred, DescribeSources, std::cref(*checkpoint));
  auto weights = WriteWeights(graphs.weights, *checkpoint, writer.folder() / bundle::kWeightsFile, log);
  auto described = sources.get();
  if (!weights.ok()) return weights.error();
  if (!described.ok()) return described.error();

  ExportReport report;
  bundle::Bundle& bundle = report.bundle;
  bundle.path = options.output;
  bundle.spec = proposal.spec;
  bundle.config = proposal.config;
  bundle.precision = architecture::StoredPrecisionName(options.build.precision);
  bundle.baked_prompt = options.build.bake_prompt || proposal.spec.feature_source == policy::FeatureSource::kPooler;
  bundle.stages = graphs.stages;
  bundle.left_out = graphs.left_out;
  bundle.weights = weights->file;
  bundle.provenance = {std::string(kVersion), "export", std::move(*described), proposal.assumptions};
  VLAQ_RETURN_IF_ERROR(WriteGraphs(graphs, writer.folder(), bundle));
  VLAQ_RETURN_IF_ERROR(CheckGraphs(writer.folder()));
  VLAQ_RETURN_IF_ERROR(CopyTokenizer(options.prompt.tokenizer, writer.folder(), bundle));
  VLAQ_RETURN_IF_ERROR(writer.Commit(bundle, weights->records));

  report.warnings = std::move(proposal.warnings);
  report.checkpoint_tensors = static_cast<int64_t>(checkpoint->entries().size());
  report.weights = static_cast<int64_t>(weights->records.size());
  report.bytes = BytesOf(bundle);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace vlaq::exporting

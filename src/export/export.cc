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
  return take(bundle::kTokenizerFile, options.prompt.tokenizer);
}

using TokenizerPtr = std::shared_ptr<const tokenizer::Tokenizer>;

Result<TokenizerPtr> LoadTokenizer(const fs::path& path, const policy::PolicySpec& spec, Log& log) {
  if (path.empty()) return TokenizerPtr();
  VLAQ_ASSIGN_OR_RETURN(TokenizerPtr tokenizer, tokenizer::Tokenizer::Load(path));
  Status fits = prompt::CheckTokenizer(spec, *tokenizer);
  if (!fits.ok()) return Within(path.string(), fits.error());
  if (tokenizer->vocabulary().size() < spec.vocabulary) {
    log.Warning(fmt::format("{} has {} tokens, the checkpoint embeds {}: the others are taken for padding",
                            path.string(), tokenizer->vocabulary().size(), spec.vocabulary));
  }
  return tokenizer;
}

Result<prompt::Prompt> MakePrompt(const PromptRequest& request, const policy::PolicySpec& spec,
                                  const TokenizerPtr& tokenizer, std::string_view instruction) {
  if (request.ids) return prompt::FromIds(spec, *request.ids);
  if (tokenizer != nullptr) return prompt::FromInstruction(spec, *tokenizer, instruction);
  return UsageError("--instruction needs the checkpoint's tokeniser",
                    "give --tokenizer sentencepiece.bpe.model, or the ids with --prompt-ids");
}

Status CopyTokenizer(const fs::path& from, const fs::path& folder, bundle::Bundle& bundle) {
  if (from.empty()) return {};
  const fs::path to = folder / bundle::kTokenizerFile;
  VLAQ_RETURN_IF_ERROR(CopyFile(from, to));
  VLAQ_ASSIGN_OR_RETURN(bundle.tokenizer, bundle::Describe(to));
  return {};
}

// The prompt that is baked in: what the user gave, what policy.json gave, or the empty one. What is missing for all of
// them joins what the architecture missed.
Status SettlePrompt(const PromptRequest& request, const TokenizerPtr& tokenizer, Proposal& proposal) {
  policy::PolicySpec& spec = proposal.spec;
  const bool asked = request.ids || request.instruction;
  if (spec.feature_source == policy::FeatureSource::kPooler) {
    if (asked) proposal.warnings.emplace_back("the prompt is not used: feature_source pooler reads none");
    prompt::Bake({}, spec);
    return {};
  }
  if (asked) {
    auto given = MakePrompt(request, spec, tokenizer, request.instruction.value_or(""));
    if (!given.ok() && !request.ids && tokenizer == nullptr) {
      proposal.missing.push_back(given.error());
      return {};
    }
    if (!given.ok()) return given.error();
    if (const std::string complaint = prompt::Complaint(*given); !complaint.empty()) {
      proposal.warnings.push_back(complaint);
    }
    prompt::Bake(*given, spec);
  } else if (spec.prompt_layout == policy::PromptLayout::kForkFallback && !spec.prompt_ids.empty() &&
             spec.attention_mask.empty()) {  // policy.json may give them without padding, as --prompt-ids does
    std::string text = std::move(spec.prompt_text);
    VLAQ_ASSIGN_OR_RETURN(prompt::Prompt padded, prompt::FromIds(spec, spec.prompt_ids));
    padded.text = std::move(text);
    prompt::Bake(padded, spec);
  } else if (spec.prompt_ids.empty()) {
    const auto empty = tokenizer != nullptr ? MakePrompt(request, spec, tokenizer, "") : prompt::Published(spec);
    if (!empty.ok()) {
      proposal.missing.push_back(empty.error());
      return {};
    }
    prompt::Bake(*empty, spec);
    proposal.assumptions.push_back(
        {"prompt_text", empty->text,
         fmt::format(
             "prompt_text is '{}', without any instruction: that is what the whole-policy graph is told (choose "
             "with --instruction or --prompt-ids)",
             empty->text)});
  }
  return {};
}

// A trainer that saved its template must have meant the one that the layout uses.
Status CheckTemplate(const Proposal& proposal, const std::string& where) {
  const std::string own = prompt::TemplateOf(proposal.spec.prompt_layout);
  const std::string start = own.substr(0, own.find('{'));
  for (const architecture::Stated& row : proposal.stated) {
    if (row.key != "prompt_template") continue;
    const auto stated = Json::parse(row.value).get<std::string>();
    if (stated.substr(0, stated.find('{')) == start) continue;
    return InputError(where,
                      fmt::format("the checkpoint's {} is '{}', but prompt_layout {} tells the policy '{}'", row.place,
                                  stated, policy::Name(proposal.spec.prompt_layout), own),
                      "choose another --prompt-layout, or keep it deliberately with --override prompt_template");
  }
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
  for (const architecture::PlacedWeight& weight : graphs.weights) {
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
                        architecture::OpenCheckpoint(options.checkpoint, {.state_dict = options.state_dict}));
  const Checkpoint& checkpoint = *settled.checkpoint;
  VLAQ_ASSIGN_OR_RETURN(settled.architecture, architecture::Recognise(checkpoint));
  VLAQ_RETURN_IF_ERROR(TakeFromBeside(checkpoint.path(), options, settled.provenance));
  settled.tokenizer = options.prompt.tokenizer;
  Proposal& proposal = settled.proposal;
  VLAQ_ASSIGN_OR_RETURN(proposal, settled.architecture->Propose(checkpoint, options.settings));
  VLAQ_RETURN_IF_ERROR(CheckTemplate(proposal, checkpoint.path().string()));
  VLAQ_ASSIGN_OR_RETURN(const TokenizerPtr tokenizer, LoadTokenizer(settled.tokenizer, proposal.spec, log));
  VLAQ_RETURN_IF_ERROR(SettlePrompt(options.prompt, tokenizer, proposal));
  VLAQ_RETURN_IF_ERROR(CheckNothingIsMissing(proposal.missing));
  VLAQ_RETURN_IF_ERROR(policy::Validate(proposal.spec));
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
  VLAQ_ASSIGN_OR_RETURN(const PolicyGraphs graphs,
                        settled.architecture->Build(checkpoint, proposal.spec, proposal.config, options.build));

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
  bundle.spec = proposal.spec;
  bundle.config = proposal.config;
  bundle.precision = architecture::StoredPrecisionName(options.build.precision);
  bundle.baked_prompt = options.build.bake_prompt || proposal.spec.feature_source == policy::FeatureSource::kPooler;
  bundle.stages = graphs.stages;
  bundle.left_out = graphs.left_out;
  bundle.weights = weights->file;
  bundle.provenance = std::move(provenance);
  VLAQ_RETURN_IF_ERROR(WriteGraphs(graphs, writer.folder(), bundle));
  VLAQ_RETURN_IF_ERROR(CheckGraphs(writer.folder()));
  VLAQ_RETURN_IF_ERROR(CopyTokenizer(settled.tokenizer, writer.folder(), bundle));
  VLAQ_RETURN_IF_ERROR(writer.Commit(bundle, weights->records));
  // As everybody else will read it: with the policy that the settings mean.
  VLAQ_ASSIGN_OR_RETURN(bundle, bundle::Open(options.output));

  report.checkpoint = checkpoint.path();
  for (const bundle::FileRecord& file : bundle.provenance.found) report.found.push_back(file.file);
  for (const architecture::Stated& row : proposal.stated) {
    report.stated.push_back(fmt::format("{} {} ({})", row.key, row.value, row.place));
  }
  report.warnings = std::move(proposal.warnings);
  report.account = AccountFor(checkpoint, graphs);
  report.bytes = BytesOf(bundle);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace vlaq::exporting

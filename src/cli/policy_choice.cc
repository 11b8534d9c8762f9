#include "cli/policy_choice.h"

#include <fmt/format.h>

#include "checkpoint/folder.h"
#include "export/export.h"

namespace vlaq::cli {
namespace {

// Exports the checkpoint into a folder below the system's temporary one.
Result<ScratchFolder> ExportForNow(const std::filesystem::path& checkpoint, const PolicyFiles& files, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(ScratchFolder folder, ScratchFolder::Make("policy"));
  exporting::ExportOptions options;
  options.checkpoint = checkpoint;
  options.output = folder.path() / "bundle";
  options.settings.config = files.config;
  options.settings.policy = files.policy;
  options.settings.tokenizer = files.tokenizer;
  VLAQ_ASSIGN_OR_RETURN(const exporting::ExportReport report, exporting::Export(options, log));
  for (const bundle::Assumption& assumption : report.bundle.provenance.assumptions) {
    log.Note("assumed: " + assumption.text);
  }
  return folder;
}

}  // namespace

void PolicyFiles::AddTo(CLI::App& app, const std::string& policy_help) {
  const std::string group = "Policy";
  app.add_option("--tokenizer", tokenizer, "SentencePiece model; default: the bundle's own")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--config", config, "transformers' config.json, where the policy is a checkpoint")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--policy", policy, policy_help)->type_name("FILE")->group(group);
}

Result<OpenedPolicy> OpenPolicy(const std::filesystem::path& path, const PolicyFiles& files,
                                backend::OpenOptions options, const backend::Backend& backend, Log& log) {
  OpenedPolicy opened;
  std::filesystem::path place = path;
  // A folder is a checkpoint if one lies in it, else bundle::Open says what it is not.
  const bool is_folder = std::filesystem::is_directory(path);
  if (!bundle::IsBundle(path) && (!is_folder || checkpoint::CandidatesIn(path).ok())) {
    VLAQ_ASSIGN_OR_RETURN(opened.temporary, ExportForNow(path, files, log));
    place = opened.temporary->path() / "bundle";
  }
  VLAQ_ASSIGN_OR_RETURN(bundle::Bundle bundle, bundle::Open(place));
  options.threads = 1;
  VLAQ_ASSIGN_OR_RETURN(opened.policies,
                        evaluate::BundlePolicyFactory::Open(std::move(bundle), backend, options, files.tokenizer));
  return opened;
}

Status CheckFollowsInstructions(const OpenedPolicy& policy) {
  if (policy.policies->follows_instructions()) return {};
  return UsageError(fmt::format("{} holds no tokenizer, or its instruction is baked in: it cannot be told where to go",
                                policy.bundle().path.string()),
                    "give --tokenizer sentencepiece.bpe.model, or export with it");
}

}  // namespace vlaq::cli

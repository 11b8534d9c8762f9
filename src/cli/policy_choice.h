// A policy that shall drive, as the commands that let policies drive open it: a bundle, or a checkpoint that is made
// one for as long as the command runs.
#pragma once

#include <optional>

#include "base/scratch_folder.h"
#include "cli/command.h"
#include "evaluate/bundle_policy.h"

namespace vlaq::cli {

// What the checkpoint of a policy needs beside it, and a bundle may.
struct PolicyFiles {
  std::filesystem::path tokenizer, config, policy;

  // --tokenizer, --config, --policy
  void AddTo(CLI::App& app, const std::string& policy_help = "policy.json, where the policy is a checkpoint");
};

struct OpenedPolicy {
  std::optional<ScratchFolder> temporary;  // holds the bundle that was made of a checkpoint; goes with this object
  std::unique_ptr<evaluate::BundlePolicyFactory> policies;

  const bundle::Bundle& bundle() const { return policies->bundle(); }
  // For documents; `path` is the one it was opened by.
  Result<evaluate::PolicyIdentity> Describe(const std::filesystem::path& path) const {
    return policies->Describe(temporary ? "checkpoint" : "bundle", path.string());
  }
};

// `path`: a bundle or a checkpoint. Episodes run side by side, so each session gets one thread. Errors: as
// bundle::Open and exporting::Export.
Result<OpenedPolicy> OpenPolicy(const std::filesystem::path& path, const PolicyFiles& files,
                                backend::OpenOptions options, const backend::Backend& backend, Log& log);

// Errors: kUsage if the policy cannot be told where to go.
Status CheckFollowsInstructions(const OpenedPolicy& policy);

}  // namespace vlaq::cli

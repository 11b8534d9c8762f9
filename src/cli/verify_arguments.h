// What `vlaq verify` was asked, and its parts: the rungs on which the policy drives, and the words and documents.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "cli/policy_choice.h"
#include "cli/verb.h"
#include "cli/world_choice.h"
#include "episode/episode_set.h"
#include "verification/report.h"

namespace vlaq::cli {

struct VerifyArguments {
  std::filesystem::path bundle, against, golden, episodes, reference, receipt;
  PolicyFiles files;
  std::vector<std::string> not_in;         // "split.json:train"
  std::optional<double> max_mae_increase;  // absent: what fits the bundle
  uint64_t sim = 0;                        // episodes; 0: not driven
  uint64_t seed = 5'000'000;
  bool bgr = false;
  bool force = false;
  bool json = false;
  WorldChoice world;
  BackendChoice backend;

  bool drives() const { return !episodes.empty() || sim > 0; }
};

// Adds the options of rungs 3 to 5.
void AddDriveOptions(CLI::App& app, VerifyArguments& arguments);

// What can be refused before minutes of work: options that do not fit together, episodes that cannot be read or were
// seen before, a build without a simulator. Errors: kUsage, kInput, kBackend.
Status CheckDriveArguments(const VerifyArguments& arguments, Log& log, verification::Report& report);
// Rungs 3 and 4 with --episodes, rung 5 with --sim.
Status Drive(const VerifyArguments& arguments, const backend::Backend& backend, Log& log, verification::Report& report);

// The recorded episodes. Errors: kInput naming the broken one.
Result<episode::EpisodeSet> OpenEpisodes(const VerifyArguments& arguments);

// The reference as a bundle; none was given, or it is a checkpoint: nullopt.
Result<std::optional<bundle::Bundle>> OpenReference(const VerifyArguments& arguments);
// Rung 2, and of a quantised bundle rungs 0 and 1 against the source bundle (--reference).
Status CheckWhatItIs(const VerifyArguments& arguments, const bundle::Bundle& bundle, const backend::Backend& backend,
                     Log& log, verification::Report& report);

// The document of --json and --receipt, "vlaq.verify/1". Errors: kInput if the bundle's policy.json cannot be read.
Result<Json> VerdictDocument(const VerifyArguments& arguments, const bundle::Bundle& bundle,
                             const verification::Report& report);
void PrintVerdict(const verification::Report& report, std::ostream& out);

}  // namespace vlaq::cli

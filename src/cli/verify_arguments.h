// What `vlaq verify` was asked, and its parts: the stages on which the policy drives, and the words and documents.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "cli/command.h"
#include "cli/episode_choice.h"
#include "cli/policy_choice.h"
#include "cli/world_choice.h"
#include "data/episode_set.h"
#include "verify/difference_check.h"
#include "verify/runs_check.h"
#include "verify/step_inputs.h"
#include "verify/verdict.h"

namespace vlaq::cli {

struct VerifyArguments {
  std::filesystem::path bundle, golden, reference, receipt;
  std::vector<std::string> against;  // a checkpoint; or of an imported bundle its ONNX files
  std::string inputs;                // of an imported bundle: FILE.safetensors[:PREFIX]
  std::string state_dict;
  PolicyFiles files;
  EpisodeChoice episodes;
  std::optional<double> max_mae;           // normalized
  std::optional<double> max_mae_increase;  // absent: what fits the bundle
  std::optional<double> min_success;       // percent
  verify::Tolerance tolerance;
  uint64_t sim = 0;  // episodes; 0: not driven
  uint64_t seed = 5'000'000;
  bool force = false;
  bool json = false;
  WorldChoice world;
  BackendChoice backend;

  // Options of all checks that play the bundle. `opened` must outlive them.
  verify::NumberOptions Numbers(const backend::Backend& opened) const {
    return {&opened, backend.Options(), tolerance};
  }
  bool drives() const { return episodes.given() || sim > 0; }
};

// Adds the options of stages 3 to 5.
void AddDriveOptions(CLI::App& app, VerifyArguments& arguments);

// What can be refused before minutes of work: options that do not fit together, a build without a simulator. Errors:
// kUsage, kBackend.
Status CheckDriveArguments(const VerifyArguments& arguments);
// The recorded episodes, none of which the bundle was made with (or that is noted). None were asked for: nullopt.
// Errors: kInput naming the broken one, or those that were seen before.
Result<std::optional<data::EpisodeSet>> OpenEpisodes(const VerifyArguments& arguments, const bundle::Bundle& bundle,
                                                     Log& log, verify::Report& report);
// Stages 3 and 4 with episodes (else null), stage 5 with --rollouts. `validation_mae`: what the checkpoint says of
// itself.
Status Drive(const VerifyArguments& arguments, const data::EpisodeSet* episodes, std::optional<double> validation_mae,
             const backend::Backend& backend, Log& log, verify::Report& report);

// The reference as a bundle; none was given, or it is a checkpoint: nullopt. Errors: kInput if it cannot be read, is
// quantized itself (then it is no source), or is of another family than `bundle`.
Result<std::optional<bundle::Bundle>> OpenReference(const VerifyArguments& arguments, const bundle::Bundle& bundle);
// Stage 2, and stages 0 and 1 against the source bundle (--reference), which may be null, on `inputs`.
Status CheckWhatItIs(const VerifyArguments& arguments, const bundle::Bundle& bundle, const bundle::Bundle* reference,
                     const verify::StepInputs& inputs, const backend::Backend& backend, Log& log,
                     verify::Report& report);
// The report of stages of which the last ended with `rest`: what is wrong with the bundle may have kept it from going
// on, which is a note then. Errors: `rest`, if nothing was found wrong.
Result<verify::Report> FinishReport(const Status& rest, verify::Report report);
// All stages of an imported bundle. Errors: kUsage for options of policies that drive; as its parts.
Result<verify::Report> VerifyImported(const VerifyArguments& arguments, const bundle::Bundle& bundle, Log& log);

// The document of --json and --output, "vlaq.verify/2". Errors: kInput if the bundle's policy.json cannot be read.
Result<Json> VerdictDocument(const VerifyArguments& arguments, const bundle::Bundle& bundle,
                             const verify::Report& report);
void PrintVerdict(const VerifyArguments& arguments, const bundle::Bundle& bundle, const verify::Report& report,
                  std::ostream& out);

}  // namespace vlaq::cli

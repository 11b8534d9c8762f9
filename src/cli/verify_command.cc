#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "base/json.h"
#include "bundle/bundle.h"
#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "cli/policy_kind.h"
#include "cli/verify_arguments.h"
#include "families/family.h"
#include "verify/golden_check.h"
#include "verify/identity.h"
#include "verify/runs_check.h"
#include "verify/settings.h"
#include "verify/step_inputs.h"

namespace vlaq::cli {
namespace {

Status CompareNumbers(const VerifyArguments& a, const bundle::Bundle& bundle, const backend::Backend& backend, Log& log,
                      verify::Report& report) {
  const verify::NumberOptions options = a.Numbers(backend);
  if (!a.golden.empty()) return verify::CheckAgainstGolden(bundle, a.golden, options, log, report);
  return verify::CheckRuns(bundle, verify::NoiseSteps(bundle.policy), options, log, report);
}

// What it is shown beside its source: every recorded frame, in episodes as a control loop has them, or some noise.
Result<verify::StepInputs> SharedInputs(const bundle::Bundle& bundle, const data::EpisodeSet* episodes) {
  constexpr size_t kNoiseSteps = 12;
  if (episodes != nullptr) return verify::EpisodeSteps(bundle.policy, *episodes);
  verify::StepInputs inputs = verify::NoiseSteps(bundle.policy);
  inputs.steps = kNoiseSteps;
  return inputs;
}

// A quantized bundle is held against its source bundle, that one against the checkpoint.
Status CheckAgainstFits(const VerifyArguments& a, const bundle::Bundle& bundle) {
  if (a.against.empty() || !bundle.plan) return {};
  return UsageError("a quantized bundle does not compare with a checkpoint",
                    "give --reference SOURCE, and verify the source --against the checkpoint");
}

// What a training wrote into its checkpoint of its own error, normalized; absent if it says nothing.
std::optional<double> ValidationMaeOf(const checkpoint::Checkpoint& checkpoint) {
  for (const checkpoint::Extra& extra : checkpoint.extras()) {
    if (extra.name != "val_mae" && extra.name != "best_val_mae") continue;
    double value = 0;
    const auto end = extra.text.data() + extra.text.size();
    const auto parsed = std::from_chars(extra.text.data(), end, value);
    if (parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(value) && value > 0) return value;
  }
  return std::nullopt;
}

Status CheckUsersFiles(const VerifyArguments& a, const bundle::Bundle& bundle, verify::Report& report) {
  if (!a.files.policy.empty()) {
    VLAQ_RETURN_IF_ERROR(verify::CheckAgainstPolicyFile(bundle, a.files.policy, report));
  }
  if (a.files.tokenizer.empty()) return {};
  if (bundle.tokenizer) return verify::CheckAgainstTokenizerFile(bundle, a.files.tokenizer, report);
  report.notes.push_back(fmt::format("the bundle holds no tokenizer; {} was used", a.files.tokenizer.string()));
  return {};
}

struct Sources {
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint;
  std::optional<bundle::Bundle> reference;
  std::optional<data::EpisodeSet> episodes;
  std::optional<double> validation_mae;
};

// All that the bundle is held against, opened before the work of minutes.
Result<Sources> OpenSources(const VerifyArguments& a, const bundle::Bundle& bundle, Log& log, verify::Report& report) {
  Sources sources;
  if (!a.inputs.empty()) {
    return UsageError("--inputs is for policies that were imported", "give --golden or --episodes");
  }
  if (!a.against.empty()) {
    if (a.against.size() > 1) {
      return UsageError("--against: this policy was made from one checkpoint", "give it once");
    }
    VLAQ_ASSIGN_OR_RETURN(sources.checkpoint, families::OpenCheckpoint(a.against[0], {.state_dict = a.state_dict}));
    sources.validation_mae = ValidationMaeOf(*sources.checkpoint);
  }
  VLAQ_RETURN_IF_ERROR(CheckDriveArguments(a));
  VLAQ_ASSIGN_OR_RETURN(sources.reference, OpenReference(a, bundle));
  VLAQ_ASSIGN_OR_RETURN(sources.episodes, OpenEpisodes(a, bundle, log, report));
  return sources;
}

Result<verify::Report> Verify(const VerifyArguments& a, const bundle::Bundle& bundle, Log& log) {
  verify::Report report;
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());  // before the work of minutes
  VLAQ_ASSIGN_OR_RETURN(const Sources sources, OpenSources(a, bundle, log, report));
  VLAQ_RETURN_IF_ERROR(verify::CheckIdentity(bundle, sources.checkpoint.get(), log, report));
  VLAQ_RETURN_IF_ERROR(CheckUsersFiles(a, bundle, report));
  if (sources.checkpoint) verify::CheckAgainstStated(bundle, *sources.checkpoint, report);
  const data::EpisodeSet* episodes = sources.episodes ? &*sources.episodes : nullptr;
  VLAQ_ASSIGN_OR_RETURN(const verify::StepInputs inputs, SharedInputs(bundle, episodes));
  Status rest = CompareNumbers(a, bundle, *backend, log, report);
  if (rest.ok()) {
    rest = CheckWhatItIs(a, bundle, sources.reference ? &*sources.reference : nullptr, inputs, *backend, log, report);
  }
  if (rest.ok()) rest = Drive(a, episodes, sources.validation_mae, *backend, log, report);
  return FinishReport(rest, std::move(report));
}

Status Deliver(const VerifyArguments& a, const bundle::Bundle& bundle, const verify::Report& report,
               std::optional<OutputFile>& receipt, Context& context) {
  if (receipt || a.json) {
    VLAQ_ASSIGN_OR_RETURN(const Json document, VerdictDocument(a, bundle, report));
    if (receipt) {
      VLAQ_RETURN_IF_ERROR(receipt->Write(JsonString(document, 1) + "\n"));
      VLAQ_RETURN_IF_ERROR(receipt->Commit());
    }
    if (a.json) PrintJson(document, context.out);
  }
  if (!a.json) PrintVerdict(a, bundle, report, context.out);
  return {};
}

Status RunVerify(const VerifyArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a.bundle, bundle::Presence::kUnchecked));
  std::optional<OutputFile> receipt;  // refused before the work of minutes, if it will be
  if (!a.receipt.empty()) {
    VLAQ_ASSIGN_OR_RETURN(receipt, OutputFile::Create(a.receipt, WhenExisting(a.force)));
  }
  VLAQ_RETURN_IF_ERROR(CheckAgainstFits(a, bundle));
  VLAQ_ASSIGN_OR_RETURN(verify::Report report, IsMadeOfFiles(bundle) ? VerifyImported(a, bundle, context.log)
                                                                     : Verify(a, bundle, context.log));
  report.settings = verify::SettingsOf(bundle, report);
  VLAQ_RETURN_IF_ERROR(Deliver(a, bundle, report, receipt, context));
  const auto conclusion = verify::Conclude(report, bundle.plan.has_value());
  switch (conclusion.verdict) {
    case verify::Verdict::kVerified:
      return {};
    case verify::Verdict::kIntact:
      return Error{ErrorCode::kNotProven, "intact only: nothing outside the bundle shows that it is the policy",
                   a.bundle.string(), "the lines under 'missing' say what would"};
    case verify::Verdict::kFailed:
      break;
  }
  const verify::Check* failure = report.first_failure();
  return Error{ErrorCode::kVerification,
               failure == nullptr ? "nothing was checked"
                                  : fmt::format("verification failed at '{}': {}", failure->name, failure->detail),
               a.bundle.string(), ""};
}

}  // namespace

Action AddVerify(CLI::App& app, Context& context) {
  auto a = std::make_shared<VerifyArguments>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export`, `import` or `quantize` made")->required();
  app.add_option("--against", a->against,
                 "The checkpoint it was made from: every tensor is compared; of an imported bundle the ONNX files, one "
                 "--against each: every operator, too, and what they compute")
      ->allow_extra_args(false)
      ->type_name("CHECKPOINT");
  app.add_option("--state-dict", a->state_dict, "Key of the state dict to compare with, where --against holds several")
      ->type_name("KEY");
  app.add_option("--golden", a->golden,
                 "Reference results: every stage is compared, from pixels to actions; of an imported bundle tensors "
                 "in.INPUT and out.OUTPUT")
      ->type_name("golden.safetensors");
  app.add_option("--inputs", a->inputs,
                 "What an imported bundle is shown in place of noise (or the golden file's): tensors by the names of "
                 "its inputs, [T, ...] or one for every step")
      ->type_name("FILE[:PREFIX]");
  app.add_option("-o,--output", a->receipt, "Also write the verdict with its evidence to this file, as JSON")
      ->type_name("FILE");
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  AddDriveOptions(app, *a);
  a->backend.AddTo(app);
  app.footer(
      "'verified', and exit code 0: the bundle agrees with something outside it, which is one of --against with "
      "--golden, "
      "--reference, --episodes (imported: --against, --golden, --reference). 'intact', and exit code 7: it agrees with "
      "itself only. Exit code 5: a check failed; "
      "the "
      "first one is named.\n\n"
      "Examples:\n"
      "  vlaq verify policy --against model.pth --golden golden.safetensors\n"
      "  vlaq verify policy --episodes held_out --exclude split.json:train -o receipt.json\n"
      "  vlaq verify policy_int8 --reference policy --episodes held_out --rollouts 100 -o int8.json\n"
      "  vlaq verify act --against act.onnx --inputs observations.safetensors");
  return [a, &context]() -> Status { return RunVerify(*a, context); };
}

}  // namespace vlaq::cli

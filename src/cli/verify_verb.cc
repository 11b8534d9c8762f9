#include <fmt/format.h>

#include <optional>

#include "base/json.h"
#include "bundle/bundle.h"
#include "checkpoint/checkpoint.h"
#include "cli/verbs.h"
#include "cli/verify_arguments.h"
#include "verification/identity.h"
#include "verification/numbers.h"

namespace vlaq::cli {
namespace {

Status CompareNumbers(const VerifyArguments& a, const bundle::Bundle& bundle, const backend::Backend& backend, Log& log,
                      verification::Report& report) {
  verification::NumberOptions options;
  options.backend = &backend;
  options.open = a.backend.Options();
  options.golden = a.golden;
  return verification::CheckNumbers(bundle, options, log, report);
}

// A quantised bundle is held against its source bundle, that one against the checkpoint.
Status CheckAgainstFits(const bundle::Bundle& bundle) {
  if (!bundle.plan) return {};
  return UsageError("a quantised bundle does not compare with a checkpoint",
                    "give --reference SOURCE, and verify the source --against the checkpoint");
}

Result<verification::Report> Verify(const VerifyArguments& a, const bundle::Bundle& bundle, Log& log) {
  verification::Report report;
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint;
  if (!a.against.empty()) {
    VLAQ_RETURN_IF_ERROR(CheckAgainstFits(bundle));
    VLAQ_ASSIGN_OR_RETURN(checkpoint, checkpoint::Checkpoint::Open(a.against));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());  // before the work of minutes
  VLAQ_RETURN_IF_ERROR(CheckDriveArguments(a, log, report));
  VLAQ_RETURN_IF_ERROR(verification::CheckIdentity(bundle, checkpoint.get(), log, report));
  Status numbers = CompareNumbers(a, bundle, *backend, log, report);
  if (numbers.ok()) numbers = CheckWhatItIs(a, bundle, *backend, log, report);
  if (!numbers.ok()) {
    // What cannot even run is no policy: a verdict, unless the golden file itself is at fault or nothing was wrong so
    // far. That a provider does not take all of a graph says nothing of the policy.
    const bool policy_is_wrong = numbers.error().code == ErrorCode::kBackend && a.backend.provider == "cpu";
    if (report.first_failure() == nullptr && !policy_is_wrong) return numbers.error();
    report.checks.push_back({1, "numbers", false, numbers.error().ToString(), {}});
    return report;
  }
  const Status driven = Drive(a, *backend, log, report);
  if (driven.ok()) return report;
  if (report.first_failure() == nullptr) return driven.error();
  report.notes.push_back("what was found wrong before also kept it from driving: " + driven.error().ToString());
  return report;
}

Status Deliver(const VerifyArguments& a, const bundle::Bundle& bundle, const verification::Report& report,
               std::optional<OutputFile>& receipt, Context& context) {
  if (receipt || a.json) {
    VLAQ_ASSIGN_OR_RETURN(const Json document, VerdictDocument(a, bundle, report));
    if (receipt) {
      VLAQ_RETURN_IF_ERROR(receipt->Write(JsonString(document, 1) + "\n"));
      VLAQ_RETURN_IF_ERROR(receipt->Commit());
    }
    if (a.json) PrintJson(document, context.out);
  }
  if (!a.json) PrintVerdict(report, context.out);
  return {};
}

Status RunVerify(const VerifyArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a.bundle, bundle::Presence::kUnchecked));
  std::optional<OutputFile> receipt;  // refused before the work of minutes, if it will be
  if (!a.receipt.empty()) {
    VLAQ_ASSIGN_OR_RETURN(receipt, OutputFile::Create(a.receipt, WhenExisting(a.force)));
  }
  VLAQ_ASSIGN_OR_RETURN(const verification::Report report, Verify(a, bundle, context.log));
  VLAQ_RETURN_IF_ERROR(Deliver(a, bundle, report, receipt, context));
  const verification::Check* failure = report.first_failure();
  if (failure == nullptr) return {};
  return Error{ErrorCode::kVerification, fmt::format("verification failed at '{}': {}", failure->name, failure->detail),
               a.bundle.string(), ""};
}

}  // namespace

Action AddVerify(CLI::App& app, Context& context) {
  auto a = std::make_shared<VerifyArguments>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export` made")->required();
  app.add_option("--against", a->against, "The checkpoint it was made from: every tensor is compared")
      ->type_name("CHECKPOINT");
  app.add_option("--golden", a->golden, "Reference results: every stage is compared, from pixels to actions")
      ->type_name("golden.safetensors");
  app.add_option("-o,--receipt", a->receipt, "Also write the verdict with its evidence to this file, as JSON")
      ->type_name("FILE");
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  AddDriveOptions(app, *a);
  a->backend.AddTo(app);
  app.footer(
      "Exit code 5 and the first check that failed if the bundle is not the policy.\n\n"
      "Examples:\n"
      "  vlaq verify mae0222 --against best_simple_lstm_model.pth\n"
      "  vlaq verify mae0222 --golden golden.safetensors\n"
      "  vlaq verify mini --episodes held_out --not-in split.json:train -o receipt.json\n"
      "  vlaq verify mini-int8 --reference mini --episodes held_out --sim 100 --receipt int8.json");
  return [a, &context]() -> Status { return RunVerify(*a, context); };
}

}  // namespace vlaq::cli

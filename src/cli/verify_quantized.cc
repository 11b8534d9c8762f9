#include <fmt/format.h>

#include <optional>

#include "cli/verify_arguments.h"
#include "quantization/plan_file.h"
#include "verification/reality.h"
#include "verification/reference_numbers.h"
#include "verification/weights_check.h"

namespace vlaq::cli {
namespace {

using bundle::Bundle;
using quantization::Plan;

// The plan in the bundle. One that cannot be read proves nothing: a verdict, not an error.
std::optional<Plan> ReadPlanOf(const Bundle& bundle, verification::Report& report) {
  if (!bundle.plan) return std::nullopt;
  auto plan = quantization::ReadPlan(bundle.path / bundle.plan->file);
  if (plan.ok()) return *std::move(plan);
  report.checks.push_back({0, "plan", false, plan.error().ToString(), {}});
  return std::nullopt;
}

bool HasFixedRanges(const Plan& plan) {
  for (const auto& choice : plan.operators) {
    if (choice.form == quantization::Form::kStaticInt8) return true;
  }
  return false;
}

Status Numbers(const VerifyArguments& a, const Bundle& bundle, const Bundle& reference, const std::optional<Plan>& plan,
               const backend::Backend& backend, Log& log, verification::Report& report) {
  if (plan && HasFixedRanges(*plan) && a.episodes.empty()) {
    report.untestable.push_back({1, "stages against the source",
                                 "its ranges were fixed on recorded frames, noise is none; give --episodes DIR"});
    return {};
  }
  verification::ReferenceNumberOptions options;
  options.backend = &backend;
  options.open = a.backend.Options();
  if (!a.episodes.empty()) {
    VLAQ_ASSIGN_OR_RETURN(const episode::EpisodeSet episodes, OpenEpisodes(a));
    VLAQ_ASSIGN_OR_RETURN(options.pixels, verification::RecordedPixels(episodes, bundle.spec));
  }
  return verification::CheckReferenceNumbers(bundle, reference, options, log, report);
}

}  // namespace

Result<std::optional<Bundle>> OpenReference(const VerifyArguments& a) {
  if (a.reference.empty() || !bundle::IsBundle(a.reference)) return std::optional<Bundle>{};
  VLAQ_ASSIGN_OR_RETURN(Bundle reference, bundle::Open(a.reference));
  return std::optional(std::move(reference));
}

Status CheckWhatItIs(const VerifyArguments& a, const Bundle& bundle, const backend::Backend& backend, Log& log,
                     verification::Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const std::optional<Bundle> reference, OpenReference(a));
  const std::optional<Plan> plan = ReadPlanOf(bundle, report);
  if (plan && reference) {
    VLAQ_RETURN_IF_ERROR(verification::CheckQuantizedWeights(bundle, *plan, *reference, log, report));
  } else if (plan) {
    report.untestable.push_back(
        {1, "quantised weights", "there is nothing to hold them against; give --reference SOURCE"});
  }
  if (reference) VLAQ_RETURN_IF_ERROR(Numbers(a, bundle, *reference, plan, backend, log, report));
  const verification::RealityOptions options{&backend, a.backend.Options()};
  return verification::CheckReality(bundle, plan ? &*plan : nullptr, reference ? &*reference : nullptr, options, log,
                                    report);
}

}  // namespace vlaq::cli

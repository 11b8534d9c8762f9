#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/verify_arguments.h"
#include "quantization/plan_file.h"
#include "verification/reality.h"
#include "verification/reference_numbers.h"
#include "verification/settings.h"
#include "verification/weights_check.h"

namespace vlaq::cli {
namespace {

using bundle::Bundle;
using quantization::Plan;

// The plan in the bundle. One that cannot be read, or is of another target or precision than the bundle says, proves
// nothing: a verdict, not an error.
std::optional<Plan> ReadPlanOf(const Bundle& bundle, verification::Report& report) {
  if (!bundle.plan) return std::nullopt;
  auto plan = quantization::ReadPlan(bundle.path / bundle.plan->file);
  std::string problem;
  if (!plan.ok()) {
    problem = plan.error().ToString();
  } else if (plan->precision != bundle.precision || plan->target != bundle.target) {
    problem = fmt::format("plan.json is for {} and {}, policy.json says {} and {}", plan->precision, plan->target,
                          bundle.precision, bundle.target);
  } else {
    return *std::move(plan);
  }
  report.checks.push_back({0, "plan", false, std::move(problem), {}});
  return std::nullopt;
}

bool HasFixedRanges(const Plan& plan) {
  return std::any_of(plan.operators.begin(), plan.operators.end(),
                     [](const auto& choice) { return choice.form == quantization::Form::kStaticInt8; });
}

Status Numbers(const VerifyArguments& a, const Bundle& bundle, const Bundle& reference,
               const episode::EpisodeSet* episodes, const backend::Backend& backend, Log& log,
               verification::Report& report) {
  verification::ReferenceNumberOptions options;
  options.backend = &backend;
  options.open = a.backend.Options();
  options.episodes = episodes;
  options.tolerance = a.tolerance;
  return verification::CheckReferenceNumbers(bundle, reference, options, log, report);
}

}  // namespace

Result<std::optional<Bundle>> OpenReference(const VerifyArguments& a, const Bundle& bundle) {
  if (a.reference.empty() || !bundle::IsBundle(a.reference)) return std::optional<Bundle>{};
  VLAQ_ASSIGN_OR_RETURN(Bundle reference, bundle::Open(a.reference));
  if (reference.policy.family != bundle.policy.family) {
    return InputError(a.reference.string(),
                      fmt::format("is a policy of family {}, and the bundle one of {}", reference.policy.family,
                                  bundle.policy.family),
                      "give the bundle that it was made from");
  }
  if (reference.plan) {
    return InputError(
        a.reference.string(),
        fmt::format("is quantized itself ({} for {}), so it is nobody's source", reference.precision, reference.target),
        "give the bundle that both were made from, as vlaq export or import wrote it");
  }
  return std::optional(std::move(reference));
}

Status CheckWhatImportedIs(const VerifyArguments& a, const Bundle& bundle, const Bundle* reference,
                           const verification::StepInputs& inputs, const backend::Backend& backend, Log& log,
                           verification::Report& report) {
  const std::optional<Plan> plan = ReadPlanOf(bundle, report);
  if (reference != nullptr) {
    verification::CheckAgainstSourcePolicy(bundle, *reference, report);
    // What has no plan must be its source as it is.
    VLAQ_RETURN_IF_ERROR(plan ? verification::CheckQuantizedWeights(bundle, &*plan, *reference, log, report)
                              : verification::CheckSourceGraphs(bundle, *reference, log, report));
    if (plan && HasFixedRanges(*plan) && inputs.noise) {
      report.untestable.push_back({1, "outputs against the source",
                                   "its ranges were fixed on recorded values, noise is none; give --inputs "
                                   "FILE.safetensors",
                                   true});
    } else {
      const verification::StepNumberOptions options{&backend, a.backend.Options(), a.tolerance};
      VLAQ_RETURN_IF_ERROR(verification::CheckAgainstSourceSteps(bundle, *reference, inputs, options, log, report));
    }
  } else if (plan) {
    report.untestable.push_back(
        {1, "quantised weights", "there is nothing to hold them against; give --reference SOURCE", true});
  }
  const verification::RealityOptions options{&backend, a.backend.Options(), &inputs};
  return verification::CheckReality(bundle, plan ? &*plan : nullptr, reference, options, log, report);
}

Status CheckWhatItIs(const VerifyArguments& a, const Bundle& bundle, const Bundle* reference,
                     const episode::EpisodeSet* episodes, const backend::Backend& backend, Log& log,
                     verification::Report& report) {
  const std::optional<Plan> plan = ReadPlanOf(bundle, report);
  if (reference != nullptr) {
    verification::CheckAgainstSourceSettings(bundle, *reference, report);
    // What has no plan must be its source as it is: a plan that changes nothing.
    VLAQ_RETURN_IF_ERROR(verification::CheckQuantizedWeights(bundle, plan ? &*plan : nullptr, *reference, log, report));
    if (plan && HasFixedRanges(*plan) && episodes == nullptr) {
      report.untestable.push_back({1, "stages against the source",
                                   "its ranges were fixed on recorded frames, noise is none; give --episodes DIR",
                                   true});
    } else {
      VLAQ_RETURN_IF_ERROR(Numbers(a, bundle, *reference, episodes, backend, log, report));
    }
  } else if (plan) {
    report.untestable.push_back(
        {1, "quantised weights", "there is nothing to hold them against; give --reference SOURCE", true});
  }
  const verification::RealityOptions options{&backend, a.backend.Options(), nullptr};
  return verification::CheckReality(bundle, plan ? &*plan : nullptr, reference, options, log, report);
}

}  // namespace vlaq::cli

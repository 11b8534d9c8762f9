#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/verify_arguments.h"
#include "quantize/numerics/plan_file.h"
#include "verify/executed_precision.h"
#include "verify/settings.h"
#include "verify/source_check.h"
#include "verify/source_files.h"
#include "verify/weights_check.h"

namespace vlaq::cli {
namespace {

using bundle::Bundle;
using numerics::Plan;

// The plan in the bundle. One that cannot be read, or is of another target or precision than the bundle says, proves
// nothing: a verdict, not an error.
std::optional<Plan> ReadPlanOf(const Bundle& bundle, verify::Report& report) {
  if (!bundle.plan) return std::nullopt;
  auto plan = numerics::ReadPlan(bundle.path / bundle.plan->file);
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
                     [](const auto& choice) { return choice.form == numerics::Form::kStaticInt8; });
}

// Stage 0 against the source. What has no plan must be its source as it is: a plan that changes nothing, or any graphs
// as they were.
Status CheckWeights(const Bundle& bundle, const Plan* plan, const Bundle& reference, Log& log, verify::Report& report) {
  if (report.of_files) {
    verify::CheckAgainstSourcePolicy(bundle, reference, report);
  } else {
    verify::CheckAgainstSourceSettings(bundle, reference, report);
  }
  if (report.of_files && plan == nullptr) return verify::CheckSourceGraphs(bundle, reference, log, report);
  return verify::CheckQuantizedWeights(bundle, plan, reference, log, report);
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

Status CheckWhatItIs(const VerifyArguments& a, const Bundle& bundle, const Bundle* reference,
                     const verify::StepInputs& inputs, const backend::Backend& backend, Log& log,
                     verify::Report& report) {
  const std::optional<Plan> plan = ReadPlanOf(bundle, report);
  if (reference != nullptr) {
    VLAQ_RETURN_IF_ERROR(CheckWeights(bundle, plan ? &*plan : nullptr, *reference, log, report));
    if (plan && HasFixedRanges(*plan) && inputs.noise) {
      report.untestable.push_back({verify::kNumberRung, "outputs against the source",
                                   fmt::format("its ranges were fixed on recorded values, noise is none; give {}",
                                               report.of_files ? "--inputs FILE.safetensors" : "--episodes DIR"),
                                   true});
    } else {
      VLAQ_RETURN_IF_ERROR(verify::CheckAgainstSource(bundle, *reference, inputs, a.Numbers(backend), log, report));
    }
  } else if (plan) {
    report.untestable.push_back(
        {1, "quantized weights", "there is nothing to hold them against; give --reference SOURCE", true});
  }
  const verify::ExecutedPrecisionOptions options{&backend, a.backend.Options(), &inputs};
  return verify::CheckExecutedPrecision(bundle, plan ? &*plan : nullptr, reference, options, log, report);
}

Result<verify::Report> FinishReport(const Status& rest, verify::Report report) {
  if (rest.ok()) return report;
  if (report.first_failure() == nullptr) return rest.error();
  report.notes.push_back("what was found wrong before also kept it from going on: " + rest.error().ToString());
  return report;
}

}  // namespace vlaq::cli

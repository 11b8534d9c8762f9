#include "verify/closed_loop_check.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "evaluate/summary.h"

namespace vlaq::verify {
namespace {

using evaluate::Ablation;
using evaluate::Outcome;
using evaluate::PairedCounts;
using Outcomes = std::vector<Outcome>;

constexpr int kClosedLoopStage = 5;

Check Success(const Outcomes& normal, double limit) {
  const evaluate::Summary summary = evaluate::Summarize(normal);
  const bool passed = summary.success.count > 0 && summary.success.fraction() >= limit;
  Check check{kClosedLoopStage, "success", passed, "", {}};
  check.detail = fmt::format("arrives in {} of {}, {}, at least {:.0f} %; told side {:.1f} %, collided {:.1f} %",
                             summary.success.count, Counted(summary.success.of, "episode"), Format(summary.success),
                             100 * limit, 100 * summary.told_side.fraction(), 100 * summary.collided.fraction());
  check.figures.emplace_back("limit", limit);
  AddFigures("success", summary.success, check);
  check.figures.emplace_back("episodes", static_cast<double>(summary.success.of));
  check.figures.emplace_back("told_side", summary.told_side.fraction());
  check.figures.emplace_back("collided", summary.collided.fraction());
  check.figures.emplace_back("timed_out", summary.timed_out.fraction());
  return check;
}

// How much success falls from `normal` to `deprived`, seed by seed.
Status JudgeLoss(const Outcomes& normal, const Outcomes& deprived, Ablation ablation, double limit, Check& check) {
  VLAQ_ASSIGN_OR_RETURN(const PairedCounts counts, evaluate::CompareSuccess(normal, deprived));
  // In whole episodes, so that a loss of exactly the limit is no matter of rounding.
  const auto lost = static_cast<double>(counts.only_first - counts.only_second);
  const auto of = static_cast<double>(normal.size());
  const bool enough = of > 0 && lost >= limit * of - 1e-9;
  check.passed = check.passed && enough;
  const evaluate::Rate success = evaluate::Summarize(deprived).success;
  check.detail += fmt::format("{}{} {}{}", check.detail.empty() ? "success " : ", ", Name(ablation), Format(success),
                              enough ? "" : " TOO MUCH");
  const std::string name(Name(ablation));
  AddFigures(name, success, check);
  check.figures.emplace_back(name + "_loss", of > 0 ? lost / of : 0);
  check.figures.emplace_back(name + "_p", evaluate::McNemarP(counts));
  return {};
}

Result<Check> Eyes(const ClosedLoopRuns& runs, double limit) {
  Check check{kClosedLoopStage, "needs its image", true, "", {}};
  VLAQ_RETURN_IF_ERROR(JudgeLoss(runs.normal, runs.blank, Ablation::kGrayImage, limit, check));
  VLAQ_RETURN_IF_ERROR(JudgeLoss(runs.normal, runs.frozen, Ablation::kFrozenImage, limit, check));
  check.detail += fmt::format("; against {} normal, must fall by {:.0f} points",
                              Format(evaluate::Summarize(runs.normal).success), 100 * limit);
  if (!check.passed) check.detail = "the policy does not need its image: " + check.detail;
  check.figures.emplace_back("limit", limit);
  return check;
}

bool Obeyed(const Outcome& outcome) { return outcome.first_passed == outcome.told; }

Result<Check> Obedience(const ClosedLoopRuns& runs, double limit) {
  VLAQ_RETURN_IF_ERROR(evaluate::CompareSuccess(runs.normal, runs.swapped));  // the same seeds?
  evaluate::Rate both{0, static_cast<int64_t>(runs.normal.size())};
  for (size_t i = 0; i < runs.normal.size(); ++i) {
    both.count += Obeyed(runs.normal[i]) && Obeyed(runs.swapped[i]) ? 1 : 0;
  }
  const evaluate::Summary swapped = evaluate::Summarize(runs.swapped);
  Check check{kClosedLoopStage, "follows the instruction", both.of > 0 && both.fraction() >= limit, "", {}};
  check.detail = fmt::format("passes on the other side when told so in {}, told side as heard {}; at least {:.0f} %",
                             Format(both), Format(swapped.told_side), 100 * limit);
  if (!check.passed) check.detail = "the policy does not do what it is told: " + check.detail;
  AddFigures("changed_sides", both, check);
  AddFigures("swapped_told_side", swapped.told_side, check);
  AddFigures("swapped_success", swapped.success, check);
  check.figures.emplace_back("limit", limit);
  return check;
}

Result<Check> SuccessAgainstReference(const Outcomes& policy, const Outcomes& reference, double significance) {
  VLAQ_ASSIGN_OR_RETURN(const PairedCounts counts, evaluate::CompareSuccess(policy, reference));
  const double p = evaluate::McNemarP(counts);
  const bool worse = counts.only_second > counts.only_first && p < significance;
  Check check{kClosedLoopStage, "reference success", !worse, "", {}};
  const bool better = counts.only_first > counts.only_second && p < significance;
  check.detail = fmt::format("{} the reference; only the bundle arrives in {}, only the reference in {}; p {:.3g}",
                             worse ? "worse than" : (better ? "better than" : "not shown to differ from"),
                             counts.only_first, counts.only_second, p);
  AddFigures("reference_success", evaluate::Summarize(reference).success, check);
  check.figures.emplace_back("only_bundle", static_cast<double>(counts.only_first));
  check.figures.emplace_back("only_reference", static_cast<double>(counts.only_second));
  check.figures.emplace_back("p", p);
  check.figures.emplace_back("limit", significance);
  return check;
}

std::vector<Limit> AsEvidence(const ClosedLoopLimits& limits, bool reference) {
  std::vector<Limit> list{
      {"least_success", limits.least_success, "fraction of seeds; what fails more often than it arrives is no proof"},
      {"least_loss", limits.least_loss,
       "fraction of seeds; a policy that does not look loses nothing, one that looks was measured to lose 0.9 and "
       "more"},
      {"min_obedience", limits.min_obedience,
       "fraction of seeds; a policy that does not listen never passes on the told side both times"}};
  if (reference) list.push_back({"significance", limits.significance, "two-sided exact McNemar test on paired seeds"});
  return list;
}

}  // namespace

Status CheckSimulator() {
  const auto why = sim::World::Unavailable();
  if (!why) return {};
  return Error{ErrorCode::kBackend, "stage 5 drives in the simulator, which this build lacks", "sim", *why};
}

Status JudgeClosedLoop(const ClosedLoopRuns& runs, const ClosedLoopLimits& limits, Report& report) {
  VLAQ_ASSIGN_OR_RETURN(Check eyes, Eyes(runs, limits.least_loss));
  VLAQ_ASSIGN_OR_RETURN(Check obedience, Obedience(runs, limits.min_obedience));
  report.checks.push_back(Success(runs.normal, limits.least_success));
  report.checks.push_back(std::move(eyes));
  report.checks.push_back(std::move(obedience));
  if (runs.reference) {
    VLAQ_ASSIGN_OR_RETURN(Check reference, SuccessAgainstReference(runs.normal, *runs.reference, limits.significance));
    report.checks.push_back(std::move(reference));
  }
  for (Check& check : report.checks) {
    if (check.stage == kClosedLoopStage) check.against = Against::kSimulator;
  }
  for (Limit& limit : AsEvidence(limits, runs.reference.has_value()))
    report.evidence.limits.push_back(std::move(limit));
  return {};
}

Status CheckClosedLoop(const JudgedPolicy& policy, const JudgedPolicy* reference,
                       const evaluate::RolloutOptions& options, const ClosedLoopLimits& limits, Log& log,
                       Report& report) {
  VLAQ_RETURN_IF_ERROR(CheckSimulator());
  if (!policy.no_instruction_because.empty()) {
    return UsageError(fmt::format("{} cannot be driven: {}", policy.policies.name(), policy.no_instruction_because));
  }
  evaluate::RolloutOptions run = options;
  run.shard = 0;
  run.shards = 1;
  ClosedLoopRuns runs;
  const std::array<std::pair<Ablation, Outcomes*>, 4> plan{{{Ablation::kNone, &runs.normal},
                                                            {Ablation::kGrayImage, &runs.blank},
                                                            {Ablation::kFrozenImage, &runs.frozen},
                                                            {Ablation::kSwappedInstruction, &runs.swapped}}};
  report.evidence.simulation = DrivenSeeds{run.first_seed, run.episodes, run.world};
  for (const auto& [ablation, outcomes] : plan) {
    run.ablation = ablation;
    report.evidence.closed_loop_ablations.emplace_back(Name(ablation));
    VLAQ_ASSIGN_OR_RETURN(*outcomes, evaluate::RollOut(policy.policies, run, log));
  }
  if (reference != nullptr) {
    run.ablation = Ablation::kNone;
    VLAQ_ASSIGN_OR_RETURN(runs.reference, evaluate::RollOut(reference->policies, run, log));
  }
  return JudgeClosedLoop(runs, limits, report);
}

}  // namespace vlaq::verify

#include "verification/open_loop_check.h"

#include <fmt/format.h>

#include <cmath>

#include "episode/content.h"
#include "episode/split.h"
#include "evaluation/open_loop_evaluation.h"

namespace vlaq::verification {
namespace {

using evaluation::EpisodeScore;
using evaluation::OpenLoopContestant;
using evaluation::Score;

constexpr int kOpenLoopRung = 3;

Result<OpenLoopContestant> ScoreOf(const Contender& contender, const episode::EpisodeSet& episodes, int threads,
                                   Log& log) {
  evaluation::OpenLoopOptions options;
  options.threads = threads;
  VLAQ_ASSIGN_OR_RETURN(std::vector<EpisodeScore> scores,
                        evaluation::ScoreEpisodes(contender.drivers, episodes, options, log));
  return OpenLoopContestant{{}, contender.space, {{evaluation::Condition::kNormal, std::move(scores)}}};
}

Score TotalOf(const OpenLoopContestant& contestant) { return evaluation::Total(contestant.conditions[0].episodes); }

Check Recorded(const OpenLoopContestant& policy) {
  const Score total = TotalOf(policy);
  const size_t axes = evaluation::AxesOf(policy.space);
  Check check{kOpenLoopRung, "recorded actions", std::isfinite(total.Mae(axes)), "", {}};
  check.detail =
      fmt::format("MAE {:.4f} normalised, {:.4f} m/s; RMSE {:.4f}; direction agrees in {:.1f} %; {} episodes, {} steps",
                  total.Mae(axes), total.RawMae(axes), total.Rmse(axes), 100 * total.DirectionAgreement(),
                  policy.conditions[0].episodes.size(), total.steps);
  if (!check.passed) check.detail = "the policy's actions are no numbers";
  check.figures = {{"mae", total.Mae(axes)},
                   {"mae_raw", total.RawMae(axes)},
                   {"rmse", total.Rmse(axes)},
                   {"direction_agreement", total.DirectionAgreement()},
                   {"steps", static_cast<double>(total.steps)}};
  for (size_t axis = 0; axis < axes; ++axis) {
    check.figures.emplace_back(fmt::format("mae_{}", evaluation::kAxisNames[axis]), total.MaeOf(axis));
  }
  return check;
}

Check ActionsAgainstReference(const OpenLoopContestant& policy, const OpenLoopContestant& reference, double limit) {
  Check check{kOpenLoopRung, "reference actions", false, "", {}};
  const size_t axes = evaluation::AxesOf(reference.space);
  if (!std::isfinite(TotalOf(policy).Mae(axes)) || !std::isfinite(TotalOf(reference).Mae(axes))) {
    check.detail = "actions that are no numbers do not compare";
    return check;
  }
  const evaluation::Estimate difference = evaluation::MaeDifference(policy, reference, 0);
  check.passed = difference.interval.high < limit;
  check.detail = fmt::format("MAE {:+.4f} against the reference's {:.4f}, 95 % interval {:+.4f} to {:+.4f}, {} {:.4f}",
                             difference.value, TotalOf(reference).Mae(axes), difference.interval.low,
                             difference.interval.high, check.passed ? "below" : "not below", limit);
  if (!std::isfinite(difference.interval.high)) check.detail += "; one episode gives no interval: take more";
  AddFigures("mae_difference", difference, check);
  check.figures.emplace_back("limit", limit);
  check.figures.emplace_back("reference_mae", TotalOf(reference).Mae(axes));
  check.figures.emplace_back("reference_direction_agreement", TotalOf(reference).DirectionAgreement());
  return check;
}

}  // namespace

Status CheckUnseen(const episode::EpisodeSet& episodes, const std::string& name, const std::vector<std::string>& lists,
                   Log& log, Report& report) {
  if (lists.empty()) return {};
  std::vector<episode::EpisodeList> seen;
  for (const std::string& list : lists) {
    VLAQ_ASSIGN_OR_RETURN(episode::EpisodeList read, episode::ReadEpisodeList(list));
    seen.push_back(std::move(read));
  }
  VLAQ_ASSIGN_OR_RETURN(episode::SetContent content, episode::HashAll(episodes, log));
  const episode::EpisodeList own{name, std::move(content.episodes)};
  for (const episode::EpisodeList& list : seen) {
    VLAQ_RETURN_IF_ERROR(episode::CheckDisjoint(list, own));
    report.evidence.not_in.push_back(list.name);
  }
  return {};
}

Status CheckOpenLoop(const Contender& policy, const Contender* reference, const episode::EpisodeSet& episodes,
                     const OpenLoopCheckOptions& options, Log& log, Report& report) {
  if (reference != nullptr) VLAQ_RETURN_IF_ERROR(CheckComparable(policy, *reference));
  VLAQ_ASSIGN_OR_RETURN(const OpenLoopContestant own, ScoreOf(policy, episodes, options.threads, log));
  for (const EpisodeScore& e : own.conditions[0].episodes) report.evidence.episodes.push_back({e.name, e.hash});
  report.evidence.open_loop_conditions.emplace_back(Name(evaluation::Condition::kNormal));
  report.checks.push_back(Recorded(own));
  if (reference == nullptr) return {};
  VLAQ_ASSIGN_OR_RETURN(const OpenLoopContestant other, ScoreOf(*reference, episodes, options.threads, log));
  report.checks.push_back(ActionsAgainstReference(own, other, options.max_mae_increase));
  report.evidence.limits.push_back(
      {"max_mae_increase", options.max_mae_increase,
       "normalised; the upper end of the 95 % bootstrap interval of the paired difference must lie below it"});
  return {};
}

}  // namespace vlaq::verification

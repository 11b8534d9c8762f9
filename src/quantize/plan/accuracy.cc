#include "quantize/plan/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/plan/groups.h"
#include "target/rules.h"

namespace vlaq::plan {
namespace {

using numerics::Plan;
using Scope = SensitivityEvaluator::Scope;

constexpr target::RuleId kRule = "ACC-01";
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double RankOf(const ActionError& effect) { return effect.is_finite() ? effect.moved_rms : kInfinity; }

class Search {
 public:
  Search(const Plan& plan, const AccuracyGoal& goal, const AccuracyOptions& options, SensitivityEvaluator& evaluator,
         Log& log)
      : original_(plan), goal_(goal), options_(options), evaluator_(evaluator), log_(log) {
    held_.plan = plan;
  }

  Result<MixedPrecision> Run(const std::vector<GroupSensitivity>& ranking) {
    for (const GroupSensitivity& group : ranking) queue_.push_back(group.group);
    ranking_ = &ranking;
    VLAQ_ASSIGN_OR_RETURN(held_.before, Measure(held_.plan));
    held_.after = held_.before;
    while (!Reached() && !Exhausted()) {
      if (queue_.empty()) queue_ = QuantizedGroups(held_.plan);  // those that may go from float16 to float32
      if (queue_.empty()) break;
      VLAQ_RETURN_IF_ERROR(RevertNext());
    }
    held_.reached = Reached();
    if (held_.reached) VLAQ_RETURN_IF_ERROR(RestoreWhatMay());
    return std::move(held_);
  }

 private:
  bool Reached() const { return goal_.ShareOf(held_.after) <= 1; }
  bool Exhausted() const { return held_.measurements >= options_.max_measurements; }

  Result<ActionError> Measure(const Plan& plan) {
    ++held_.measurements;
    log_.Progress("plans tried", static_cast<uint64_t>(held_.measurements),
                  static_cast<uint64_t>(options_.max_measurements));
    return evaluator_.Measure(plan, Scope::kAll);
  }

  // Why it is reverted, with the figures that say so.
  std::string ReasonFor(const std::string& group) const {
    for (size_t i = 0; i < ranking_->size(); ++i) {
      const GroupSensitivity& row = (*ranking_)[i];
      if (row.group != group) continue;
      return fmt::format("{} alone moves the actions by {:.2g} RMS, {:.2g} at most: number {} of {} groups", row.format,
                         row.effect.moved_rms, row.effect.moved_most, i + 1, ranking_->size());
    }
    return "reverted to hold the accuracy that was asked for";
  }

  Status RevertNext() {
    const std::string group = queue_.front();
    queue_.erase(queue_.begin());
    const Plan candidate = Relaxed(held_.plan, group, kRule.id(), ReasonFor(group));
    VLAQ_ASSIGN_OR_RETURN(const ActionError effect, Measure(candidate));
    const bool better = goal_.ShareOf(effect) < goal_.ShareOf(held_.after);
    const bool kept = better || forced_;
    held_.reversions.push_back({group, FormatOf(held_.plan, group), FormatOf(candidate, group), effect, kept});
    forced_ = false;
    if (kept) {
      held_.plan = candidate;
      held_.after = effect;
      return {};
    }
    return RankAgain();
  }

  // In the place where the search stands: which of the groups brings most when it is reverted? That one is then
  // reverted whatever it brings, so that the search cannot stand still.
  Status RankAgain() {
    std::vector<std::pair<double, std::string>> order;
    const std::vector<std::string> groups = QuantizedGroups(held_.plan);
    for (const std::string& group : groups) {
      VLAQ_ASSIGN_OR_RETURN(const ActionError effect,
                            evaluator_.Measure(Relaxed(held_.plan, group, kRule.id(), ""), Scope::kRanking));
      order.emplace_back(RankOf(effect), group);
      log_.Progress("groups ranked again", order.size(), groups.size());
    }
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    queue_.clear();
    for (auto& [rank, group] : order) queue_.push_back(std::move(group));
    forced_ = true;
    return {};
  }

  Status RestoreWhatMay() {
    std::vector<std::string> groups;
    for (const Reversion& reversion : held_.reversions) {
      if (reversion.kept && std::find(groups.begin(), groups.end(), reversion.group) == groups.end()) {
        groups.push_back(reversion.group);
      }
    }
    std::stable_sort(groups.begin(), groups.end(), [&](const std::string& a, const std::string& b) {
      return MacsOf(original_, a) > MacsOf(original_, b);
    });
    if (groups.size() < 2) return {};  // of one the search has just seen that it is needed
    for (const std::string& group : groups) {
      if (Exhausted()) break;
      const Plan candidate = WithGroupOf(held_.plan, original_, group);
      VLAQ_ASSIGN_OR_RETURN(const ActionError effect, Measure(candidate));
      if (goal_.ShareOf(effect) > 1) continue;
      held_.plan = candidate;
      held_.after = effect;
      held_.restored.push_back(group);
    }
    return {};
  }

  const Plan& original_;
  const AccuracyGoal& goal_;
  const AccuracyOptions& options_;
  SensitivityEvaluator& evaluator_;
  Log& log_;
  const std::vector<GroupSensitivity>* ranking_ = nullptr;
  std::vector<std::string> queue_;  // groups to revert, worst first
  bool forced_ = false;
  MixedPrecision held_;
};

}  // namespace

bool ActionError::is_finite() const {
  return std::isfinite(mae) && std::isfinite(moved_rms) && std::isfinite(moved_most);
}

double AccuracyGoal::ShareOf(const ActionError& effect) const {
  if (!effect.is_finite()) return kInfinity;
  double share = 0;
  if (max_mae_increase) share = std::max(share, effect.mae_increase_most / *max_mae_increase);
  if (max_action_diff) share = std::max(share, effect.moved_most / *max_action_diff);
  return share;
}

Result<std::vector<GroupSensitivity>> RankGroups(const Plan& plan, SensitivityEvaluator& evaluator, Log& log) {
  std::vector<GroupSensitivity> ranking;
  const std::vector<std::string> groups = QuantizedGroups(plan);
  for (const std::string& group : groups) {
    auto effect = evaluator.Measure(OnlyGroup(plan, group), Scope::kRanking);
    if (!effect.ok()) return Within(fmt::format("group '{}'", group), effect.error());
    ranking.push_back({group, FormatOf(plan, group), MacsOf(plan, group), *effect});
    log.Progress("groups quantized alone", ranking.size(), groups.size());
  }
  std::stable_sort(ranking.begin(), ranking.end(), [](const GroupSensitivity& a, const GroupSensitivity& b) {
    return RankOf(a.effect) > RankOf(b.effect);
  });
  return ranking;
}

Result<LeastActionError> FindLeastActionError(const std::vector<Plan>& plans, SensitivityEvaluator& evaluator,
                                              Log& log) {
  LeastActionError result;
  for (size_t i = 0; i < plans.size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(result.effects.emplace_back(), evaluator.Measure(plans[i], Scope::kAll));
    if (RankOf(result.effects[i]) < RankOf(result.effects[result.index])) result.index = i;
    log.Progress("plans tried", i + 1, plans.size());
  }
  return result;
}

Result<MixedPrecision> SearchMixedPrecision(const Plan& plan, const std::vector<GroupSensitivity>& ranking,
                                            const AccuracyGoal& goal, const AccuracyOptions& options,
                                            SensitivityEvaluator& evaluator, Log& log) {
  return Search(plan, goal, options, evaluator, log).Run(ranking);
}

}  // namespace vlaq::plan

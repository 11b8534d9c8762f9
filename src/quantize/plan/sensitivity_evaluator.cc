#include "quantize/plan/sensitivity_evaluator.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "data/content.h"
#include "evaluate/bootstrap.h"
#include "evaluate/bundle_policy.h"
#include "evaluate/open_loop.h"
#include "evaluate/open_loop_evaluation.h"
#include "quantize/apply/quantize.h"

namespace vlaq::plan {
namespace {

using evaluate::PolicyFactory;
using evaluate::PolicyUnderTest;
using evaluate::Score;
using numerics::Plan;

// |a - b| over all values of all actions.
struct Movement {
  double sum = 0, squares = 0, most = 0;
  int64_t count = 0;

  void Add(const Tensor& a, const Tensor& b) {
    const auto x = a.data<float>();
    const auto y = b.data<float>();
    for (size_t i = 0; i < x.size(); ++i) {
      const double moved = std::fabs(static_cast<double>(x[i]) - static_cast<double>(y[i]));
      sum += moved;
      squares += moved * moved;
      most = std::isnan(moved) || moved > most ? moved : most;
      ++count;
    }
  }
};

}  // namespace

Result<ActionComparison> ActionComparison::Make(const PolicyFactory& reference, evaluate::ActionSpace space,
                                                const data::EpisodeSet& episodes, int threads, int64_t ranking_steps,
                                                Log& log) {
  ActionComparison comparison(episodes);
  comparison.space_ = std::move(space);
  comparison.threads_ = threads;
  VLAQ_ASSIGN_OR_RETURN(comparison.reference_, comparison.Drive(reference, episodes.size(), log));
  int64_t steps = 0;
  while (comparison.ranking_episodes_ < episodes.size() && steps < ranking_steps) {
    steps += comparison.reference_[comparison.ranking_episodes_++].score.steps;
  }
  return comparison;
}

Result<std::vector<ActionComparison::Driven>> ActionComparison::Drive(const PolicyFactory& policies, size_t count,
                                                                      Log& log) const {
  std::vector<Driven> driven(count);
  const auto start = [&]() -> Result<ItemWorker> {
    VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<PolicyUnderTest> tested, policies.Make());
    return ItemWorker([&, tested](size_t i) -> Status {
      VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes_.OpenEpisode(i));
      auto actions = evaluate::Predict(*tested, *episode, evaluate::Ablation::kNone);
      if (!actions.ok()) return Within(episodes_.name(i), actions.error());
      driven[i] = {std::move(*actions), {}};
      VLAQ_ASSIGN_OR_RETURN(const Tensor recorded, evaluate::RecordedActions(space_, *episode));
      driven[i].score = evaluate::ScoreEpisode(space_, driven[i].actions, recorded);
      return {};
    });
  };
  VLAQ_RETURN_IF_ERROR(RunItems(count, threads_, "episodes", log, start));
  return driven;
}

Result<ActionError> ActionComparison::Compare(const PolicyFactory& policies, SensitivityEvaluator::Scope scope) const {
  const size_t count = scope == SensitivityEvaluator::Scope::kRanking ? ranking_episodes_ : reference_.size();
  VLAQ_ASSIGN_OR_RETURN(const std::vector<Driven> driven, Drive(policies, count, SilentLog()));
  const size_t axes = evaluate::AxesOf(space_);
  Score total, reference, apart;
  Movement movement;
  std::vector<evaluate::Share> shares;
  for (size_t i = 0; i < count; ++i) {
    const Driven& own = driven[i];
    const Driven& other = reference_[i];
    total.Add(own.score);
    reference.Add(other.score);
    apart.Add(evaluate::ScoreDifference(space_, own.actions, other.actions));
    for (size_t t = 0; t < own.actions.size(); ++t) movement.Add(own.actions[t], other.actions[t]);
    const auto steps = static_cast<double>(own.score.steps);
    shares.push_back({(own.score.Mae(axes) - other.score.Mae(axes)) * steps, steps});
  }
  const auto values = static_cast<double>(std::max<int64_t>(1, movement.count));
  ActionError effect;
  effect.steps = total.steps;
  effect.mae = total.Mae(axes);
  effect.mae_increase = effect.mae - reference.Mae(axes);
  // The interval is for decisions on all episodes; a ranking has no use for it.
  effect.mae_increase_most =
      scope == SensitivityEvaluator::Scope::kAll ? evaluate::BootstrapMean(shares).interval.high : effect.mae_increase;
  effect.moved_rms = std::sqrt(movement.squares / values);
  effect.moved_mean = movement.sum / values;
  effect.moved_most = movement.most;
  effect.directions = apart.DirectionAgreement();
  return effect;
}

namespace {

class BundleEvaluator : public SensitivityEvaluator {
 public:
  BundleEvaluator(const bundle::Bundle& source, const backend::Backend& backend,
                  const numerics::ActivationStatistics* statistics, BundleMeterOptions options, OutputFolder work,
                  ActionComparison comparison)
      : source_(source),
        backend_(backend),
        statistics_(statistics),
        options_(std::move(options)),
        work_(std::move(work)),
        comparison_(std::move(comparison)) {}

  Result<ActionError> Measure(const Plan& plan, Scope scope) override {
    apply::QuantizeOptions quantize;
    quantize.bundle = source_.path;
    quantize.plan = plan;
    quantize.statistics = statistics_;
    quantize.output = work_.path() / "candidate";
    quantize.existing = Existing::kReplace;
    VLAQ_RETURN_IF_ERROR(apply::Quantize(quantize, SilentLog()));
    VLAQ_ASSIGN_OR_RETURN(bundle::Bundle made, bundle::Open(quantize.output));
    VLAQ_ASSIGN_OR_RETURN(const auto policies, evaluate::BundlePolicyFactory::Open(std::move(made), backend_,
                                                                                   options_.open, options_.tokenizer));
    return comparison_.Compare(*policies, scope);
  }

 private:
  const bundle::Bundle& source_;
  const backend::Backend& backend_;
  const numerics::ActivationStatistics* statistics_;
  BundleMeterOptions options_;
  OutputFolder work_;
  ActionComparison comparison_;
};

}  // namespace

Result<std::unique_ptr<SensitivityEvaluator>> OpenBundleEvaluator(const bundle::Bundle& source,
                                                                  const backend::Backend& backend,
                                                                  const data::EpisodeSet& episodes,
                                                                  const numerics::ActivationStatistics* statistics,
                                                                  const BundleMeterOptions& options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(OutputFolder work, OutputFolder::Create(options.work, Existing::kRefuse));
  BundleMeterOptions own = options;
  own.open.threads = 1;  // episodes run side by side
  VLAQ_ASSIGN_OR_RETURN(const auto reference,
                        evaluate::BundlePolicyFactory::Open(source, backend, own.open, own.tokenizer));
  VLAQ_ASSIGN_OR_RETURN(
      ActionComparison comparison,
      ActionComparison::Make(*reference, reference->space(), episodes,
                             evaluate::ChooseParallelism(source, own.threads, log), own.ranking_steps, log));
  return std::unique_ptr<SensitivityEvaluator>(std::make_unique<BundleEvaluator>(
      source, backend, statistics, std::move(own), std::move(work), std::move(comparison)));
}

Status CheckNotCalibratedOn(const numerics::ActivationStatistics& statistics, const data::EpisodeSet& episodes,
                            Log& log) {
  if (statistics.episodes.empty()) return {};
  data::EpisodeList calibrated{"the calibration episodes", {}};
  for (const auto& episode : statistics.episodes) calibrated.episodes.push_back({episode.hash, episode.name});
  VLAQ_ASSIGN_OR_RETURN(data::SetContent content, data::HashAll(episodes, log));
  return data::CheckDisjoint(calibrated, {"the validation episodes", std::move(content.episodes)});
}

}  // namespace vlaq::plan

#include "planning/action_meter.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "episode/content.h"
#include "evaluation/bootstrap.h"
#include "evaluation/open_loop.h"
#include "evaluation/open_loop_evaluation.h"
#include "evaluation/policy_driver.h"
#include "quantizing/quantize.h"

namespace vlaq::planning {
namespace {

using evaluation::Driver;
using evaluation::DriverFactory;
using evaluation::Score;
using quantization::Plan;

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

Result<ActionComparison> ActionComparison::Make(const DriverFactory& reference, evaluation::ActionSpace space,
                                                const episode::EpisodeSet& episodes, int threads, int64_t ranking_steps,
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

Result<std::vector<ActionComparison::Driven>> ActionComparison::Drive(const DriverFactory& drivers, size_t count,
                                                                      Log& log) const {
  std::vector<Driven> driven(count);
  const auto start = [&]() -> Result<ItemWorker> {
    VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<Driver> driver, drivers.Make());
    return ItemWorker([&, driver](size_t i) -> Status {
      VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes_.OpenEpisode(i));
      auto actions = evaluation::Predict(*driver, *episode, evaluation::Condition::kNormal);
      if (!actions.ok()) return Within(episodes_.name(i), actions.error());
      driven[i] = {std::move(*actions), {}};
      VLAQ_ASSIGN_OR_RETURN(const Tensor recorded, evaluation::RecordedActions(space_, *episode));
      driven[i].score = evaluation::ScoreEpisode(space_, driven[i].actions, recorded);
      return {};
    });
  };
  VLAQ_RETURN_IF_ERROR(RunItems(count, threads_, "episodes", log, start));
  return driven;
}

Result<Effect> ActionComparison::Compare(const DriverFactory& drivers, Meter::Scope scope) const {
  const size_t count = scope == Meter::Scope::kRanking ? ranking_episodes_ : reference_.size();
  VLAQ_ASSIGN_OR_RETURN(const std::vector<Driven> driven, Drive(drivers, count, SilentLog()));
  const size_t axes = evaluation::AxesOf(space_);
  Score total, reference, apart;
  Movement movement;
  std::vector<evaluation::Share> shares;
  for (size_t i = 0; i < count; ++i) {
    const Driven& own = driven[i];
    const Driven& other = reference_[i];
    total.Add(own.score);
    reference.Add(other.score);
    apart.Add(evaluation::ScoreDifference(space_, own.actions, other.actions));
    for (size_t t = 0; t < own.actions.size(); ++t) movement.Add(own.actions[t], other.actions[t]);
    const auto steps = static_cast<double>(own.score.steps);
    shares.push_back({(own.score.Mae(axes) - other.score.Mae(axes)) * steps, steps});
  }
  const auto values = static_cast<double>(std::max<int64_t>(1, movement.count));
  Effect effect;
  effect.steps = total.steps;
  effect.mae = total.Mae(axes);
  effect.mae_increase = effect.mae - reference.Mae(axes);
  // The interval is for decisions on all episodes; a ranking has no use for it.
  effect.mae_increase_most =
      scope == Meter::Scope::kAll ? evaluation::BootstrapMean(shares).interval.high : effect.mae_increase;
  effect.moved_rms = std::sqrt(movement.squares / values);
  effect.moved_mean = movement.sum / values;
  effect.moved_most = movement.most;
  effect.directions = apart.DirectionAgreement();
  return effect;
}

namespace {

class BundleMeter : public Meter {
 public:
  BundleMeter(const bundle::Bundle& source, const backend::Backend& backend,
              const quantization::ActivationStatistics* statistics, BundleMeterOptions options, OutputFolder work,
              ActionComparison comparison)
      : source_(source),
        backend_(backend),
        statistics_(statistics),
        options_(std::move(options)),
        work_(std::move(work)),
        comparison_(std::move(comparison)) {}

  Result<Effect> Measure(const Plan& plan, Scope scope) override {
    quantizing::QuantizeOptions quantize;
    quantize.bundle = source_.path;
    quantize.plan = plan;
    quantize.statistics = statistics_;
    quantize.output = work_.path() / "candidate";
    quantize.existing = Existing::kReplace;
    VLAQ_RETURN_IF_ERROR(quantizing::Quantize(quantize, SilentLog()));
    VLAQ_ASSIGN_OR_RETURN(bundle::Bundle made, bundle::Open(quantize.output));
    VLAQ_ASSIGN_OR_RETURN(const auto drivers, evaluation::PolicyDriverFactory::Open(std::move(made), backend_,
                                                                                    options_.open, options_.tokenizer));
    return comparison_.Compare(*drivers, scope);
  }

 private:
  const bundle::Bundle& source_;
  const backend::Backend& backend_;
  const quantization::ActivationStatistics* statistics_;
  BundleMeterOptions options_;
  OutputFolder work_;
  ActionComparison comparison_;
};

}  // namespace

Result<std::unique_ptr<Meter>> OpenBundleMeter(const bundle::Bundle& source, const backend::Backend& backend,
                                               const episode::EpisodeSet& episodes,
                                               const quantization::ActivationStatistics* statistics,
                                               const BundleMeterOptions& options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(OutputFolder work, OutputFolder::Create(options.work, Existing::kRefuse));
  BundleMeterOptions own = options;
  own.open.threads = 1;  // episodes run side by side
  VLAQ_ASSIGN_OR_RETURN(const auto reference,
                        evaluation::PolicyDriverFactory::Open(source, backend, own.open, own.tokenizer));
  VLAQ_ASSIGN_OR_RETURN(
      ActionComparison comparison,
      ActionComparison::Make(*reference, reference->space(), episodes, evaluation::SideBySide(source, own.threads, log),
                             own.ranking_steps, log));
  return std::unique_ptr<Meter>(std::make_unique<BundleMeter>(source, backend, statistics, std::move(own),
                                                              std::move(work), std::move(comparison)));
}

Status CheckNotCalibratedOn(const quantization::ActivationStatistics& statistics, const episode::EpisodeSet& episodes,
                            Log& log) {
  if (statistics.episodes.empty()) return {};
  episode::EpisodeList calibrated{"the calibration episodes", {}};
  for (const auto& episode : statistics.episodes) calibrated.episodes.push_back({episode.hash, episode.name});
  VLAQ_ASSIGN_OR_RETURN(episode::SetContent content, episode::HashAll(episodes, log));
  return episode::CheckDisjoint(calibrated, {"the validation episodes", std::move(content.episodes)});
}

}  // namespace vlaq::planning

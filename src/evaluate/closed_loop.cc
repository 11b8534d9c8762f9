#include "evaluate/closed_loop.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"

namespace vlaq::evaluate {
namespace {

// What acts in one environment: told what to do, then asked step by step.
class Hand {
 public:
  virtual ~Hand() = default;
  virtual Status Begin(uint64_t seed, const std::string& task) = 0;
  virtual Result<std::vector<double>> Act(Environment& environment) = 0;
};

class ExpertHand : public Hand {
 public:
  explicit ExpertHand(Ablation ablation) : opposite_(ablation == Ablation::kSwappedInstruction) {}
  Status Begin(uint64_t /*seed*/, const std::string& /*task*/) override { return {}; }
  Result<std::vector<double>> Act(Environment& environment) override {
    if (auto action = environment.ExpertAction(opposite_)) return *std::move(action);
    return UsageError("this environment has no expert");
  }

 private:
  bool opposite_;
};

class DriverHand : public Hand {
 public:
  // `other` shows what kShuffled shows; may be null otherwise.
  DriverHand(Actor actor, std::unique_ptr<Environment> other) : actor_(std::move(actor)), other_(std::move(other)) {}

  Status Begin(uint64_t seed, const std::string& task) override {
    seed_ = seed;
    step_ = 0;
    return actor_.Begin(task);
  }

  Result<std::vector<double>> Act(Environment& environment) override {
    return actor_.Act(environment.action(), [&]() -> Result<Observation> {
      VLAQ_ASSIGN_OR_RETURN(Observation observation, environment.Observe());
      if (other_ != nullptr) VLAQ_RETURN_IF_ERROR(ShowElsewhere(observation));
      return observation;
    });
  }

 private:
  // Pictures from the start of another episode at each step: nothing in them fits where the robot is.
  Status ShowElsewhere(Observation& observation) {
    constexpr uint64_t kElsewhere = 0x5EED0000;
    VLAQ_RETURN_IF_ERROR(other_->Reset(kElsewhere + seed_ * static_cast<uint64_t>(other_->max_steps()) + step_));
    ++step_;
    VLAQ_ASSIGN_OR_RETURN(const Observation elsewhere, other_->Observe());
    for (const auto& [name, value] : elsewhere) {
      if (value.dtype() == DType::kU8) observation[name] = value;
    }
    return {};
  }

  Actor actor_;
  std::unique_ptr<Environment> other_;
  uint64_t seed_ = 0;
  uint64_t step_ = 0;
};

Result<EpisodeResult> RunOne(Environment& environment, Hand& hand, uint64_t seed, Ablation ablation) {
  VLAQ_ASSIGN_OR_RETURN(const std::string task, environment.Reset(seed));
  VLAQ_RETURN_IF_ERROR(hand.Begin(seed, task));
  while (!environment.done()) {
    VLAQ_ASSIGN_OR_RETURN(const std::vector<double> action, hand.Act(environment));
    VLAQ_RETURN_IF_ERROR(environment.Step(action));
  }
  EpisodeResult result = environment.ResultSoFar(ablation == Ablation::kSwappedInstruction);
  result.seed = seed;
  return result;
}

using MakeHand = std::function<Result<std::unique_ptr<Hand>>()>;

Result<std::vector<EpisodeResult>> RunAll(const EnvironmentFactory& environments, const ClosedLoopOptions& options,
                                          const MakeHand& make, Log& log) {
  std::vector<EpisodeResult> results(options.seeds.size());
  const auto start = [&]() -> Result<ItemWorker> {
    VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<Environment> environment, environments());
    VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<Hand> hand, make());
    return ItemWorker([&, environment, hand](size_t i) -> Status {
      auto result = RunOne(*environment, *hand, options.seeds[i], options.ablation);
      if (!result.ok()) return Within(fmt::format("seed {}", options.seeds[i]), result.error());
      results[i] = *std::move(result);
      return {};
    });
  };
  const std::string what = fmt::format("rollouts, {}", Name(options.ablation));
  VLAQ_RETURN_IF_ERROR(RunItems(options.seeds.size(), options.threads, what, log, start));
  return results;
}

}  // namespace

Result<std::vector<size_t>> ActionColumns(const ActionSpace& space, const data::Stream& action,
                                          const std::string& tested) {
  auto columns = RecordedColumns(space, action);
  if (columns.ok()) return columns;
  return UsageError(fmt::format("{} gives {} values per action ({}); this world takes {}", tested, space.action_dim,
                                space.names.empty() ? "without names" : fmt::format("{}", fmt::join(space.names, ", ")),
                                fmt::join(action.names, ", ")));
}

Result<std::vector<double>> ActionInUnits(const ActionSpace& space, const std::vector<size_t>& columns, size_t width,
                                          const Tensor& action) {
  const auto values = action.data<float>();
  std::vector<double> taken(width);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (std::isnan(values[i])) {
      return Error{ErrorCode::kBackend, fmt::format("value {} of the policy's action is no number", i), "", ""};
    }
    const float value = space.clipped ? std::clamp(values[i], -1.0F, 1.0F) : values[i];
    taken[columns[i]] = space.InUnits(i, static_cast<double>(value));
  }
  return taken;
}

Status Actor::Begin(const std::string& task) {
  queue_.Reset();
  return tested_->Begin(task);
}

Result<std::vector<double>> Actor::Act(const data::Stream& taken, const std::function<Result<Observation>()>& observe) {
  if (columns_.empty()) {
    VLAQ_ASSIGN_OR_RETURN(columns_, ActionColumns(tested_->space(), taken, name_));
  }
  if (queue_.NeedsChunk()) {
    VLAQ_ASSIGN_OR_RETURN(const Observation observation, observe());
    VLAQ_ASSIGN_OR_RETURN(const Tensor chunk, tested_->Act(observation));
    VLAQ_RETURN_IF_ERROR(queue_.Push(chunk));
  }
  return ActionInUnits(tested_->space(), columns_, static_cast<size_t>(taken.shape.back()), queue_.Pop());
}

Result<std::vector<EpisodeResult>> RunEpisodes(const PolicyFactory& policies, const EnvironmentFactory& environments,
                                               const ClosedLoopOptions& options, Log& log) {
  const auto make = [&]() -> Result<std::unique_ptr<Hand>> {
    VLAQ_ASSIGN_OR_RETURN(auto tested, policies.Make());
    if (AblationsFor(*tested->space().traits, {options.ablation}).empty()) {
      return UsageError(
          fmt::format("no opposite of an instruction is known of {}, so ablation '{}' means nothing to it",
                      policies.name(), Name(options.ablation)));
    }
    std::unique_ptr<Environment> other;
    if (options.ablation == Ablation::kShuffledImages) {
      VLAQ_ASSIGN_OR_RETURN(other, environments());
    }
    return std::unique_ptr<Hand>(std::make_unique<DriverHand>(
        Actor(Under(options.ablation, std::move(tested)), policies.name()), std::move(other)));
  };
  return RunAll(environments, options, make, log);
}

Result<std::vector<EpisodeResult>> RunExpert(const EnvironmentFactory& environments, const ClosedLoopOptions& options,
                                             Log& log) {
  if (options.ablation != Ablation::kNone && options.ablation != Ablation::kSwappedInstruction) {
    return UsageError(
        fmt::format("the expert does not look, so ablation '{}' means nothing to him", Name(options.ablation)));
  }
  const auto make = [&]() -> Result<std::unique_ptr<Hand>> {
    return std::unique_ptr<Hand>(std::make_unique<ExpertHand>(options.ablation));
  };
  return RunAll(environments, options, make, log);
}

}  // namespace vlaq::evaluate

#include "evaluation/rollout.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/parallel.h"
#include "evaluation/driver_pilot.h"
#include "sim/expert.h"

namespace vlaq::evaluation {
namespace {

// What drives one world: told what to do, then asked step by step.
class Hand {
 public:
  virtual ~Hand() = default;
  virtual Status Begin(const sim::Layout& layout) = 0;
  virtual Result<sim::Velocity> Command(sim::World& world) = 0;
};

class ExpertHand : public Hand {
 public:
  explicit ExpertHand(Condition condition) : swapped_(condition == Condition::kSwapped) {}
  Status Begin(const sim::Layout& layout) override {
    side_ = swapped_ ? sim::Opposite(layout.side) : layout.side;
    return {};
  }
  Result<sim::Velocity> Command(sim::World& world) override {
    return sim::ExpertCommand(world.layout(), world.state(), side_);
  }

 private:
  bool swapped_;
  sim::Side side_ = sim::Side::kLeft;
};

class PilotHand : public Hand {
 public:
  // `other` shows the scenes of kShuffled; may be null otherwise.
  PilotHand(std::unique_ptr<sim::Pilot> pilot, std::unique_ptr<sim::World> other)
      : pilot_(std::move(pilot)), other_(std::move(other)) {}

  Status Begin(const sim::Layout& layout) override {
    seed_ = layout.seed;
    step_ = 0;
    return pilot_->Begin(layout.instruction);
  }

  Result<sim::Velocity> Command(sim::World& world) override {
    VLAQ_ASSIGN_OR_RETURN(const image::ImageView frame, other_ == nullptr ? world.Observe() : ElsewhereFrame());
    return pilot_->Command(frame);
  }

 private:
  // A frame from the start of another layout at each step: nothing in it fits where the robot is.
  Result<image::ImageView> ElsewhereFrame() {
    constexpr uint64_t kElsewhere = 0x5EED0000;
    VLAQ_RETURN_IF_ERROR(other_->Reset(sim::MakeLayout(kElsewhere + seed_ * sim::kMaxSteps + step_)));
    ++step_;
    return other_->Observe();
  }

  std::unique_ptr<sim::Pilot> pilot_;
  std::unique_ptr<sim::World> other_;
  uint64_t seed_ = 0;
  uint64_t step_ = 0;
};

Outcome OutcomeOf(const sim::World& world, Condition condition) {
  const sim::Layout& layout = world.layout();
  const sim::State& state = world.state();
  Outcome outcome;
  outcome.seed = layout.seed;
  outcome.layout = layout.name;
  outcome.told = condition == Condition::kSwapped ? sim::Opposite(layout.side) : layout.side;
  outcome.first_passed = state.passed.empty() ? std::nullopt : state.passed.front();
  outcome.succeeded = sim::Succeeded(state, outcome.told);
  outcome.reached = state.reached;
  outcome.collided = state.collided;
  outcome.timed_out = !state.reached && !state.collided;
  outcome.steps = state.step;
  outcome.path_length = state.path_length;
  return outcome;
}

Result<Outcome> Drive(sim::World& world, Hand& hand, uint64_t seed, Condition condition) {
  VLAQ_RETURN_IF_ERROR(world.Reset(sim::MakeLayout(seed)));
  VLAQ_RETURN_IF_ERROR(hand.Begin(world.layout()));
  while (!world.state().done) {
    VLAQ_ASSIGN_OR_RETURN(const sim::Velocity command, hand.Command(world));
    VLAQ_RETURN_IF_ERROR(world.Step(command));
  }
  return OutcomeOf(world, condition);
}

using MakeHand = std::function<Result<std::unique_ptr<Hand>>()>;

Result<std::vector<Outcome>> RunAll(const RolloutOptions& options, const MakeHand& make, Log& log) {
  std::vector<uint64_t> seeds;
  for (uint64_t k = options.shard; k < options.episodes; k += options.shards) seeds.push_back(options.first_seed + k);
  std::vector<Outcome> outcomes(seeds.size());
  const auto start = [&]() -> Result<ItemWorker> {
    VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<sim::World> world, sim::World::Open(options.world));
    VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<Hand> hand, make());
    return ItemWorker([&, world, hand](size_t i) -> Status {
      auto outcome = Drive(*world, *hand, seeds[i], options.condition);
      if (!outcome.ok()) return Within(fmt::format("seed {}", seeds[i]), outcome.error());
      outcomes[i] = *std::move(outcome);
      return {};
    });
  };
  const std::string what = fmt::format("rollouts, {}", Name(options.condition));
  VLAQ_RETURN_IF_ERROR(RunItems(seeds.size(), options.threads, what, log, start));
  return outcomes;
}

}  // namespace

Result<std::vector<Outcome>> RollOut(const DriverFactory& drivers, const RolloutOptions& options, Log& log) {
  const auto make = [&]() -> Result<std::unique_ptr<Hand>> {
    VLAQ_ASSIGN_OR_RETURN(auto pilot, MakePilot(drivers, options.condition));
    std::unique_ptr<sim::World> other;
    if (options.condition == Condition::kShuffled) {
      VLAQ_ASSIGN_OR_RETURN(other, sim::World::Open(options.world));
    }
    return std::unique_ptr<Hand>(std::make_unique<PilotHand>(std::move(pilot), std::move(other)));
  };
  return RunAll(options, make, log);
}

Result<std::vector<Outcome>> RollOutExpert(const RolloutOptions& options, Log& log) {
  if (options.condition != Condition::kNormal && options.condition != Condition::kSwapped) {
    return UsageError(
        fmt::format("the expert does not look, so condition '{}' means nothing to him", Name(options.condition)));
  }
  const auto make = [&]() -> Result<std::unique_ptr<Hand>> {
    return std::unique_ptr<Hand>(std::make_unique<ExpertHand>(options.condition));
  };
  return RunAll(options, make, log);
}

}  // namespace vlaq::evaluation

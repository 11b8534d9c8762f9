#include "evaluate/sim_environment.h"

#include <algorithm>

#include "sim/expert.h"
#include "sim/world.h"

namespace vlaq::evaluate {
namespace {

const data::Stream& Velocities() {
  static const data::Stream stream{.name = std::string(data::kAction),
                                   .shape = {static_cast<int64_t>(sim::kVelocityNames.size())},
                                   .names = {sim::kVelocityNames.begin(), sim::kVelocityNames.end()},
                                   .units = {sim::kVelocityUnits.begin(), sim::kVelocityUnits.end()},
                                   .rate_hz = 1 / sim::kControlPeriod};
  return stream;
}

sim::Velocity AsVelocity(std::span<const double> action) {
  sim::Velocity velocity{};
  std::ranges::copy(action, velocity.begin());
  return velocity;
}

Observation SeenBy(const image::ImageView& frame) {
  return {{std::string(sim::kCamera), Tensor::From<uint8_t>({frame.height, frame.width, 3}, frame.rgb)}};
}

class SimEnvironment : public Environment {
 public:
  SimEnvironment(std::unique_ptr<sim::World> world, const sim::WorldOptions& options)
      : world_(std::move(world)),
        observations_{{.name = std::string(sim::kCamera),
                       .dtype = DType::kU8,
                       .shape = {options.height, options.width, 3},
                       .rate_hz = 1 / sim::kControlPeriod}} {}

  const std::vector<data::Stream>& observations() const override { return observations_; }
  const data::Stream& action() const override { return Velocities(); }
  int max_steps() const override { return sim::kMaxSteps; }

  Result<std::string> Reset(uint64_t seed) override {
    VLAQ_RETURN_IF_ERROR(world_->Reset(sim::MakeLayout(seed)));
    return world_->layout().instruction;
  }
  Result<Observation> Observe() override {
    VLAQ_ASSIGN_OR_RETURN(const image::ImageView frame, world_->Observe());
    return SeenBy(frame);
  }
  Status Step(std::span<const double> action) override { return world_->Step(AsVelocity(action)); }
  bool done() const override { return world_->state().done; }

  EpisodeResult ResultSoFar(bool opposite) const override {
    const sim::Layout& layout = world_->layout();
    const sim::State& state = world_->state();
    const sim::Side told = opposite ? sim::Opposite(layout.side) : layout.side;
    EpisodeResult result{layout.seed, layout.name, sim::Succeeded(state, told), state.step, {}};
    const auto add = [&result](std::string_view name, double value) { result.metrics.emplace(name, value); };
    add(kTold, sim::Sign(told));
    if (!state.passed.empty() && state.passed.front()) add(kFirstPassed, sim::Sign(*state.passed.front()));
    add(kReached, state.reached ? 1 : 0);
    add(kCollided, state.collided ? 1 : 0);
    add(kTimedOut, !state.reached && !state.collided ? 1 : 0);
    add(kPathLength, state.path_length);
    return result;
  }

  std::optional<std::vector<double>> ExpertAction(bool opposite) const override {
    const sim::Layout& layout = world_->layout();
    const sim::Side side = opposite ? sim::Opposite(layout.side) : layout.side;
    const sim::Velocity command = sim::ExpertCommand(layout, world_->state(), side);
    return std::vector<double>(command.begin(), command.end());
  }

 private:
  std::unique_ptr<sim::World> world_;
  std::vector<data::Stream> observations_;
};

class PolicyPilot : public sim::Pilot {
 public:
  explicit PolicyPilot(Actor actor) : actor_(std::move(actor)) {}
  Status Begin(const std::string& instruction) override { return actor_.Begin(instruction); }
  Result<sim::Velocity> Command(const image::ImageView& frame) override {
    VLAQ_ASSIGN_OR_RETURN(const auto action,
                          actor_.Act(Velocities(), [&frame] { return Result<Observation>(SeenBy(frame)); }));
    return AsVelocity(action);
  }

 private:
  Actor actor_;
};

}  // namespace

Result<std::unique_ptr<Environment>> OpenSimulator(const sim::WorldOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(auto world, sim::World::Open(options));
  return std::unique_ptr<Environment>(std::make_unique<SimEnvironment>(std::move(world), options));
}

ActionSpace SimulatorSpace() {
  static const families::Traits sides{
      {{std::string(Name(sim::Side::kLeft)), std::string(Name(sim::Side::kRight))}}, {}, {}};
  ActionSpace space;
  space.scale = {sim::kMaxSpeed};
  for (size_t i = 0; i < static_cast<size_t>(space.action_dim); ++i) {
    space.names.emplace_back(sim::kVelocityNames[i]);
    space.units.emplace_back(sim::kVelocityUnits[i]);
  }
  space.traits = &sides;
  return space;
}

Observation BlackFrame(const sim::WorldOptions& options) {
  Tensor black = Tensor::Make(DType::kU8, {options.height, options.width, 3});
  std::ranges::fill(black.mutable_data<uint8_t>(), uint8_t{0});
  return {{std::string(sim::kCamera), std::move(black)}};
}

Result<std::unique_ptr<sim::Pilot>> MakePilot(const PolicyFactory& policies, Ablation ablation) {
  VLAQ_ASSIGN_OR_RETURN(auto tested, policies.Make());
  VLAQ_RETURN_IF_ERROR(ActionColumns(tested->space(), Velocities(), policies.name()));
  return std::unique_ptr<sim::Pilot>(
      std::make_unique<PolicyPilot>(Actor(Under(ablation, std::move(tested)), policies.name())));
}

}  // namespace vlaq::evaluate

#include "robot/controller.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "robot/safety.h"

namespace vlaq::robot {
namespace {

uint64_t AxisBit(size_t axis) { return uint64_t{1} << axis; }

}  // namespace

Controller::Controller(Settings settings, size_t max_steps)
    : settings_(std::move(settings)), player_(settings_.timing, settings_.axes.size(), max_steps) {}

Time Controller::OldestUsable(const WorldFacts& world) const {
  Time oldest = std::numeric_limits<Time>::max();
  for (size_t i = 0; i < settings_.sensors.size(); ++i) oldest = std::min(oldest, world.usable_at[i]);
  return oldest;
}

// Everything that makes zero now, whatever the state. SAFE-02 alone depends on it: where nothing moves, no action is
// due.
ReasonSet Controller::WhatStops(const TickInput& input) {
  const SafetySettings& safety = settings_.safety;
  ReasonSet reasons =
      RangeStops(safety, input.now, input.world.range_m, input.world.range_at) |
      PeersMissing(safety, input.world.commands_taken, input.world.operator_there, input.inference.gone);
  if (!ObservationIsTolerable(safety, input.now, OldestUsable(input.world))) reasons |= Reason::kOldObservation;
  if (InferenceHangs(input.now, input.inference.running_since, settings_.inference_timeout())) {
    reasons |= Reason::kInferenceHangs;
  }
  if (input.inference.failed != failed_) reasons |= Reason::kInferenceFailed;
  failed_ = input.inference.failed;
  // What was seen since the last tick: SAFE-04 of observations, SAFE-07.
  reasons |= input.world.noted & (Reason::kNotFinite | Reason::kRangeStop);
  if (input.shutdown) reasons |= Reason::kShutdown;
  return reasons;
}

// SAFE-04, SAFE-06. A chunk that was observed before the robot was armed does not move it.
ReasonSet Controller::TakeChunk(const TickInput& input, const Chunk* chunk) {
  if (chunk == nullptr || chunk->steps == 0) return {};
  const size_t count = chunk->steps * settings_.axes.size();
  if (!AllFinite(std::span(chunk->values).first(count))) return Reason::kNotFinite;
  if (InferenceHung(chunk->took, settings_.inference_timeout())) return Reason::kInferenceHangs;
  const bool moving = state_ == State::kRun || state_ == State::kArmed;
  if (moving && chunk->observed >= armed_at_) player_.Push(*chunk, input.nominal);
  return {};
}

void Controller::Move(Event event, Time now) {
  const State before = state_;
  state_ = Next(state_, event);
  if (state_ == before) return;
  if (state_ == State::kArmed) armed_at_ = now;
  if (state_ != State::kRun) player_.Clear();
}

void Controller::Obey(const TickInput& input, bool ready, ReasonSet& reasons) {
  const Orders& orders = input.world.orders;
  // An order to stop counts above all others of the same tick.
  if (orders.Has(Event::kStop)) {
    Move(Event::kStop, input.now);
    reasons |= Reason::kOperatorStop;
    return;
  }
  for (const Event order : {Event::kReset, Event::kDisarm, Event::kArm, Event::kResume}) {
    if (!orders.Has(order)) continue;
    const bool moves = order == Event::kArm || order == Event::kResume;
    if (moves && !ready) {
      reasons |= Reason::kNotReady;
    } else {
      Move(order, input.now);
    }
  }
}

void Controller::Measure(const WorldFacts& world) {
  // Afterwards standing still is where it was when it stopped, not wherever it drifts to.
  if (state_ != State::kDisarmed) return;
  for (size_t i = 0; i < settings_.axes.size(); ++i) {
    const bool known = (world.measured_axes & AxisBit(i)) != 0;
    if (settings_.axes[i].kind == AxisKind::kPosition && known) {
      held_[i] = world.measured[i];
      placed_ |= AxisBit(i);
    }
  }
}

bool Controller::Placed() const {
  for (size_t i = 0; i < settings_.axes.size(); ++i) {
    if (settings_.axes[i].kind == AxisKind::kPosition && (placed_ & AxisBit(i)) == 0) return false;
  }
  return true;
}

Command Controller::Stopped() const {
  Command command;
  command.size = static_cast<uint32_t>(settings_.axes.size());
  command.silent = !Placed();
  for (size_t i = 0; i < settings_.axes.size(); ++i) command.values[i] = StandingStill(settings_.axes[i], held_[i]);
  return command;
}

// The action that is due, or what on_empty makes of its absence, within the limits.
ReasonSet Controller::Act(const TickInput& input, std::span<const double> action, TickOutput& output) {
  ReasonSet noted;
  if (!output.action.due) noted |= Reason::kOutOfActions;
  double part = 1;  // of the last action
  if (!output.action.due && settings_.on_empty() == OnEmpty::kStop) part = 0;
  if (!output.action.due && settings_.on_empty() == OnEmpty::kRamp) {
    const double passed = ToMs(input.nominal - player_.covered_until());
    part = std::clamp(1 - passed / settings_.timing.ramp_ms, 0.0, 1.0);
  }
  for (size_t i = 0; i < action.size(); ++i) {
    const Axis& axis = settings_.axes[i];
    const double wanted = axis.kind == AxisKind::kVelocity ? part * action[i] : action[i];
    output.command.values[i] = Limited(axis, wanted, sent_[i], settings_.control_period(), noted);
  }
  return noted;
}

TickOutput Controller::Tick(const TickInput& input, const Chunk* chunk) {
  TickOutput output;
  Measure(input.world);
  ReasonSet stopping = WhatStops(input);
  const ReasonSet noted = input.world.noted;
  output.ready = MayArm(input.inference.completed > 0, Placed(), stopping);
  ReasonSet reasons;
  Obey(input, output.ready, reasons);
  stopping |= TakeChunk(input, chunk);
  if (!stopping.empty()) Move(Event::kFault, input.now);
  std::array<double, kMaxAxes> values{};
  const std::span<double> action = std::span(values).first(settings_.axes.size());
  ChunkPlayer::Due due;
  if (state_ == State::kArmed || state_ == State::kRun) due = player_.At(input.nominal, action);
  if (state_ == State::kArmed && due.due) Move(Event::kAction, input.now);
  if (state_ == State::kRun && !due.due && !ActionIsFresh(settings_.safety, input.now, player_.covered_until())) {
    stopping |= Reason::kNoFreshAction;
    Move(Event::kFault, input.now);
  }
  output.command = Stopped();
  if (state_ == State::kRun) {
    output.action = due;
    reasons |= Act(input, action, output);
    for (size_t i = 0; i < settings_.axes.size(); ++i) {
      if (settings_.axes[i].kind == AxisKind::kPosition) held_[i] = output.command.values[i];
    }
  }
  std::copy_n(output.command.values.begin(), settings_.axes.size(), sent_.begin());
  if (input.now - input.nominal > settings_.control_period() / 2) reasons |= Reason::kLateTick;
  output.state = state_;
  output.reasons = reasons | noted | stopping;
  output.observation_age = input.now - OldestUsable(input.world);
  output.action_age = input.now - player_.covered_until();
  return output;
}

}  // namespace vlaq::robot

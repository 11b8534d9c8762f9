// The simulated mobile base (sim) as an environment, and policies at its wheel where the simulator itself asks.
#pragma once

#include <memory>

#include "evaluate/closed_loop.h"
#include "sim/recorder.h"

namespace vlaq::evaluate {

// Its metrics beside EpisodeResult's own; sides are 1 (left) and -1 (right).
inline constexpr std::string_view kTold = "told";                 // side, by the instruction as the policy heard it
inline constexpr std::string_view kFirstPassed = "first_passed";  // side of the first box; absent: none was passed
inline constexpr std::string_view kReached = "reached";           // the bottle, on whatever side
inline constexpr std::string_view kCollided = "collided";
inline constexpr std::string_view kTimedOut = "timed_out";
inline constexpr std::string_view kPathLength = "path_length_m";

// Errors: those of World::Open.
Result<std::unique_ptr<Environment>> OpenSimulator(const sim::WorldOptions& options);

// What the simulator's actions mean to a program that says nothing of its own: forward and to the left, 1 the largest
// speed; an instruction is turned into its opposite by its side.
ActionSpace SimulatorSpace();
// What its camera shows when it shows nothing.
Observation BlackFrame(const sim::WorldOptions& options);

// A pilot that `policies` makes, under `ablation`. Errors: kUsage if its actions are no velocities.
Result<std::unique_ptr<sim::Pilot>> MakePilot(const PolicyFactory& policies, Ablation ablation = Ablation::kNone);

}  // namespace vlaq::evaluate

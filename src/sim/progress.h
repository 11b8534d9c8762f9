// The rules of the task, without physics: what a movement of the base means for the state of an episode.
#pragma once

#include "sim/world.h"

namespace vlaq::sim {

// The state at the start of an episode.
State StartState(const Layout& layout, const Pose& start);

// The base moved to `pose`: path length, boxes passed, the bottle reached. Does not touch `step` and `collided`.
void Advance(const Layout& layout, const Pose& pose, State& state);

// At which steps the camera gives nothing: bursts of 1 to 4 steps, about a quarter of all, never the first step.
std::vector<bool> LostFrames(uint64_t seed);

}  // namespace vlaq::sim

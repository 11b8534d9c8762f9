// The scripted driver that the policy learns from, and the labels that help it to learn: functions of the true state.
#pragma once

#include <string_view>
#include <vector>

#include "sim/world.h"

namespace vlaq::sim {

// The velocity command of the expert for passing on `side`: a way point beside the next box, then the bottle. It looks
// ahead by the base's lag, so it depends on the velocity, which no single frame shows.
Velocity ExpertCommand(const Layout& layout, const State& state, Side side);

// What a frame shows, as numbers, for auxiliary losses: in the robot's frame, right after the names below.
std::vector<float> AuxiliaryLabels(const Layout& layout, const State& state);
const std::vector<std::string>& AuxiliaryNames();

}  // namespace vlaq::sim

// Pushes that take the base off the expert's way while data is recorded: a start somewhere else, drifting commands
// (Ornstein-Uhlenbeck), kicks. Seeded; a pure function of the seed and the expert's commands.
#pragma once

#include <optional>

#include "base/random.h"
#include "sim/world.h"

namespace vlaq::sim {

class Perturbation {
 public:
  explicit Perturbation(uint64_t seed);

  // A quarter of the episodes begins somewhere on the floor; nullopt: at the layout's own start.
  std::optional<Pose> Start(const Layout& layout);
  // What is driven instead of `command` at this state.
  Velocity Disturb(const Layout& layout, const State& state, const Velocity& command);

 private:
  Random random_;
  double strength_ = 0;  // of the drift, in normalized units
  std::array<double, 2> drift_{};
  std::array<double, 2> kick_{};
  int kick_steps_ = 0;
};

}  // namespace vlaq::sim

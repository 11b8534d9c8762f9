// A driver at the wheel of the simulated base, and what that base is to a driver.
#pragma once

#include <memory>

#include "evaluation/condition.h"
#include "evaluation/driver.h"
#include "sim/recorder.h"

namespace vlaq::evaluation {

// What the simulator's actions mean to a program that says nothing of its own: forward and to the left, 1 the largest
// speed; an instruction is turned into its opposite by its side.
ActionSpace SimulatorSpace();
// What its camera shows when it shows nothing.
Observation BlackFrame(const sim::WorldOptions& options);

// The first action of a chunk as a velocity: clamped to [-1, 1] where the space is, in units; `velocities`: which one
// each of its values is. Errors: kBackend if it is no number, as those of a badly quantized policy may be.
Result<sim::Velocity> ToVelocity(const ActionSpace& space, const std::vector<size_t>& velocities,
                                 const Tensor& actions);

class DriverPilot : public sim::Pilot {
 public:
  DriverPilot(std::unique_ptr<Driver> driver, std::vector<size_t> velocities)
      : driver_(std::move(driver)), velocities_(std::move(velocities)) {}
  Status Begin(const std::string& instruction) override { return driver_->Begin(instruction); }
  Result<sim::Velocity> Command(const image::ImageView& frame) override;

 private:
  std::unique_ptr<Driver> driver_;
  std::vector<size_t> velocities_;
};

// A pilot that `drivers` makes, under `condition`. Errors: kUsage if its actions are no velocities: other
// names, or without names other than 2 or 3 values.
Result<std::unique_ptr<sim::Pilot>> MakePilot(const DriverFactory& drivers, Condition condition = Condition::kNormal);

}  // namespace vlaq::evaluation

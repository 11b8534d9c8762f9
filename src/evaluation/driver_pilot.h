// A driver at the wheel of the simulated base.
#pragma once

#include <memory>

#include "evaluation/condition.h"
#include "evaluation/driver.h"
#include "sim/recorder.h"

namespace vlaq::evaluation {

// The first action of a chunk as a velocity: clamped to [-1, 1], scaled; two values are linear_x and linear_y.
// Errors: kBackend if it is no number, as those of a badly quantised policy may be.
Result<sim::Velocity> ToVelocity(const ActionSpace& space, const Tensor& actions);

class DriverPilot : public sim::Pilot {
 public:
  explicit DriverPilot(std::unique_ptr<Driver> driver) : driver_(std::move(driver)) {}
  Status Begin(const std::string& instruction) override { return driver_->Begin(instruction); }
  Result<sim::Velocity> Command(const image::ImageView& frame) override;

 private:
  std::unique_ptr<Driver> driver_;
};

// A pilot that `drivers` makes, under `condition`. Errors: kUsage if its actions are no velocities (action_dim
// 2 or 3).
Result<std::unique_ptr<sim::Pilot>> MakePilot(const DriverFactory& drivers, Condition condition = Condition::kNormal);

}  // namespace vlaq::evaluation

#include "evaluation/driver_pilot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace vlaq::evaluation {
namespace {

Status CheckDrivesABase(const Driver& driver, const std::string& name) {
  const int64_t width = driver.space().action_dim;
  if (width == 2 || width == 3) return {};
  return UsageError(
      fmt::format("{} gives {} values per action; the simulated base takes linear_x, linear_y and possibly "
                  "angular_z",
                  name, width));
}

}  // namespace

Result<sim::Velocity> ToVelocity(const ActionSpace& space, const Tensor& actions) {
  const auto values = actions.data<float>();
  sim::Velocity velocity{};
  for (size_t i = 0; i < static_cast<size_t>(space.action_dim); ++i) {
    if (std::isnan(values[i])) {
      return Error{ErrorCode::kBackend, fmt::format("value {} of the policy's action is no number", i), "", ""};
    }
    velocity[i] = space.scale * static_cast<double>(std::clamp(values[i], -1.0F, 1.0F));
  }
  return velocity;
}

Result<sim::Velocity> DriverPilot::Command(const image::ImageView& frame) {
  VLAQ_ASSIGN_OR_RETURN(const Tensor actions, driver_->Act(frame));
  return ToVelocity(driver_->space(), actions);
}

Result<std::unique_ptr<sim::Pilot>> MakePilot(const DriverFactory& drivers, Condition condition) {
  VLAQ_ASSIGN_OR_RETURN(auto driver, drivers.Make());
  VLAQ_RETURN_IF_ERROR(CheckDrivesABase(*driver, drivers.name()));
  return std::unique_ptr<sim::Pilot>(std::make_unique<DriverPilot>(Under(condition, std::move(driver))));
}

}  // namespace vlaq::evaluation

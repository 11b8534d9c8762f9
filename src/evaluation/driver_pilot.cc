#include "evaluation/driver_pilot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace vlaq::evaluation {
namespace {

// Which velocity each value of an action is. Errors: kUsage.
Result<std::vector<size_t>> VelocitiesOf(const ActionSpace& space, const std::string& name) {
  const auto width = static_cast<size_t>(space.action_dim);
  std::vector<size_t> velocities(width);
  for (size_t i = 0; i < width; ++i) {
    const auto found = i < space.names.size() ? std::ranges::find(sim::kVelocityNames, space.names[i])
                                              : sim::kVelocityNames.begin() + static_cast<std::ptrdiff_t>(i);
    if (width > sim::kVelocityNames.size() || width < 2 || found == sim::kVelocityNames.end()) {
      return UsageError(fmt::format("{} gives {} values per action ({}); the simulated base takes {}", name, width,
                                    fmt::join(space.names, ", "), fmt::join(sim::kVelocityNames, ", ")));
    }
    velocities[i] = static_cast<size_t>(found - sim::kVelocityNames.begin());
  }
  return velocities;
}

}  // namespace

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

Result<sim::Velocity> ToVelocity(const ActionSpace& space, const std::vector<size_t>& velocities,
                                 const Tensor& actions) {
  const auto values = actions.data<float>();
  sim::Velocity velocity{};
  for (size_t i = 0; i < velocities.size(); ++i) {
    if (std::isnan(values[i])) {
      return Error{ErrorCode::kBackend, fmt::format("value {} of the policy's action is no number", i), "", ""};
    }
    const double value = static_cast<double>(space.clipped ? std::clamp(values[i], -1.0F, 1.0F) : values[i]);
    velocity[velocities[i]] = space.InUnits(i, value);
  }
  return velocity;
}

Result<sim::Velocity> DriverPilot::Command(const image::ImageView& frame) {
  const Tensor picture = Tensor::From<uint8_t>({frame.height, frame.width, 3}, frame.rgb);
  VLAQ_ASSIGN_OR_RETURN(const Tensor actions, driver_->Act({{std::string(sim::kCamera), picture}}));
  return ToVelocity(driver_->space(), velocities_, actions);
}

Result<std::unique_ptr<sim::Pilot>> MakePilot(const DriverFactory& drivers, Condition condition) {
  VLAQ_ASSIGN_OR_RETURN(auto driver, drivers.Make());
  VLAQ_ASSIGN_OR_RETURN(auto velocities, VelocitiesOf(driver->space(), drivers.name()));
  return std::unique_ptr<sim::Pilot>(
      std::make_unique<DriverPilot>(Under(condition, std::move(driver)), std::move(velocities)));
}

}  // namespace vlaq::evaluation

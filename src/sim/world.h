// The simulator as a robot: a holonomic base with a camera among boxes, in MuJoCo, rendered without GPU or display.
//
// In scope: physics, lag, noise, what the camera gives, what counts as success. Not aware of policies, of files, of
// statistics. MuJoCo and OSMesa are hidden in mujoco_world.cc; a build without them has a World that cannot be opened.
// Deterministic: the same layout, options and commands give the same frames and states. A World is used by one thread
// at a time, the one that opened it; any number of worlds may run side by side.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image/image.h"
#include "sim/layout.h"

namespace vlaq::sim {

// Velocity command in the robot's frame: forward m/s, left m/s, turn left rad/s.
using Velocity = std::array<double, 3>;
inline constexpr std::array<std::string_view, 3> kVelocityNames{"linear_x", "linear_y", "angular_z"};
inline constexpr std::array<std::string_view, 3> kVelocityUnits{"m/s", "m/s", "rad/s"};
// What the camera's pictures are called.
inline constexpr std::string_view kCamera = "observation.images.front";

inline constexpr double kMaxSpeed = 0.6;       // m/s, what a normalized action of 1 means
inline constexpr double kControlPeriod = 0.4;  // s between two frames
inline constexpr double kRobotRadius = 0.20;   // m
inline constexpr double kGoalDistance = 0.35;  // m from the bottle's axis
inline constexpr int kMaxSteps = 48;

struct WorldOptions {
  int width = 224;  // pixels of the camera
  int height = 126;
  bool dynamics = true;    // mass, lag and dead time; else commands act at once
  bool noise = true;       // gain errors, actuator noise, camera vibration
  bool frame_loss = true;  // the camera drops out for some steps now and then: black frames
};

struct State {
  Pose pose;
  double velocity_x = 0, velocity_y = 0;  // world frame, m/s
  int step = 0;
  double path_length = 0;  // m
  bool collided = false;
  bool reached = false;
  bool done = false;  // collided, reached or out of time
  // On which side each box was passed (nullopt: not yet); on either side of its center.
  std::vector<std::optional<Side>> passed;
};

// Reached, without a collision, every box passed on `side`.
bool Succeeded(const State& state, Side side);

class World {
 public:
  // nullopt: worlds can be opened here; else why not.
  static std::optional<std::string> Unavailable();
  // Errors: kBackend if the build has no simulator or no off-screen context can be made; kUsage for a bad size.
  static Result<std::unique_ptr<World>> Open(const WorldOptions& options);
  virtual ~World() = default;

  // A new episode. `start` replaces the layout's own start.
  virtual Status Reset(const Layout& layout, std::optional<Pose> start = std::nullopt) = 0;
  // What the camera gives now (RGB); valid until the next call. The same frame if called again.
  virtual Result<image::ImageView> Observe() = 0;
  // True if the camera gives nothing at this step (the frame is black).
  virtual bool FrameLost() const = 0;
  struct Order {
    double at = 0;  // s, in the period
    Velocity command{};
  };
  // Drives for one control period, by orders that come one after the other within it; before the first the last one of
  // the period before is in force. What the motors' dead time carries beyond the period's end acts in the next.
  // Commands beyond kMaxSpeed are clipped.
  virtual Status Step(std::span<const Order> orders) = 0;
  // The same with one command for all of it.
  Status Step(const Velocity& command) {
    const Order order{0, command};
    return Step(std::span<const Order>(&order, 1));
  }
  virtual const State& state() const = 0;
  virtual const Layout& layout() const = 0;
};

}  // namespace vlaq::sim

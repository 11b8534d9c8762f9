// The control loop's side of the simulated base: a robot on ROS 2 topics whose time is the simulation's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "robot/robot.h"
#include "robot/settings.h"
#include "ros2/discovery.h"
#include "sim/trace.h"
#include "sim/world.h"
#include "vlaq/policy.h"

namespace vlaq::robot::sim {

struct SimOptions {
  vlaq::sim::WorldOptions world;
  vlaq::ros2::Discovery discovery = {0, vlaq::ros2::DiscoveryRange::kOff, {}, ""};
  bool real_time = false;
};

// How one episode ended.
struct Episode {
  uint64_t seed = 0;
  bool succeeded = false;
  vlaq::sim::Trace trace;
};

class SimRobot : public Robot {
 public:
  // `log` must outlive it. Errors: kUsage for settings without exactly one camera; those of SimBase::Open and
  // OpenRos2Robot.
  static Result<std::unique_ptr<SimRobot>> Open(const Settings& settings, const SimOptions& options, Log& log);

  // The episode that the next loop drives. Errors: those of the world.
  virtual Status Begin(uint64_t seed) = 0;
  // What became of it; after the loop.
  virtual Result<Episode> End() = 0;
};

// What is proposed for the policy, as the simulated base is: its speed limits, a camera that may drop out. Errors:
// kUsage for a policy that does not see by one camera or does not move by velocities.
Result<Settings> SimSettings(const PolicyFeatures& policy);

}  // namespace vlaq::robot::sim

// The simulated base behind DDS: what a robot's own programs are on a robot. It publishes its camera and the task, and
// obeys what comes on /cmd_vel. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "robot/time.h"
#include "ros2/node.h"
#include "sim/trace.h"
#include "sim/world.h"

namespace vlaq::robot::sim {

inline constexpr std::string_view kCameraTopic = "/camera/image_raw", kTaskTopic = "/vlaq/task",
                                  kCommandTopic = "/cmd_vel";

class SimBase {
 public:
  // Errors: those of World::Open and of the node.
  static Result<std::unique_ptr<SimBase>> Open(const vlaq::sim::WorldOptions& world,
                                               const vlaq::ros2::NodeOptions& node);

  // A new episode; its task is published, once whoever drives it listens. Errors: kBackend if nobody does within ten
  // seconds.
  Status Begin(uint64_t seed);
  // What the camera sees now, stamped with `stamp`, ns.
  Status Shoot(int64_t stamp);
  // What came on the topic of commands, as of `at` seconds into the period. In simulated time `expected` of them are
  // waited for. Returns how many there were. Errors: kBackend if they do not come within ten seconds.
  Result<int> TakeOrders(double at, int expected = 0);
  // One control period with what was ordered.
  Status Step();

  const vlaq::sim::State& state() const { return world_->state(); }
  const vlaq::sim::Trace& trace() const { return trace_; }
  bool succeeded() const;

 private:
  SimBase(std::unique_ptr<vlaq::sim::World> world, std::unique_ptr<vlaq::ros2::Node> node)
      : world_(std::move(world)), node_(std::move(node)) {}

  std::unique_ptr<vlaq::sim::World> world_;
  std::unique_ptr<vlaq::ros2::Node> node_;
  std::unique_ptr<vlaq::ros2::Publisher> camera_, task_;
  std::unique_ptr<vlaq::ros2::Subscription> commands_;
  std::vector<vlaq::sim::World::Order> orders_;
  vlaq::sim::Trace trace_;
  std::vector<std::byte> buffer_;
};

}  // namespace vlaq::robot::sim

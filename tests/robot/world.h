// What a robot is for `vlaq robot`, on ROS 2 topics of this machine: a camera, a range sensor, an operator and a base
// that takes commands; each of them can be made to fail.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "ros2/node.h"

namespace vlaq::faults {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A command that the base has received.
struct Heard {
  Clock::time_point at;
  bool moves = false;
};

// What is wrong with the camera now; the members are read anew for every picture.
struct CameraFaults {
  std::atomic<bool> stalls = false, frozen = false, black = false, resized = false, backwards = false;
  std::atomic<bool> malformed = false;  // 1,000 messages a second that are none, beside the pictures
  std::atomic<int64_t> clock_offset_ns = 0;
  std::atomic<int> rate_hz = 20;
};

class World {
 public:
  // Errors: kBackend without DDS.
  static Result<std::unique_ptr<World>> Open(int domain);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  CameraFaults camera;
  std::atomic<bool> range_silent = false;
  std::atomic<float> range_m = 2;

  void Say(const std::string& order);
  Status SetOperator(bool there);
  Status SetBase(bool there);

  // The first command after `since` that stands still, or moves; waits for it until `deadline`.
  std::optional<Heard> Await(bool moves, Clock::time_point since, Clock::time_point deadline);
  // All commands since then.
  std::vector<Heard> Since(Clock::time_point since);

 private:
  class Malformed;
  explicit World(std::unique_ptr<ros2::Node> node);
  Status Advertise(int domain);
  void Feed();
  void Shoot();
  void Scan();
  void Listen();

  std::unique_ptr<ros2::Node> node_;
  std::unique_ptr<ros2::Publisher> camera_, range_, operator_;
  std::unique_ptr<Malformed> malformed_;
  std::mutex mutex_;  // of what follows
  std::unique_ptr<ros2::Subscription> commands_;
  std::vector<Heard> heard_;
  std::atomic<bool> ended_ = false;
  uint64_t pictures_ = 0;  // of the feeding thread, as the next
  int64_t backward_stamp_ = 0;
  std::thread feeder_, listener_;
};

}  // namespace vlaq::faults

// What arrives from the robot, checked and put together: which frames are usable (SAFE-03), what the newest observation
// is, what the tick must know. In scope: order, age, sameness of frames. Not aware of: wires, threads, policies.
// Deterministic in what it is given. Used by the intake thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "robot/controller.h"
#include "robot/settings.h"
#include "robot/time.h"
#include "vlaq/policy.h"

namespace vlaq::robot {

// What one inference sees.
struct Sighting {
  Observation values;
  std::string task;                       // empty: the policy's own
  std::vector<uint64_t> numbers;          // of the frames or values of each sensor, counting up from 1
  std::vector<int64_t> stamps;            // when they were captured, as they say themselves, ns
  Time oldest = kNever, newest = kNever;  // when the first and the last of them came
  uint64_t changes = 0;                   // how often any sensor gave something usable
};

class Intake {
 public:
  explicit Intake(const Settings& settings);

  // A frame uint8 [H, W, 3], or values, of sensor `sensor` that came at `now`; `stamp`: its own time of capture, ns of
  // any clock. What is not usable is noted and dropped.
  void Take(size_t sensor, const Tensor& value, int64_t stamp, Time now);
  // The nearest obstacle in meters; infinite: none.
  void TakeRange(double meters, Time now);
  void TakeOrder(Event order) { orders_.Add(order); }
  void TakeTask(std::string task) { task_ = std::move(task); }
  // Where a position axis is.
  void TakePosition(size_t axis, double position);
  void SetOperatorThere(bool there) { facts_.operator_there = there; }
  void SetCommandsTaken(bool taken) { facts_.commands_taken = taken; }

  // What the tick must know; `orders` and `noted` only since the last call.
  WorldFacts TakeFacts();
  // The newest of every sensor; nullopt before each has given something usable.
  std::optional<Sighting> Newest() const;
  uint64_t changes() const { return changes_; }
  const std::string& task() const { return task_; }

 private:
  struct Sensor {
    SensorSettings settings;
    Tensor newest = {};
    Shape shape = {};  // of the first
    int64_t stamp = 0;
    uint64_t number = 0;  // of usable ones
    Tensor last = {};     // that came, usable or not
    bool any = false;     // whether one ever came
  };
  ReasonSet WrongWith(Sensor& sensor, const Tensor& value, int64_t stamp) const;

  std::vector<Sensor> sensors_;
  SafetySettings safety_;
  WorldFacts facts_;
  Orders orders_;
  std::string task_;
  uint64_t changes_ = 0;
};

}  // namespace vlaq::robot

// Messages to what an Intake takes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "robot/intake.h"
#include "robot/ros2/wiring.h"

namespace vlaq::robot::ros2 {

struct Sensed {
  Tensor value;       // a picture uint8 [H, W, 3], or float32 [n]
  int64_t stamp = 0;  // of the message; of one without header `arrived`
};
// Of a message of `topic.type`. Errors: kInput for pixels that are none, a joint that is not in the message.
Result<Sensed> ReadSensor(const SensorTopic& topic, Bytes cdr, int64_t arrived);

// The nearest obstacle in meters: infinite if none is seen, NaN if the message says nothing at all. `type` is
// LaserScan or Range.
Result<double> NearestRange(const std::string& type, Bytes cdr);

// Where each axis of kPosition is, by its joint.
Status ReadPositions(const std::vector<Axis>& axes, Bytes cdr, Intake& intake);

}  // namespace vlaq::robot::ros2

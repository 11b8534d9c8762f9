// What is driven, seen from the loop: what arrives goes to an Intake, commands go out. An adapter for each kind of wire
// (robot/ros2 ...), and fakes in tests.
#pragma once

#include "base/status.h"
#include "robot/controller.h"
#include "robot/intake.h"
#include "robot/time.h"

namespace vlaq::robot {

class Robot {
 public:
  virtual ~Robot() = default;
  // Hands what has arrived to `intake`. In real time it waits for something until `until`, or Wake(), and arrivals are
  // stamped by the clock it was made with; in simulated time it returns once everything until then is there, stamped
  // with its time. Errors: those of the wire, which end the loop.
  virtual Status Receive(Time until, Intake& intake) = 0;
  // Ends a Receive() that waits. From any thread.
  virtual void Wake() {}
  // Sends a command, or leaves that to a thread of its own. In real time it neither waits nor asks for memory, since
  // the control tick calls it.
  virtual void Send(const Command& command, State state, Time now) = 0;
  // True once there is nothing more to drive: the episode is over.
  virtual bool finished() const { return false; }
  // After the last command, which stood still: waits until it is on its way, for a second at most.
  virtual Status Finish() { return {}; }
};

}  // namespace vlaq::robot

// A robot on ROS 2 topics.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "robot/robot.h"
#include "robot/ros2/wiring.h"
#include "robot/settings.h"
#include "ros2/node.h"

namespace vlaq::robot::ros2 {

struct Ros2Options {
  vlaq::ros2::NodeOptions node;
  bool armed = false;      // SAFE-12: else commands go to the shadow of their topic
  bool own_thread = true;  // commands are sent by a thread of its own, so that the tick waits for nobody
  int priority = 0;        // SCHED_FIFO of the threads that receive and send; 0: as any
  // What arrived is stamped with this instant of simulated time, if there is one.
  const Time* simulated_now = nullptr;
};

// `log` gets what happens on the topics: publishers that come and go, settings that do not match, messages that are not
// used. It must outlive the robot. Errors: those of vlaq::ros2::Node::Open and its topics.
Result<std::unique_ptr<Robot>> OpenRos2Robot(const Wiring& wiring, const Settings& settings, const Ros2Options& options,
                                             Log& log);

}  // namespace vlaq::robot::ros2

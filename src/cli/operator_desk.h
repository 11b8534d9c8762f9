// Who drives a robot from this machine: keys in the terminal, and the page of --ui. Their orders are the loop's.
#pragma once

#include <atomic>
#include <memory>

#include "cli/keyboard.h"
#include "cli/robot_arguments.h"
#include "robot/monitor/robot_monitor.h"
#include "robot/order_box.h"

namespace vlaq::cli {

class OperatorDesk {
 public:
  // Serves the page where it is asked for, and listens to keys where there is a terminal; says so to `log`. `stop`
  // becomes true by a key, and must outlive it. Errors: those of serve::Server::Start.
  static Result<std::unique_ptr<OperatorDesk>> Open(const RobotArguments& a, const robot::Settings& settings,
                                                    std::atomic<bool>& stop, Log& log);

  robot::OrderBox& orders() { return orders_; }
  // Whom to tell what happens; may be null.
  robot::Journal* journal() { return monitor_.get(); }

 private:
  Status ServePage(const RobotArguments& a, const robot::Settings& settings, Log& log);
  void Press(char key, std::atomic<bool>& stop);

  robot::OrderBox orders_;
  std::unique_ptr<robot::monitor::RobotMonitor> monitor_;
  std::unique_ptr<serve::Server> server_;
  std::unique_ptr<Keyboard> keyboard_;
};

}  // namespace vlaq::cli

// A control loop as the page of `serve` shows it: it is told as a journal is, and orders through the loop's OrderBox.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "robot/journal.h"
#include "robot/order_box.h"
#include "robot/settings.h"
#include "serve/monitor.h"
#include "tensor/tensor.h"

namespace vlaq::robot::monitor {

// What is said of the policy.
struct About {
  std::string policy, runs_on;
};

class RobotMonitor : public Journal, public serve::Monitor {
 public:
  // `orders` must outlive it.
  RobotMonitor(const Settings& settings, About about, OrderBox& orders)
      : settings_(settings), about_(std::move(about)), orders_(orders) {}

  void Tick(const TickInput& input, const TickOutput& output) override;
  void Step(const Inferred& inferred) override;

  // Its "action" is the last command, in the robot's units; state "HOLD: range_stop", stopped where nothing moves until
  // the operator says so.
  std::string StatusJson() const override;
  // Of the first camera.
  Result<std::string> CameraPng() const override;
  std::string HealthJson() const override;
  std::string MetricsText() const override;
  void Stop() override { orders_.Add(Event::kStop); }
  // From DISARMED arms, else goes on, out of ESTOP too.
  void Resume() override;

 private:
  struct Seen {
    TickOutput output;
    uint64_t ticks = 0, late_ticks = 0, steps = 0, failed = 0, misses = 0;
    double latency_ms = 0;
    std::string task, camera, error;
    Tensor picture;
  };
  Seen seen() const;

  const Settings settings_;
  const About about_;
  OrderBox& orders_;
  mutable std::mutex mutex_;
  Seen seen_;
};

}  // namespace vlaq::robot::monitor

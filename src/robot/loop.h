// The control loop: observations in, commands out, on time.
//
// In real time there are three threads: the caller's takes in what arrives (the newest observation wins), one computes,
// and the control tick sends a command every control_period_ms whatever the others do: after its start it asks for no
// memory, shares no lock with them and writes nothing (SAFE-11). A fourth hands what happened to the journal.
// In simulated time the same parts take turns on one thread, so that a run is fast and always the same.
// The last command is one that stands still, however the loop ends (SAFE-01).
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "base/status.h"
#include "robot/histogram.h"
#include "robot/inference.h"
#include "robot/journal.h"
#include "robot/order_box.h"
#include "robot/realtime.h"
#include "robot/robot.h"
#include "robot/settings.h"

namespace vlaq::robot {

struct LoopOptions {
  bool arm = false;  // by itself, once, as soon as it is ready; else the operator does
  RealTimeOptions real_time = {};
  Time duration = std::numeric_limits<Time>::max();  // it ends by itself after that
  Time simulated_latency = 0;                        // of an inference in simulated time
  std::string task = {};                             // empty: the policy's own
  OrderBox* orders = nullptr;                        // further orders than the robot's own; must outlive the loop
};

struct LoopSummary {
  uint64_t ticks = 0;
  uint64_t missed_ticks = 0;                   // not done, since an earlier one ended too late
  uint64_t unrecorded_ticks = 0;               // that the journal was too slow for
  std::shared_ptr<const Histogram> jitter;     // by how much ticks began late
  std::shared_ptr<const Histogram> latencies;  // of inference
  uint64_t inferences = 0, failed_inferences = 0, missed_deadlines = 0;
  std::string last_error;  // of inference
  State state = State::kDisarmed;
  ReasonSet reasons;  // of the whole run
  Command last_command;
};

class Loop {
 public:
  // All must outlive the loop; `journal` may be null. `action`: the policy's first output. Errors: those of Validate
  // and ActionMap::Make.
  static Result<std::unique_ptr<Loop>> Make(const Settings& settings, const Feature& action, Inference& inference,
                                            Robot& robot, Journal* journal);
  virtual ~Loop() = default;

  // Until `stop`, the duration, or the robot is finished. Errors: of the warm-up, the robot's wire, the real-time
  // options; after an error, too, the robot was told to stand still.
  virtual Result<LoopSummary> RunInRealTime(const LoopOptions& options, const std::atomic<bool>& stop) = 0;
  virtual Result<LoopSummary> RunInSimulatedTime(const LoopOptions& options) = 0;
};

}  // namespace vlaq::robot

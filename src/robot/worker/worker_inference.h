// Asks an inference process (worker.h). One that hangs is ended, one that is gone is started again: the robot stands
// still meanwhile and until its operator lets it go on.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "robot/inference.h"

namespace vlaq::robot::worker {

struct WorkerOptions {
  std::string command;         // what the shell starts as the process
  double open_s = 600;         // the longest that it may take to open the policy
  double abandon_s = 10;       // the longest step; a process that takes longer is ended
  double restart_pause_s = 1;  // between two attempts to start it again
};

// Starts it and waits until it has opened its policy. `log` is told when it is gone and when it is back; it must
// outlive the inference. Made and asked on threads that live as long as it does: the process ends with the thread that
// started it. Errors: kBackend if it cannot be started; what the process says of its policy.
Result<std::unique_ptr<Inference>> StartWorker(const WorkerOptions& options, Log& log);

}  // namespace vlaq::robot::worker

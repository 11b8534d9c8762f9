// What a server tells of what it serves, and what the page's buttons do, whoever stands behind it: a policy for
// clients, a robot. Thread-safe.
#pragma once

#include <string>

#include "base/status.h"

namespace vlaq::serve {

class Monitor {
 public:
  virtual ~Monitor() = default;
  // One JSON object, of which the page shows what is there:
  //   policy, runs_on, task, camera   texts; camera: the name of the picture, absent if there is none
  //   state                           a text; absent: "serving", or that it is stopped
  //   stopped                         whether only Resume() makes it go on
  //   axes [{name, unit}], action     names and numbers of the last action, in its units
  //   latency_ms, period_ms           of the last step, and what it may take
  //   steps                           a count, another for each picture
  //   counts                          {name: number or text}, shown as they are
  virtual std::string StatusJson() const = 0;
  // The last picture. Errors: kInput if there was none.
  virtual Result<std::string> CameraPng() const = 0;
  // One JSON object for programs that ask whether it is well.
  virtual std::string HealthJson() const = 0;
  // For Prometheus, in its text format.
  virtual std::string MetricsText() const = 0;
  virtual void Stop() = 0;
  virtual void Resume() = 0;
};

}  // namespace vlaq::serve

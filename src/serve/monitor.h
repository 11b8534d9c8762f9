// What the page shows and its buttons do, whoever stands behind it: a server, a robot. Thread-safe.
#pragma once

#include <string>

#include "base/status.h"

namespace vlaq::serve {

class Monitor {
 public:
  virtual ~Monitor() = default;
  // One JSON object, of which the page shows what is there:
  //   policy, runs_on, task, camera   texts; camera: the name of the picture, absent if there is none
  //   stopped                         whether the emergency stop is on
  //   axes [{name, unit}], action     names and numbers of the last action, in its units
  //   latency_ms, period_ms           of the last step, and what it may take
  //   steps, misses, errors, clients  counts
  virtual std::string StatusJson() const = 0;
  // The last picture. Errors: kInput if there was none.
  virtual Result<std::string> CameraPng() const = 0;
  virtual void Stop() = 0;
  virtual void Resume() = 0;
};

}  // namespace vlaq::serve

// Who is told everything that happens in the loop, to record it (SAFE-13) or to show it. Never on the thread of the
// control tick; calls come from several threads, one at a time.
#pragma once

#include <string_view>

#include "robot/controller.h"
#include "robot/inference_runner.h"

namespace vlaq::robot {

class Journal {
 public:
  virtual ~Journal() = default;
  // Every tick, in order, within a fraction of a second after it.
  virtual void Tick(const TickInput& input, const TickOutput& output) = 0;
  // Every inference, before any tick that plays its chunk.
  virtual void Step(const Inferred& inferred) = 0;
};

}  // namespace vlaq::robot

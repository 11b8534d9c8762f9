// One drive through a layout, remembered: every state and what the camera gave.
#pragma once

#include <vector>

#include "sim/recorder.h"
#include "sim/world.h"

namespace vlaq::sim {

struct TracePoint {
  State state;  // before the step
  bool lost = false;
  image::Image frame;
};

struct Trace {
  Layout layout;
  std::vector<TracePoint> points;
  State end;
};

// Drives `layout` in `world` to its end: the pilot, or the expert if `pilot` is null. The pilot is told `instruction`.
Result<Trace> DriveTrace(World& world, const Layout& layout, Pilot* pilot, const std::string& instruction);

}  // namespace vlaq::sim

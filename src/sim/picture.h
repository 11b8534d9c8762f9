// Pictures for people: the scene from above with the way that was driven, and what the camera saw, in one strip.
#pragma once

#include "image/image.h"
#include "sim/trace.h"

namespace vlaq::sim {

// The floor from above, x to the right, y upwards: boxes, bottle with the distance that counts as reached, the way of
// the base (green: success, red: not), a dot per control step (hollow where the frame was lost).
image::Image TopView(const Trace& trace);

// The frames of all steps in rows of `columns`, in order.
image::Image CameraStrip(const Trace& trace, int columns = 6);

}  // namespace vlaq::sim

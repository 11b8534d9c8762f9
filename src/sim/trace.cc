#include "sim/trace.h"

#include "sim/expert.h"

namespace vlaq::sim {
namespace {

image::Image Copy(const image::ImageView& view) {
  image::Image image;
  image.width = view.width;
  image.height = view.height;
  image.rgb.assign(view.rgb.begin(), view.rgb.end());
  return image;
}

}  // namespace

Result<Trace> DriveTrace(World& world, const Layout& layout, Pilot* pilot, const std::string& instruction) {
  Trace trace{.layout = layout, .points = {}, .end = {}};
  VLAQ_RETURN_IF_ERROR(world.Reset(layout));
  if (pilot != nullptr) VLAQ_RETURN_IF_ERROR(pilot->Begin(instruction));
  while (!world.state().done) {
    VLAQ_ASSIGN_OR_RETURN(const image::ImageView frame, world.Observe());
    trace.points.push_back({world.state(), world.FrameLost(), Copy(frame)});
    Velocity command = ExpertCommand(layout, world.state(), layout.side);
    if (pilot != nullptr) {
      VLAQ_ASSIGN_OR_RETURN(command, pilot->Command(frame));
    }
    VLAQ_RETURN_IF_ERROR(world.Step(command));
  }
  trace.end = world.state();
  return trace;
}

}  // namespace vlaq::sim

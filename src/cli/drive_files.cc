#include "cli/drive_files.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/output.h"
#include "image/encode.h"
#include "sim/picture.h"

namespace vlaq::cli {
namespace {

// Pictures by their names: they lie beside the document.
Json DriveDocument(const sim::Trace& trace, const std::string& driver, const DriveFiles& files) {
  const sim::Layout& layout = trace.layout;
  Json boxes = Json::array();
  for (const sim::Box& box : layout.boxes) {
    boxes.push_back({{"x", box.x}, {"y", box.y}, {"half_x", box.half_x}, {"half_y", box.half_y}});
  }
  Json path = Json::array();
  const auto add = [&path](const sim::Pose& pose, bool lost) {
    path.push_back({{"x", pose.x}, {"y", pose.y}, {"yaw", pose.yaw}, {"lost", lost}});
  };
  for (const sim::TracePoint& point : trace.points) add(point.state.pose, point.lost);
  add(trace.end.pose, false);
  return {{"schema", "vlaq.sim.render/1"},
          {"seed", layout.seed},
          {"layout", layout.name},
          {"instruction", layout.instruction},
          {"driver", driver},
          {"verdict", DriveVerdict(trace)},
          {"steps", trace.end.step},
          {"path_length_m", trace.end.path_length},
          {"collided", trace.end.collided},
          {"reached", trace.end.reached},
          {"succeeded", sim::Succeeded(trace.end, layout.side)},
          {"files", {{"top", files.top}, {"camera", files.camera}}},
          {"scene",
           {{"boxes", std::move(boxes)},
            {"bottle", {{"x", layout.bottle.x}, {"y", layout.bottle.y}, {"radius", layout.bottle.radius}}},
            {"reached_within_m", sim::kGoalDistance}}},
          {"path", std::move(path)}};
}

}  // namespace

DriveFiles DriveFilesOf(const sim::Layout& layout) {
  const std::string name = fmt::format("{:09}_{}", layout.seed, layout.name);
  return {name + "_top.png", name + "_camera.png", name + ".json"};
}

std::string DriveVerdict(const sim::Trace& trace) {
  if (trace.end.collided) return "ran into a box";
  if (!trace.end.reached) return "did not reach the bottle in time";
  return sim::Succeeded(trace.end, trace.layout.side) ? "reached the bottle on the told side"
                                                      : "reached the bottle on the wrong side";
}

Result<Json> WriteDrive(const std::filesystem::path& folder, const sim::Trace& trace, const std::string& driver) {
  const DriveFiles files = DriveFilesOf(trace.layout);
  Json document = DriveDocument(trace, driver, files);
  VLAQ_RETURN_IF_ERROR(image::WritePng(folder / files.top, sim::TopView(trace), Existing::kRefuse));
  VLAQ_RETURN_IF_ERROR(image::WritePng(folder / files.camera, sim::CameraStrip(trace), Existing::kRefuse));
  VLAQ_RETURN_IF_ERROR(WriteFile(folder / files.json, JsonString(document, 1) + "\n", Existing::kRefuse));
  return document;
}

}  // namespace vlaq::cli

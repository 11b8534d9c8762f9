#include <fmt/format.h>

#include "base/json.h"
#include "cli/policy_choice.h"
#include "cli/sim_commands.h"
#include "cli/world_choice.h"
#include "evaluate/sim_environment.h"
#include "image/encode.h"
#include "sim/picture.h"

namespace vlaq::cli {
namespace {

struct SimRenderArguments {
  std::filesystem::path output, policy;
  PolicyFiles files;
  uint64_t seed = 0;
  WorldChoice world;
  BackendChoice backend;
  bool force = false;
  bool json = false;
};

// What became of a drive, in words.
std::string DriveVerdict(const sim::Trace& trace) {
  if (trace.end.collided) return "ran into a box";
  if (!trace.end.reached) return "did not reach the bottle in time";
  return sim::Succeeded(trace.end, trace.layout.side) ? "reached the bottle on the told side"
                                                      : "reached the bottle on the wrong side";
}

struct RenderedFiles {
  std::string top, camera, json;
};

RenderedFiles FilesOf(const sim::Layout& layout) {
  const std::string name = fmt::format("{:09}_{}", layout.seed, layout.name);
  return {name + "_top.png", name + "_camera.png", name + ".json"};
}

// Pictures by their names: they lie beside the document.
Json Document(const SimRenderArguments& a, const sim::Trace& trace, const std::string& top, const std::string& camera) {
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
          {"seed", a.seed},
          {"layout", layout.name},
          {"instruction", layout.instruction},
          {"driver", a.policy.empty() ? "the scripted expert" : a.policy.string()},
          {"verdict", DriveVerdict(trace)},
          {"steps", trace.end.step},
          {"path_length_m", trace.end.path_length},
          {"collided", trace.end.collided},
          {"reached", trace.end.reached},
          {"succeeded", sim::Succeeded(trace.end, layout.side)},
          {"files", {{"top", top}, {"camera", camera}}},
          {"scene",
           {{"boxes", std::move(boxes)},
            {"bottle", {{"x", layout.bottle.x}, {"y", layout.bottle.y}, {"radius", layout.bottle.radius}}},
            {"reached_within_m", sim::kGoalDistance}}},
          {"path", std::move(path)}};
}

Status Render(const SimRenderArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const sim::WorldOptions options, a.world.Options());
  VLAQ_ASSIGN_OR_RETURN(const auto world, sim::World::Open(options));
  const sim::Layout layout = sim::MakeLayout(a.seed);
  const RenderedFiles files = FilesOf(layout);
  for (const std::string& file : {files.top, files.camera, files.json}) {
    VLAQ_RETURN_IF_ERROR(CheckFilePlace(a.output / file, WhenExisting(a.force)));
  }
  VLAQ_ASSIGN_OR_RETURN(OutputFolder folder, OutputFolder::Into(a.output, WhenExisting(a.force)));
  std::unique_ptr<backend::Backend> backend;
  std::optional<OpenedPolicy> opened;
  std::unique_ptr<sim::Pilot> pilot;
  if (!a.policy.empty()) {
    VLAQ_ASSIGN_OR_RETURN(backend, a.backend.Make());
    VLAQ_ASSIGN_OR_RETURN(opened, OpenPolicy(a.policy, a.files, a.backend.Options(), *backend, context.log));
    VLAQ_RETURN_IF_ERROR(CheckFollowsInstructions(*opened));
    VLAQ_ASSIGN_OR_RETURN(pilot, evaluate::MakePilot(*opened->policies));
  }
  VLAQ_ASSIGN_OR_RETURN(const sim::Trace trace, sim::DriveTrace(*world, layout, pilot.get(), layout.instruction));
  const Json document = Document(a, trace, files.top, files.camera);
  VLAQ_RETURN_IF_ERROR(image::WritePng(folder.path() / files.top, sim::TopView(trace), Existing::kRefuse));
  VLAQ_RETURN_IF_ERROR(image::WritePng(folder.path() / files.camera, sim::CameraStrip(trace), Existing::kRefuse));
  VLAQ_RETURN_IF_ERROR(WriteFile(folder.path() / files.json, JsonString(document, 1) + "\n", Existing::kRefuse));
  VLAQ_RETURN_IF_ERROR(folder.Commit());
  if (a.json) {
    PrintJson(document, context.out);
    return {};
  }
  context.out << fmt::format("seed {}, {}: \"{}\"\n{} after {} steps, {:.1f} m\n{}\n{}\n{}\n", a.seed, layout.name,
                             layout.instruction, DriveVerdict(trace), trace.end.step, trace.end.path_length,
                             (a.output / files.top).string(), (a.output / files.camera).string(),
                             (a.output / files.json).string());
  return {};
}

}  // namespace

Action AddSimRender(CLI::App& app, Context& context) {
  auto a = std::make_shared<SimRenderArguments>();
  app.add_option("--seed", a->seed, "Seed of the episode to show")->type_name("UINT")->capture_default_str();
  app.add_option("-o,--output", a->output, "Folder for the pictures")->type_name("DIR")->required();
  app.add_option("--bundle", a->policy, "Bundle that drives; default: the scripted expert")->type_name("BUNDLE");
  a->files.AddTo(app);
  a->world.AddTo(app);
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  return [a, &context]() -> Status { return Render(*a, context); };
}

}  // namespace vlaq::cli

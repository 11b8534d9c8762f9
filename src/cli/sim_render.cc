#include <fmt/format.h>

#include "base/json.h"
#include "cli/drive_files.h"
#include "cli/policy_choice.h"
#include "cli/sim_commands.h"
#include "cli/world_choice.h"
#include "evaluate/sim_environment.h"

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

Status Render(const SimRenderArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const sim::WorldOptions options, a.world.Options());
  VLAQ_ASSIGN_OR_RETURN(const auto world, sim::World::Open(options));
  const sim::Layout layout = sim::MakeLayout(a.seed);
  const DriveFiles files = DriveFilesOf(layout);
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
  VLAQ_ASSIGN_OR_RETURN(const Json document,
                        WriteDrive(folder.path(), trace, a.policy.empty() ? "the scripted expert" : a.policy.string()));
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

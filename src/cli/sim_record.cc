#include <fmt/format.h>

#include <chrono>

#include "base/json.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/policy_choice.h"
#include "cli/sim_commands.h"
#include "cli/world_choice.h"
#include "evaluate/sim_environment.h"
#include "sim/recorder.h"

namespace vlaq::cli {
namespace {

struct SimRecordArguments {
  std::filesystem::path output, policy;
  PolicyFiles files;
  uint64_t episodes = 0;
  uint64_t seed = 0;
  WorldChoice world;
  bool perturb = false;
  BackendChoice backend;
  bool force = false;
  bool json = false;
};

Result<sim::RecordOptions> RecordOptionsOf(const SimRecordArguments& a) {
  sim::RecordOptions options;
  VLAQ_ASSIGN_OR_RETURN(options.world, a.world.Options());
  options.perturb = a.perturb;
  return options;
}

// Episodes in the order of their seeds, made on several threads with a recorder each.
Result<std::vector<sim::Recording>> RecordAll(const SimRecordArguments& a, const std::filesystem::path& folder,
                                              const sim::RecordOptions& options,
                                              const evaluate::PolicyFactory* policies, Log& log) {
  std::vector<sim::Recording> recordings(a.episodes);
  const auto start = [&]() -> Result<ItemWorker> {
    sim::RecordOptions own = options;
    std::shared_ptr<sim::Pilot> pilot;
    if (policies != nullptr) {
      VLAQ_ASSIGN_OR_RETURN(pilot, evaluate::MakePilot(*policies));
      own.pilot = pilot.get();
    }
    VLAQ_ASSIGN_OR_RETURN(sim::Recorder opened, sim::Recorder::Open(own));
    const auto recorder = std::make_shared<sim::Recorder>(std::move(opened));
    return ItemWorker([&, pilot, recorder](size_t i) -> Status {
      VLAQ_ASSIGN_OR_RETURN(recordings[i], recorder->Record(a.seed + i, folder, Existing::kRefuse));
      return {};
    });
  };
  const int threads = a.backend.threads > 0 ? a.backend.threads : HardwareThreads();
  VLAQ_RETURN_IF_ERROR(RunItems(a.episodes, threads, "episodes", log, start));
  return recordings;
}

struct RecordTotals {
  uint64_t steps = 0, successes = 0, collisions = 0;
};

RecordTotals TotalsOf(const std::vector<sim::Recording>& recordings) {
  RecordTotals summary;
  for (const sim::Recording& recording : recordings) {
    summary.steps += static_cast<uint64_t>(recording.steps);
    summary.successes += recording.succeeded ? 1 : 0;
    summary.collisions += recording.collided ? 1 : 0;
  }
  return summary;
}

// Before the work.
Status CheckEpisodesFree(const SimRecordArguments& a) {
  for (uint64_t i = 0; i < a.episodes; ++i) {
    const std::filesystem::path file = a.output / sim::EpisodeFile(sim::MakeLayout(a.seed + i));
    VLAQ_RETURN_IF_ERROR(CheckFilePlace(file, WhenExisting(a.force)));
  }
  return {};
}

Status Record(const SimRecordArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const sim::RecordOptions options, RecordOptionsOf(a));
  if (a.episodes == 0) return UsageError("--rollouts must be at least 1");
  VLAQ_RETURN_IF_ERROR(CheckEpisodesFree(a));
  std::unique_ptr<backend::Backend> backend;
  std::optional<OpenedPolicy> opened;
  if (!a.policy.empty()) {
    VLAQ_ASSIGN_OR_RETURN(backend, a.backend.Make());
    VLAQ_ASSIGN_OR_RETURN(opened, OpenPolicy(a.policy, a.files, a.backend.Options(), *backend, context.log));
    VLAQ_RETURN_IF_ERROR(CheckFollowsInstructions(*opened));
  }
  // All or none: a part of a set that was interrupted cannot be told from a whole one.
  VLAQ_ASSIGN_OR_RETURN(OutputFolder folder, OutputFolder::Into(a.output, WhenExisting(a.force)));
  const auto start = std::chrono::steady_clock::now();
  VLAQ_ASSIGN_OR_RETURN(const auto recordings,
                        RecordAll(a, folder.path(), options, opened ? opened->policies.get() : nullptr, context.log));
  VLAQ_RETURN_IF_ERROR(folder.Commit());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const RecordTotals summary = TotalsOf(recordings);
  if (a.json) {
    Json episodes = Json::array();
    for (const sim::Recording& recording : recordings) {
      episodes.push_back({{"file", recording.path.filename().string()},
                          {"layout", recording.layout},
                          {"steps", recording.steps},
                          {"succeeded", recording.succeeded},
                          {"collided", recording.collided}});
    }
    PrintJson({{"schema", "vlaq.sim.record/1"},
               {"folder", a.output.string()},
               {"seed", a.seed},
               {"seconds", took.count()},
               {"episodes", std::move(episodes)}},
              context.out);
    return {};
  }
  context.out << fmt::format(
      "{}: {} episodes, {} frames of {}, {:.0f} frames/s\n  reached on the told side: {}, collisions: {}\n",
      a.output.string(), recordings.size(), summary.steps, a.world.size,
      static_cast<double>(summary.steps) / took.count(), summary.successes, summary.collisions);
  return {};
}

}  // namespace

Action AddSimRecord(CLI::App& app, Context& context) {
  auto a = std::make_shared<SimRecordArguments>();
  app.add_option("--rollouts", a->episodes, "Number of episodes to drive and record")->type_name("UINT")->required();
  app.add_option("--seed", a->seed, "Seed of the first episode; the next ones count up")
      ->type_name("UINT")
      ->capture_default_str();
  app.add_option("-o,--output", a->output, "Folder for the .h5 files")->type_name("DIR")->required();
  app.add_flag("--perturb", a->perturb, "Push the base off the expert's way, so that data shows how to come back");
  app.add_option(
         "--bundle", a->policy,
         "Bundle that drives, while the expert only labels what it would have done (for another round of training)")
      ->type_name("BUNDLE");
  a->files.AddTo(app);
  a->world.AddTo(app);
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  return [a, &context]() -> Status { return Record(*a, context); };
}

}  // namespace vlaq::cli

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <mutex>

#include "base/json.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/camera_size.h"
#include "cli/sim_verbs.h"
#include "sim/recorder.h"

namespace vlaq::cli {
namespace {

struct Arguments {
  std::filesystem::path output;
  uint64_t episodes = 0;
  uint64_t seed = 0;
  std::string size = "224x126";
  std::string frame_loss = "on", noise = "on", dynamics = "on";
  bool perturb = false;
  int threads = 0;
  bool force = false;
  bool json = false;
};

Result<sim::RecordOptions> Options(const Arguments& a) {
  sim::RecordOptions options;
  VLAQ_ASSIGN_OR_RETURN(const CameraSize size, ParseCameraSize(a.size));
  options.world.width = size.width;
  options.world.height = size.height;
  options.world.frame_loss = a.frame_loss == "on";
  options.world.noise = a.noise == "on";
  options.world.dynamics = a.dynamics == "on";
  options.perturb = a.perturb;
  return options;
}

// Episodes in the order of their seeds, made on several threads with a recorder each.
Result<std::vector<sim::Recording>> RecordAll(const Arguments& a, const sim::RecordOptions& options, Log& log) {
  const auto wanted = static_cast<uint64_t>(a.threads > 0 ? a.threads : HardwareThreads());
  const auto workers = static_cast<size_t>(std::min(wanted, a.episodes));
  std::vector<sim::Recording> recordings(a.episodes);
  std::atomic<uint64_t> next{0};
  std::mutex mutex;  // guards first_error, done and the log
  std::optional<Error> first_error;
  uint64_t done = 0;
  ParallelFor(workers, static_cast<int>(workers), [&](size_t) {
    auto recorder = sim::Recorder::Open(options);
    const auto fail = [&](const Error& error) {
      const std::lock_guard lock(mutex);
      if (!first_error) first_error = error;
      next = a.episodes;
    };
    if (!recorder.ok()) return fail(recorder.error());
    for (uint64_t i = next++; i < a.episodes; i = next++) {
      auto recording = recorder->Record(a.seed + i, a.output, WhenExisting(a.force));
      if (!recording.ok()) return fail(recording.error());
      recordings[i] = *std::move(recording);
      const std::lock_guard lock(mutex);
      log.Progress("episodes", ++done, a.episodes);
    }
  });
  if (first_error) return *first_error;
  return recordings;
}

struct Summary {
  uint64_t steps = 0, successes = 0, collisions = 0;
};

Summary Summarise(const std::vector<sim::Recording>& recordings) {
  Summary summary;
  for (const sim::Recording& recording : recordings) {
    summary.steps += static_cast<uint64_t>(recording.steps);
    summary.successes += recording.succeeded ? 1 : 0;
    summary.collisions += recording.collided ? 1 : 0;
  }
  return summary;
}

Status Record(const Arguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const sim::RecordOptions options, Options(a));
  if (a.episodes == 0) return UsageError("--episodes must be at least 1");
  std::error_code code;
  std::filesystem::create_directories(a.output, code);
  if (code) return InputError(a.output.string(), "the folder cannot be made: " + code.message());
  const auto start = std::chrono::steady_clock::now();
  VLAQ_ASSIGN_OR_RETURN(const auto recordings, RecordAll(a, options, context.log));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const Summary summary = Summarise(recordings);
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
      a.output.string(), recordings.size(), summary.steps, a.size, static_cast<double>(summary.steps) / took.count(),
      summary.successes, summary.collisions);
  return {};
}

}  // namespace

Action AddSimRecord(CLI::App& app, Context& context) {
  auto a = std::make_shared<Arguments>();
  app.add_option("--episodes", a->episodes, "How many")->type_name("UINT")->required();
  app.add_option("--seed", a->seed, "Of the first episode; the next ones count up")
      ->type_name("UINT")
      ->capture_default_str();
  app.add_option("-o,--output", a->output, "Folder for the .h5 files")->type_name("DIR")->required();
  app.add_option("--size", a->size, "Of the camera's frames")->type_name("WxH")->capture_default_str();
  app.add_flag("--perturb", a->perturb, "Push the base off the expert's way, so that data shows how to come back");
  app.add_option("--threads", a->threads, "Episodes made at a time; default: all hardware threads")->type_name("UINT");
  const std::string group = "World";
  const std::vector<std::string> on_off{"on", "off"};
  OneOf(app.add_option("--frame-loss", a->frame_loss, "The camera drops out for some steps"), on_off)
      ->group(group)
      ->capture_default_str();
  OneOf(app.add_option("--noise", a->noise, "Gain errors, actuator noise, camera vibration"), on_off)
      ->group(group)
      ->capture_default_str();
  OneOf(app.add_option("--dynamics", a->dynamics, "Mass, lag and dead time of the base"), on_off)
      ->group(group)
      ->capture_default_str();
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  return [a, &context]() -> Status { return Record(*a, context); };
}

}  // namespace vlaq::cli

// Faults of the world around `vlaq robot`, and of its processes.
#include <fmt/format.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill

#include <cmath>
#include <memory>
#include <random>
#include <thread>

#include "subject.h"
#include "trial.h"
#include "world.h"

namespace vlaq::faults {
namespace {

struct Stage {
  World& world;
  Subject& subject;
  std::vector<std::jthread> burning = {};
};
using Act = std::function<void(Stage&)>;

struct Fault {
  Row row;
  Act inject, mend = [](Stage&) {};
  Subject::Options options = {};
  bool deaf = false;      // the base hears nothing meanwhile: what it hears first afterwards counts
  std::string says = {};  // what the program must have said in the end
};

constexpr milliseconds kBegins{40'000}, kGivesUp{2'000}, kQuiet{300}, kGoesOn{1'000};

bool StartDriving(World& world, const std::vector<std::string>& words, milliseconds longest) {
  for (const auto deadline = Clock::now() + longest; Clock::now() < deadline;) {
    for (const std::string& word : words) world.Say(word);
    const auto told = Clock::now();
    if (world.Await(true, told, told + milliseconds(150))) return true;
  }
  return false;
}

double MsBetween(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

void WatchStop(const Fault& fault, Stage& stage, Clock::time_point since, Trial& trial) {
  World& world = stage.world;
  if (fault.deaf) {
    std::this_thread::sleep_for(milliseconds(300));
    const auto again = Clock::now();
    fault.mend(stage);
    std::this_thread::sleep_for(kQuiet);
    const auto heard = world.Since(again);
    trial.stopped = !heard.empty() && !heard.front().moves;
    return;
  }
  const bool may_go_on = fault.row.expected != Expected::kStops;
  const auto zero = world.Await(false, since, since + (may_go_on ? kGoesOn : kGivesUp));
  trial.stopped = zero.has_value();
  if (zero) trial.stopped_ms = MsBetween(since, zero->at);
}

// Whether anything moved after the stop though nobody said so, and whether it does once the operator says so.
void WatchResume(const Fault& fault, Stage& stage, Clock::time_point since, Trial& trial) {
  World& world = stage.world;
  const auto stop = std::isnan(trial.stopped_ms)
                        ? Clock::now()
                        : since + std::chrono::microseconds(std::llround(1000 * trial.stopped_ms));
  if (!fault.deaf) {
    std::this_thread::sleep_for(milliseconds(100));
    fault.mend(stage);
    std::this_thread::sleep_for(kQuiet);
  }
  trial.moved_by_itself = world.Await(true, stop, Clock::now()).has_value();
  const bool estop = fault.row.state == "ESTOP";
  // Only `reset` leads out of ESTOP.
  if (estop && StartDriving(world, {"resume"}, milliseconds(200))) trial.problem = "resume alone led out of ESTOP";
  trial.runs_again = StartDriving(
      world, estop ? std::vector<std::string>{"reset", "resume"} : std::vector<std::string>{"resume"}, kBegins);
}

void WatchEnd(Stage& stage, Clock::time_point since, Trial& trial) {
  if (!stage.subject.AwaitEnd(5)) trial.problem = "the program did not end";
  std::this_thread::sleep_for(milliseconds(50));
  const auto heard = stage.world.Since(since);
  if (heard.empty() || heard.back().moves) trial.problem = "the last command moves";
}

Trial TryOnce(const Fault& fault, Stage& stage, int seed) {
  World& world = stage.world;
  Trial trial;
  // A busy machine may have it in HOLD before its first move.
  if (!StartDriving(world, {"resume"}, kBegins)) {
    trial.problem = "it did not drive: " + stage.subject.said();
    return trial;
  }
  // At any time of the periods of camera, inference and tick.
  std::minstd_rand random(static_cast<unsigned>(seed));
  std::this_thread::sleep_for(std::chrono::microseconds(100'000 + random() % 100'000));
  const auto since = Clock::now();
  fault.inject(stage);
  WatchStop(fault, stage, since, trial);
  if (fault.row.ends) {
    WatchEnd(stage, since, trial);
  } else if (trial.stopped) {
    WatchResume(fault, stage, since, trial);
  } else {
    fault.mend(stage);
    trial.stopped = !StartDriving(world, {}, kGoesOn);
    trial.runs_again = !trial.stopped || StartDriving(world, {"resume"}, kBegins);
  }
  return trial;
}

Result<std::vector<Trial>> TryAll(const Fault& fault, int trials, const std::string& vlaq, const std::string& folder,
                                  int domain) {
  VLAQ_ASSIGN_OR_RETURN(auto world, World::Open(domain));
  std::vector<Trial> done;
  std::unique_ptr<Subject> subject;
  for (int i = 0; i < trials; ++i) {
    if (subject == nullptr || fault.row.ends) {
      subject.reset();
      VLAQ_ASSIGN_OR_RETURN(subject, Subject::Start(vlaq, folder, domain, fault.options));
    }
    Stage stage{*world, *subject};
    done.push_back(TryOnce(fault, stage, i + 1));
    if (!done.back().problem.empty()) break;
  }
  if (fault.says.empty() || done.empty()) return done;
  kill(subject->pid(), SIGTERM);
  subject->AwaitEnd(20);
  if (subject->said().find(fault.says) == std::string::npos) done.back().problem = "it did not say: " + fault.says;
  return done;
}

Act Set(std::atomic<bool> CameraFaults::*member, bool value) {
  return [member, value](Stage& stage) { stage.world.camera.*member = value; };
}
// A camera that is wrong in a way that stops the robot when it has lasted (SAFE-03).
Fault CameraFault(const std::string& name, const std::string& injected, std::atomic<bool> CameraFaults::*member,
                  bool slow = false) {
  return {.row = {.name = name, .injected = injected, .limit_ms = kObservationAgeMs + kCommandTimeoutMs, .slow = slow},
          .inject = Set(member, true),
          .mend = Set(member, false)};
}

std::vector<Fault> CameraFaultsAll() {
  constexpr int64_t kHour = int64_t{3600} * 1'000'000'000;
  return {
      CameraFault("camera_stalls", "no pictures", &CameraFaults::stalls),
      CameraFault("camera_frozen", "the same bytes again and again", &CameraFaults::frozen),
      CameraFault("camera_black", "black pictures", &CameraFaults::black, true),
      CameraFault("camera_resized", "pictures of another size", &CameraFaults::resized, true),
      CameraFault("stamps_backwards", "each stamp before the last", &CameraFaults::backwards),
      {.row = {.name = "camera_fast", .injected = "200 pictures a second", .expected = Expected::kGoesOn},
       .inject = [](Stage& stage) { stage.world.camera.rate_hz = 200; },
       .mend = [](Stage& stage) { stage.world.camera.rate_hz = 20; }},
      {.row = {.name = "camera_clock", .injected = "its clock steps back by an hour", .expected = Expected::kEither},
       .inject = [](Stage& stage) { stage.world.camera.clock_offset_ns -= kHour; }},
      {.row = {.name = "malformed",
               .injected = "1,000 messages a second that are no picture, beside the pictures",
               .expected = Expected::kEither},
       .inject = Set(&CameraFaults::malformed, true),
       .mend = Set(&CameraFaults::malformed, false),
       .says = "messages dropped: not of type"},
  };
}

void SignalWorker(Stage& stage, int signal) {
  // 0 would be this process group, -1 every process.
  if (const int pid = stage.subject.worker(); pid > 1) kill(pid, signal);
}

std::vector<Fault> ProcessFaults(const std::string& folder) {
  const auto ends = [](const char* name, int signal, bool slow) {
    return Fault{.row = {.name = name,
                         .injected = fmt::format("{} to vlaq robot", name),
                         .state = "ended",
                         .slow = slow,
                         .ends = true},
                 .inject = [signal](Stage& stage) { kill(stage.subject.pid(), signal); }};
  };
  const auto burn = [](Stage& stage) {
    for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i) {
      stage.burning.emplace_back([](const std::stop_token& token) {
        while (!token.stop_requested()) {
        }
      });
    }
  };
  return {
      {.row = {.name = "worker_killed",
               .injected = "SIGKILL to the inference process",
               .limit_ms = kNextInferenceMs,
               .slow = true},
       .inject = [](Stage& stage) { SignalWorker(stage, SIGKILL); }},
      {.row = {.name = "worker_stopped",
               .injected = "SIGSTOP to the inference process, later SIGCONT",
               .limit_ms = kNextInferenceMs + kInferenceTimeoutMs,
               .slow = true},
       .inject = [](Stage& stage) { SignalWorker(stage, SIGSTOP); },
       .mend = [](Stage& stage) { SignalWorker(stage, SIGCONT); }},
      ends("SIGTERM", SIGTERM, false),
      ends("SIGINT", SIGINT, true),
      {.row = {.name = "disk_full",
               .injected = "the recording cannot grow beyond 128 KiB",
               .expected = Expected::kGoesOn,
               .slow = true},
       .inject = [](Stage&) { std::this_thread::sleep_for(milliseconds(500)); },
       .options = {.more = {"--record", folder + "/full.mcap", "--force"}, .largest_file_kib = 128},
       .says = "nothing more is recorded"},
      {.row = {.name = "cpu_load", .injected = "two busy threads a core", .expected = Expected::kEither, .slow = true},
       .inject = burn,
       .mend = [](Stage& stage) { stage.burning.clear(); }},
      {.row = {.name = "cpu_load_and_stop",
               .injected = "the operator's stop under that load",
               .state = "ESTOP",
               .slow = true},
       .inject =
           [burn](Stage& stage) {
             burn(stage);
             stage.world.Say("stop");
           },
       .mend = [](Stage& stage) { stage.burning.clear(); }},
  };
}

std::vector<Fault> PeerFaults() {
  const auto set_operator = [](bool there) {
    return [there](Stage& stage) { static_cast<void>(stage.world.SetOperator(there)); };
  };
  const auto set_base = [](bool there) {
    return [there](Stage& stage) { static_cast<void>(stage.world.SetBase(there)); };
  };
  return {
      {.row = {.name = "operator_stop", .injected = "the operator's stop", .state = "ESTOP"},
       .inject = [](Stage& stage) { stage.world.Say("stop"); }},
      {.row = {.name = "operator_gone", .injected = "the operator's publisher ends", .state = "ESTOP"},
       .inject = set_operator(false),
       .mend = set_operator(true)},
      // The next reading is due within a period of the sensor, 50 ms.
      {.row = {.name = "range_near", .injected = "an obstacle at 0.15 m", .limit_ms = 50},
       .inject = [](Stage& stage) { stage.world.range_m = 0.15F; },
       .mend = [](Stage& stage) { stage.world.range_m = 2; }},
      {.row = {.name = "range_silent", .injected = "no range readings", .limit_ms = kRangeTimeoutMs},
       .inject = [](Stage& stage) { stage.world.range_silent = true; },
       .mend = [](Stage& stage) { stage.world.range_silent = false; }},
      {.row = {.name = "base_gone", .injected = "nobody takes the commands for 300 ms", .limit_ms = 300},
       .inject = set_base(false),
       .mend = set_base(true),
       .deaf = true},
  };
}

}  // namespace

std::vector<RunnableRow> ProgramRows(const std::string& vlaq, const std::string& folder, int domain) {
  std::vector<Fault> faults = CameraFaultsAll();
  for (auto more : {PeerFaults(), ProcessFaults(folder)}) faults.insert(faults.end(), more.begin(), more.end());
  std::vector<RunnableRow> rows;
  for (const Fault& fault : faults) {
    rows.push_back({fault.row, [=](const Row&, int trials) { return TryAll(fault, trials, vlaq, folder, domain); }});
  }
  return rows;
}

}  // namespace vlaq::faults

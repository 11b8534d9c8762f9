#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "base/interrupt.h"
#include "base/json.h"
#include "base/run_program.h"
#include "cli/drive_files.h"
#include "cli/operator_desk.h"
#include "cli/robot_arguments.h"
#include "robot/clock.h"
#include "robot/episodes/episode_robot.h"
#include "robot/record/recording.h"
#include "robot/ros2/ros2_robot.h"
#include "robot/sim/sim_robot.h"
#include "robot/worker/worker.h"
#include "robot/worker/worker_inference.h"

namespace vlaq::cli {
namespace {

using robot::Inference;
using robot::Robot;
using robot::Time;

Result<std::unique_ptr<Inference>> OpenPolicy(const RobotArguments& a) {
  PolicyOptions options = a.backend.ForPolicy();
  options.schedule = a.schedule;
  options.tokenizer = a.tokenizer;
  VLAQ_ASSIGN_OR_RETURN(Policy policy, Policy::Open(a.bundle, options));
  return robot::InferenceOf(std::move(policy));
}

// The command line of the process that computes.
std::string WorkerCommand(const RobotArguments& a) {
  std::error_code ignored;
  std::vector<std::string> words{std::filesystem::read_symlink("/proc/self/exe", ignored).string(), "robot",
                                 a.bundle.string(), "--worker"};
  if (!a.schedule.empty()) words.insert(words.end(), {"--schedule", a.schedule});
  if (!a.tokenizer.empty()) words.insert(words.end(), {"--tokenizer", a.tokenizer.string()});
  // CommandLine() leaves it out: `vlaq bench` says it in another way.
  if (a.backend.threads > 0) words.insert(words.end(), {"--threads", std::to_string(a.backend.threads)});
  return "exec " + ShellLine(words) + a.backend.CommandLine();
}

// By the clock inference gets a process of its own: it may hang or crash, and the control loop goes on.
bool RunsByTheClock(const RobotArguments& a) { return a.ros2 || a.real_time; }

Result<std::unique_ptr<Inference>> MakeInference(const RobotArguments& a, const robot::Settings& settings, Log& log) {
  if (a.in_process || !RunsByTheClock(a)) return OpenPolicy(a);
  const double hangs_s = robot::ToSeconds(settings.inference_timeout());
  return robot::worker::StartWorker({.command = WorkerCommand(a), .abandon_s = 2 * hangs_s}, log);
}

Result<ros2::Discovery> DiscoveryOf(const RobotArguments& a) {
  VLAQ_ASSIGN_OR_RETURN(ros2::Discovery discovery, ros2::DiscoveryFromEnvironment([](const char* name) -> const char* {
                          return std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
                        }));
  if (a.domain) discovery.domain = *a.domain;
  if (a.localhost_only) discovery.range = ros2::DiscoveryRange::kLocalhost;
  discovery.static_peers.insert(discovery.static_peers.end(), a.peers.begin(), a.peers.end());
  VLAQ_RETURN_IF_ERROR(ros2::CheckDiscovery(discovery));
  return discovery;
}

Result<ros2::NodeOptions> NodeOf(const RobotArguments& a) {
  ros2::NodeOptions node;
  VLAQ_ASSIGN_OR_RETURN(node.discovery, DiscoveryOf(a));
  node.names.name_space = a.name_space;
  for (const std::string& rule : a.remap) {
    VLAQ_ASSIGN_OR_RETURN(node.names.remappings.emplace_back(), ros2::ParseRemapping(rule));
  }
  return node;
}

// All that a drive needs but the robot.
struct RobotDrive {
  const RobotArguments& a;
  PolicyFeatures policy;
  robot::RobotFile file;
  std::unique_ptr<Inference> inference;
  std::unique_ptr<robot::record::Recording> recording;
  robot::Journals journals = {};
  std::atomic<bool> stop = false;
  std::unique_ptr<OperatorDesk> desk;
};

Result<robot::RobotFile> SettingsOf(const RobotArguments& a, const PolicyFeatures& policy) {
  if (!a.settings.empty()) return robot::ReadRobotFile(a.settings);
  robot::RobotFile file;
  if (a.sim) {
    VLAQ_ASSIGN_OR_RETURN(file.settings, robot::sim::SimSettings(policy));
    return file;
  }
  VLAQ_ASSIGN_OR_RETURN(file.settings, robot::ProposeSettings(policy));
  file.ros2 = robot::ros2::WiringText(robot::ros2::ProposeWiring(file.settings, policy));
  return file;
}

Status StartRecording(RobotDrive& drive, Log& log) {
  const RobotArguments& a = drive.a;
  if (a.record.empty()) return {};
  VLAQ_ASSIGN_OR_RETURN(const robot::ActionMap map,
                        robot::ActionMap::Make(drive.file.settings.axes, drive.policy.outputs.front()));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t offset = RunsByTheClock(a) ? std::chrono::nanoseconds(now).count() - robot::MonotonicNow() : 0;
  VLAQ_ASSIGN_OR_RETURN(drive.recording, robot::record::Recording::Create(
                                             a.record, drive.file.settings, map.max_steps(),
                                             {.existing = WhenExisting(a.force),
                                              .images = !a.no_images,
                                              .clock_offset = offset,
                                              .about = {{"bundle", a.bundle.string()}, {"schedule", a.schedule}}},
                                             log));
  drive.journals.Add(drive.recording.get());
  return {};
}

robot::LoopOptions LoopOptionsOf(const RobotArguments& a, const std::string& task) {
  robot::LoopOptions options{.arm = !a.wait_for_operator, .real_time = a.real_time_options, .task = task};
  if (a.duration_s > 0) options.duration = std::llround(a.duration_s * static_cast<double>(robot::kSecond));
  return options;
}

Result<robot::LoopSummary> RunLoop(RobotDrive& drive, Robot& robot, const std::string& task) {
  VLAQ_ASSIGN_OR_RETURN(auto loop,
                        robot::Loop::Make(drive.file.settings, drive.policy.outputs.front(), *drive.inference, robot,
                                          drive.journals.empty() ? nullptr : &drive.journals));
  robot::LoopOptions options = LoopOptionsOf(drive.a, task);
  options.orders = &drive.desk->orders();
  return RunsByTheClock(drive.a) ? loop->RunInRealTime(options, drive.stop) : loop->RunInSimulatedTime(options);
}

Result<std::vector<Driven>> DriveRos2(RobotDrive& drive, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(
      const robot::ros2::Wiring wiring,
      robot::ros2::ReadWiring(drive.file.ros2, drive.a.settings.string() + ": ros2", drive.file.settings));
  robot::ros2::Ros2Options options;
  options.armed = drive.a.arm;
  options.priority = drive.a.real_time_options.priority_of_others();
  VLAQ_ASSIGN_OR_RETURN(options.node, NodeOf(drive.a));
  VLAQ_ASSIGN_OR_RETURN(auto robot, robot::ros2::OpenRos2Robot(wiring, drive.file.settings, options, context.log));
  if (!drive.a.arm)
    context.log.Note("dry run: commands go to /vlaq/shadow" + wiring.commands + "; --arm moves the robot");
  VLAQ_ASSIGN_OR_RETURN(auto summary, RunLoop(drive, *robot, drive.a.instruction));
  return std::vector<Driven>{{"", std::nullopt, std::move(summary)}};
}

Status WriteStrips(const RobotArguments& a, const robot::sim::Episode& episode) {
  VLAQ_ASSIGN_OR_RETURN(OutputFolder folder, OutputFolder::Into(a.strips, WhenExisting(a.force)));
  const auto written = WriteDrive(folder.path(), episode.trace, a.bundle.string() + ", through ROS 2 topics");
  return written.ok() ? folder.Commit() : Status(written.error());
}

Result<std::vector<Driven>> DriveSim(RobotDrive& drive, Context& context) {
  robot::sim::SimOptions options;
  options.real_time = drive.a.real_time;
  VLAQ_ASSIGN_OR_RETURN(options.world, drive.a.world.Options());
  options.discovery.domain = drive.a.domain.value_or(0);
  VLAQ_ASSIGN_OR_RETURN(auto robot, robot::sim::SimRobot::Open(drive.file.settings, options, SilentLog()));
  std::vector<Driven> drives;
  for (uint64_t i = 0; i < drive.a.rollouts && !drive.stop; ++i) {
    const uint64_t seed = drive.a.seed + i;
    VLAQ_RETURN_IF_ERROR(robot->Begin(seed));
    VLAQ_ASSIGN_OR_RETURN(auto summary, RunLoop(drive, *robot, drive.a.instruction));
    VLAQ_ASSIGN_OR_RETURN(const robot::sim::Episode episode, robot->End());
    if (!drive.a.strips.empty()) VLAQ_RETURN_IF_ERROR(WriteStrips(drive.a, episode));
    drives.push_back({std::to_string(seed), episode.succeeded, std::move(summary)});
    context.log.Progress("episodes", i + 1, drive.a.rollouts);
  }
  return drives;
}

Result<std::vector<Driven>> DriveEpisodes(RobotDrive& drive, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const data::EpisodeSet set, drive.a.episodes.Open(context.log));
  std::vector<Driven> drives;
  for (size_t i = 0; i < set.size() && !drive.stop; ++i) {
    VLAQ_ASSIGN_OR_RETURN(auto episode, set.OpenEpisode(i));
    const std::string task = drive.a.instruction.empty() ? episode->task() : drive.a.instruction;
    const Time period = robot::FromMs(drive.policy.control_period_s * 1000);
    VLAQ_ASSIGN_OR_RETURN(auto robot, robot::episodes::PlayEpisode(std::move(episode), drive.file.settings,
                                                                   {.real_time = drive.a.real_time, .period = period}));
    VLAQ_ASSIGN_OR_RETURN(auto summary, RunLoop(drive, *robot, task));
    drives.push_back({set.name(i), std::nullopt, std::move(summary)});
    context.log.Progress("episodes", i + 1, set.size());
  }
  return drives;
}

Status ParseProcessors(const std::string& text, std::vector<int>& processors) {
  if (text.empty()) return {};
  VLAQ_ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, ParseIds(text, "--cpus"));
  for (const int64_t number : numbers) processors.push_back(static_cast<int>(std::clamp<int64_t>(number, -1, 1 << 20)));
  return {};
}

}  // namespace

Status AnswerAsWorker(const RobotArguments& a) {
  auto inference = OpenPolicy(a);
  return robot::worker::Answer(STDIN_FILENO, STDOUT_FILENO, inference.ok() ? inference->get() : nullptr,
                               inference.ok() ? Status() : Status(inference.error()));
}

Status DriveRobot(const RobotArguments& given, Context& context) {
  RobotArguments a = given;
  VLAQ_RETURN_IF_ERROR(ParseProcessors(a.processors, a.real_time_options.processors));
  VLAQ_ASSIGN_OR_RETURN(PolicyFeatures policy, ReadFeatures(a.bundle));
  VLAQ_ASSIGN_OR_RETURN(robot::RobotFile file, SettingsOf(a, policy));
  if (a.episodes.given() && a.settings.empty()) robot::AllowRepeats(file.settings);
  if (a.ros2 && a.arm && a.settings.empty()) {
    return UsageError("--arm drives a real robot, and nobody has said how",
                      "vlaq robot BUNDLE --propose > robot.json; look through it, then --settings robot.json");
  }
  RobotDrive drive{.a = a,
                   .policy = std::move(policy),
                   .file = std::move(file),
                   .inference = nullptr,
                   .recording = nullptr,
                   .desk = nullptr};
  VLAQ_ASSIGN_OR_RETURN(drive.inference, MakeInference(a, drive.file.settings, context.log));
  VLAQ_RETURN_IF_ERROR(StartRecording(drive, context.log));
  VLAQ_ASSIGN_OR_RETURN(drive.desk, OperatorDesk::Open(a, drive.file.settings, drive.stop, context.log));
  if (drive.desk->journal() != nullptr) drive.journals.Add(drive.desk->journal());
  const WhenInterrupted interrupted([&drive] { drive.stop = true; });
  auto drives = a.ros2 ? DriveRos2(drive, context) : a.sim ? DriveSim(drive, context) : DriveEpisodes(drive, context);
  // What was recorded is kept, whatever ended the drive.
  Status recorded = drive.recording == nullptr ? Status() : drive.recording->Close();
  if (!drives.ok()) return drives.error();
  PrintDrives(a, drive.file.settings, *drives, recorded.ok(), context);
  return recorded;
}

Status ReplayRobot(const RobotArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const PolicyFeatures policy, ReadFeatures(a.bundle));
  VLAQ_ASSIGN_OR_RETURN(const auto inference, OpenPolicy(a));
  VLAQ_ASSIGN_OR_RETURN(const auto result, robot::record::Replay(a.replay, inference.get(), &policy.outputs.front()));
  PrintReplay(a, result, context);
  if (result.different_ticks == 0 && result.different_steps == 0) return {};
  return Error{
      ErrorCode::kVerification, "the replay differs from the recording: " + result.first_difference, a.replay.string(),
      "another bundle, library or machine computes other actions; `vlaq verify` says how far bundles are apart"};
}

}  // namespace vlaq::cli

#include "cli/commands.h"
#include "cli/robot_arguments.h"
#include "robot/ros2/wiring.h"

namespace vlaq::cli {
namespace {

// A robot.json that fits the bundle, to be looked through and changed.
Status ProposeRobotFile(const RobotArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const PolicyFeatures policy, ReadFeatures(a.bundle));
  VLAQ_ASSIGN_OR_RETURN(const robot::Settings settings, robot::ProposeSettings(policy));
  context.out << robot::RobotFileText(
      {settings, robot::ros2::WiringText(robot::ros2::ProposeWiring(settings, policy))});
  return {};
}

Status RunRobot(const RobotArguments& a, Context& context) {
  VLAQ_RETURN_IF_ERROR(a.backend.Check());
  if (a.worker) return AnswerAsWorker(a);
  const int ways = int{a.ros2} + int{a.sim} + int{a.propose} + int{a.episodes.given()} + int{!a.replay.empty()};
  if (ways != 1) {
    return UsageError(ways == 0 ? "nothing says what is to be driven" : "there are two things to be driven",
                      "give one of --ros2, --sim, --episodes DIR, --replay FILE.mcap, or --propose");
  }
  if (a.propose) return ProposeRobotFile(a, context);
  if (!a.replay.empty()) return ReplayRobot(a, context);
  return DriveRobot(a, context);
}

void AddDriveOptions(CLI::App& app, RobotArguments& a) {
  const std::string group = "Drive";
  app.add_option("--settings", a.settings,
                 "How the robot is driven: times, limits, topics; default: what --propose writes")
      ->type_name("robot.json")
      ->group(group);
  app.add_flag("--arm", a.arm, "Command the real robot; else commands go to /vlaq/shadow/... only")->group(group);
  app.add_flag("--wait-for-operator", a.wait_for_operator,
               "Begin only when the operator says arm; else as soon as it is ready")
      ->group(group);
  app.add_option("--instruction", a.instruction,
                 "What the policy is told; default: the task's topic, the episode's, the bundle's own")
      ->group(group);
  AsTime(app.add_option("--duration", a.duration_s, "End after this time; default: by Ctrl-C, or with the episode")
             ->group(group));
  app.add_option("--record", a.record, "Record every tick, observation and chunk")
      ->type_name("FILE.mcap")
      ->group(group);
  app.add_flag("--no-images", a.no_images, "Leave pictures out of the recording; the policy cannot be replayed then")
      ->group(group);
  app.add_flag("--real-time", a.real_time, "With --sim and --episodes: by the clock, not as fast as it goes")
      ->group(group);
}

void AddRos2Options(CLI::App& app, RobotArguments& a) {
  const std::string group = "ROS 2";
  app.add_option("-r,--remap", a.remap, "Another name for a topic")->type_name("OLD:=NEW")->group(group);
  app.add_option("--namespace", a.name_space, "In which relative names lie")
      ->type_name("/NAME")
      ->capture_default_str()
      ->group(group);
  app.add_option("--domain", a.domain, "Domain; default: ROS_DOMAIN_ID, or 0")->type_name("0..232")->group(group);
  app.add_flag("--localhost-only", a.localhost_only, "This machine only, as ROS_LOCALHOST_ONLY=1")->group(group);
  app.add_option("--peer", a.peers, "Further machines to look for, as ROS_STATIC_PEERS")
      ->type_name("ADDRESS")
      ->group(group);
}

void AddRealTimeOptions(CLI::App& app, RobotArguments& a) {
  const std::string group = "On time";
  app.add_option("--priority", a.real_time_options.priority,
                 "SCHED_FIFO priority of the control tick, 1 to 99; 0: none")
      ->capture_default_str()
      ->group(group);
  app.add_option("--cpus", a.processors, "Processors that the control tick may use")
      ->type_name("N,N,...")
      ->group(group);
  app.add_flag("--lock-memory", a.real_time_options.lock_memory, "Keep all memory from being paged out (mlockall)")
      ->group(group);
}

}  // namespace

Action AddRobot(CLI::App& app, Context& context) {
  auto a = std::make_shared<RobotArguments>();
  a->seed = 5'000'000;  // far from the seeds that policies were trained on
  app.add_option("bundle", a->bundle, "The bundle that drives")->required();
  const std::string group = "What is driven";
  app.add_flag("--ros2", a->ros2, "A robot on ROS 2 topics")->group(group);
  app.add_flag("--sim", a->sim, "The simulated base, through ROS 2 topics on this machine")->group(group);
  auto* episodes = a->episodes.AddTo(app, "Recorded observations as if they were live; commands lead nowhere", group);
  a->episodes.AddSkipBadTo(app, episodes, group);
  app.add_option("--replay", a->replay, "A recording: the same commands and actions from it again")
      ->type_name("FILE.mcap")
      ->group(group);
  app.add_flag("--propose", a->propose, "Nothing: print a robot.json for this bundle, to be looked through")
      ->group(group);
  AddDriveOptions(app, *a);
  AddRos2Options(app, *a);
  const std::string sim = "Simulator";
  app.add_option("--rollouts", a->rollouts, "Episodes to drive")->type_name("UINT")->capture_default_str()->group(sim);
  app.add_option("--seed", a->seed, "Seed of the first episode")->type_name("UINT")->capture_default_str()->group(sim);
  app.add_option("--strips", a->strips,
                 "Into this folder, for vlaq report: what the camera saw, and the way from above")
      ->type_name("DIR")
      ->group(sim);
  a->world.AddTo(app);
  AddRealTimeOptions(app, *a);
  const std::string page = "Page";
  app.add_flag("--ui", a->page, "Serve a page that shows camera, command and state, with a stop button")->group(page);
  a->listen.AddTo(app, a->server, page);
  app.add_flag("--in-process", a->in_process,
               "Compute in this process; a crash of the policy's library then ends the loop, too");
  app.add_option("--schedule", a->schedule, "Schedule of the policy to run; default: the one that policy.json names")
      ->type_name("NAME");
  app.add_option("--tokenizer", a->tokenizer, "SentencePiece model; default: the bundle's own")->type_name("FILE");
  app.add_flag("--worker", a->worker)->group("");
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  app.footer(
      "Examples:\n"
      "  vlaq robot policy --sim --rollouts 20\n"
      "  vlaq robot policy --propose > robot.json\n"
      "  vlaq robot policy --ros2 --settings robot.json --record dry.mcap\n"
      "  vlaq robot policy --ros2 --settings robot.json --arm --record drive.mcap --priority 80 --lock-memory\n"
      "  vlaq robot policy --replay drive.mcap\n"
      "Keys in a terminal: space stops, r resets and resumes, a arms, d disarms, q ends.\n"
      "docs/robot.md has states, safety rules, topics and settings.");
  return [a, &context] { return RunRobot(*a, context); };
}

}  // namespace vlaq::cli

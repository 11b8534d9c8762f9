// What `vlaq robot` was asked, and the parts that it is made of. Private to the command.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "cli/command.h"
#include "cli/episode_choice.h"
#include "cli/listen_arguments.h"
#include "cli/world_choice.h"
#include "robot/loop.h"
#include "robot/record/replay.h"
#include "robot/robot_file.h"

namespace vlaq::cli {

struct RobotArguments {
  std::filesystem::path bundle, settings, record, replay, tokenizer, strips;
  bool ros2 = false, sim = false, propose = false, worker = false;
  bool arm = false, wait_for_operator = false, real_time = false, in_process = false;
  bool no_images = false, force = false, json = false;
  std::string instruction, schedule, name_space = "/";
  double duration_s = 0;
  std::vector<std::string> remap, peers;
  std::optional<int> domain;
  bool localhost_only = false;
  uint64_t rollouts = 1, seed = 0;
  robot::RealTimeOptions real_time_options;
  std::string processors;
  bool page = false;
  serve::ServerOptions server;
  ListenArguments listen;
  EpisodeChoice episodes;
  WorldChoice world;
  BackendChoice backend;
};

// How one drive ended.
struct Driven {
  std::string name;  // of the episode: a seed, a file; empty: there is one only
  std::optional<bool> succeeded;
  robot::LoopSummary summary;
};

Status DriveRobot(const RobotArguments& a, Context& context);
Status ReplayRobot(const RobotArguments& a, Context& context);
// The process that computes for another `vlaq robot` (robot/worker).
Status AnswerAsWorker(const RobotArguments& a);

// robot_text.cc: what is printed.
void PrintDrives(const RobotArguments& a, const robot::Settings& settings, const std::vector<Driven>& drives,
                 bool recorded, Context& context);
void PrintReplay(const RobotArguments& a, const robot::record::ReplayResult& result, Context& context);

}  // namespace vlaq::cli

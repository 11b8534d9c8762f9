// What `vlaq eval` was asked, and its two halves: on recorded episodes, and driving in the simulator.
#pragma once

#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "cli/episode_choice.h"
#include "cli/policy_choice.h"
#include "cli/verb.h"
#include "cli/world_choice.h"
#include "evaluation/open_loop_evaluation.h"
#include "evaluation/sim_evaluation.h"

namespace vlaq::cli {

struct EvalArguments {
  std::filesystem::path bundle, against, output;
  PolicyFiles files;
  std::string against_driver, episodes, shard = "0/1";
  std::vector<std::string> conditions{"normal"};  // names, or "all"
  uint64_t seed = 5'000'000;
  bool sim = false;
  bool expert = false;
  EpisodeChoice recorded;  // place: `episodes`, without --sim
  bool force = false;
  bool json = false;
  WorldChoice world;
  BackendChoice backend;
};

// The conditions asked for; "all" stands for every one that means something to the family. Errors: kUsage for one that
// does not.
Result<std::vector<evaluation::Condition>> ConditionsOf(const EvalArguments& arguments, const families::Traits& traits,
                                                        Log& log);

Result<evaluation::SimEvaluation> EvaluateInSimulation(const EvalArguments& arguments, Log& log);
Result<evaluation::OpenLoopEvaluation> EvaluateOpenLoop(const EvalArguments& arguments, Log& log);

}  // namespace vlaq::cli

// What `vlaq eval` was asked, and its two halves: on recorded episodes, and driving in the simulator.
#pragma once

#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "cli/command.h"
#include "cli/episode_choice.h"
#include "cli/policy_choice.h"
#include "cli/world_choice.h"
#include "evaluate/open_loop_evaluation.h"
#include "evaluate/sim_evaluation.h"

namespace vlaq::cli {

struct EvalArguments {
  std::filesystem::path bundle, reference, output;
  PolicyFiles files;
  std::string reference_program, shard = "0/1";
  std::vector<std::string> ablations{"none"};  // names, or "all"
  uint64_t seed = 5'000'000;
  bool expert = false;
  EpisodeChoice recorded;  // open loop
  uint64_t rollouts = 0;   // closed loop; 0: none
  bool force = false;
  bool json = false;
  WorldChoice world;
  BackendChoice backend;
};

// The ablations asked for; "all" stands for every one that means something to the family. Errors: kUsage for one that
// does not.
Result<std::vector<evaluate::Ablation>> AblationsOf(const EvalArguments& arguments, const families::Traits& traits,
                                                    Log& log);

Result<evaluate::SimEvaluation> EvaluateInSimulation(const EvalArguments& arguments, Log& log);
Result<evaluate::OpenLoopEvaluation> EvaluateOpenLoop(const EvalArguments& arguments, Log& log);

}  // namespace vlaq::cli

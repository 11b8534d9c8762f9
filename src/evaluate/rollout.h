// Closed loop in the simulator (of any environment: closed_loop.h): a policy in its world, seed by seed.
//
// In scope: what happened in each episode, with the simulator's own facts. Not aware of: success rates and tests over
// many of them (summary.h). Results are in the order of the seeds and the same for any number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "evaluate/ablation.h"
#include "evaluate/policy_under_test.h"
#include "sim/world.h"

namespace vlaq::evaluate {

// One episode.
struct Outcome {
  uint64_t seed = 0;
  std::string layout;
  sim::Side told = sim::Side::kLeft;      // by the instruction as the policy heard it
  std::optional<sim::Side> first_passed;  // on which side the first box was passed
  bool succeeded = false;                 // reached the bottle, every box passed on the told side, no collision
  bool reached = false;                   // the bottle, on whatever side
  bool collided = false;
  bool timed_out = false;
  int steps = 0;
  double path_length = 0;  // m
};

inline constexpr uint64_t kMaxEpisodes = 1'000'000;  // of one evaluation

struct RolloutOptions {
  uint64_t first_seed = 0;
  uint64_t episodes = 1;
  // Only the seeds first_seed + k with k % shards == shard.
  uint64_t shard = 0, shards = 1;
  Ablation ablation = Ablation::kNone;
  sim::WorldOptions world;
  int threads = 1;  // episodes at a time
};

// Errors: those of the world and the policies; kUsage if the policy's actions are no velocities.
Result<std::vector<Outcome>> RollOut(const PolicyFactory& policies, const RolloutOptions& options, Log& log);

// The same for the scripted expert, who sees the true state; ablations kNormal and kSwapped only.
Result<std::vector<Outcome>> RollOutExpert(const RolloutOptions& options, Log& log);

}  // namespace vlaq::evaluate

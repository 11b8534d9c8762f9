// Open loop: a policy is shown recorded episodes and says what it would have done.
//
// In scope: predictions and scores per episode, under ablations, on several threads. Results are in the order of the
// episodes and the same for any number of threads. Not aware of: where episodes lie, what is printed.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "data/episode_set.h"
#include "evaluate/ablation.h"
#include "evaluate/policy_under_test.h"
#include "evaluate/score.h"

namespace vlaq::evaluate {

struct EpisodeScore {
  std::string name;
  std::string hash;  // of its content
  std::string instruction;
  Score score;         // against what was recorded
  bool still = false;  // every frame got the very same answer (kNormal), of two frames and more
  Score moved;         // against the same policy under kNormal; steps 0 for kNormal itself
};

struct OpenLoopOptions {
  Ablation ablation = Ablation::kNone;
  int threads = 1;  // episodes at a time
};

struct AblationScores {
  Ablation ablation = Ablation::kNone;
  std::vector<EpisodeScore> episodes;
};

// Every episode under every one of `ablations`, in their order. Cheaper than one after the other: what the policy says
// as it is meant to be, which the rest is compared with, is asked once an episode. One policy for each thread.
// Errors: those of the policy and the episodes, naming the episode.
Result<std::vector<AblationScores>> ScoreAblations(const PolicyFactory& policies, const data::EpisodeSet& episodes,
                                                   const std::vector<Ablation>& ablations, int threads, Log& log);

// The same for one ablation.
Result<std::vector<EpisodeScore>> ScoreEpisodes(const PolicyFactory& policies, const data::EpisodeSet& episodes,
                                                const OpenLoopOptions& options, Log& log);

// What was done: float32 [steps, action_dim], the recorded values that are the space's. Errors: RecordedColumns().
Result<Tensor> RecordedActions(const ActionSpace& space, const data::Episode& episode);

Score Total(const std::vector<EpisodeScore>& episodes);

// What `policy` says at every step of `episode`: one [chunk, action_dim] a step. kShuffled shows the pictures in an
// order that follows from the episode's length alone; every other ablation is up to the policy (Under()).
Result<std::vector<Tensor>> Predict(PolicyUnderTest& tested, const data::Episode& episode, Ablation ablation);
// The same under `ablation` for a policy that is not wrapped yet.
Result<std::vector<Tensor>> Predict(std::unique_ptr<PolicyUnderTest> tested, const data::Episode& episode,
                                    Ablation ablation);

}  // namespace vlaq::evaluate

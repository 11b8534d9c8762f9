// Open loop: a driver is shown recorded episodes and says what it would have done.
//
// In scope: predictions and scores per episode, under conditions, on several threads. Results are in the order of the
// episodes and the same for any number of threads. Not aware of: where episodes lie, what is printed.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "episode/episode_set.h"
#include "evaluation/condition.h"
#include "evaluation/driver.h"
#include "evaluation/score.h"

namespace vlaq::evaluation {

struct EpisodeScore {
  std::string name;
  std::string hash;  // of its content
  std::string instruction;
  Score score;         // against what was recorded
  bool still = false;  // every frame got the very same answer (kNormal), of two frames and more
  Score moved;         // against the same driver under kNormal; steps 0 for kNormal itself
};

struct OpenLoopOptions {
  Condition condition = Condition::kNormal;
  int threads = 1;  // episodes at a time
};

struct ConditionScores {
  Condition condition = Condition::kNormal;
  std::vector<EpisodeScore> episodes;
};

// Every episode under every one of `conditions`, in their order. Cheaper than one after the other: what the driver says
// as it is meant to be, which the rest is compared with, is asked once an episode. One driver for each thread.
// Errors: those of the driver and the episodes, naming the episode.
Result<std::vector<ConditionScores>> ScoreConditions(const DriverFactory& drivers, const episode::EpisodeSet& episodes,
                                                     const std::vector<Condition>& conditions, int threads, Log& log);

// The same for one condition.
Result<std::vector<EpisodeScore>> ScoreEpisodes(const DriverFactory& drivers, const episode::EpisodeSet& episodes,
                                                const OpenLoopOptions& options, Log& log);

// What was done: float32 [steps, action_dim], the recorded values that are the space's. Errors: RecordedColumns().
Result<Tensor> RecordedActions(const ActionSpace& space, const episode::Episode& episode);

Score Total(const std::vector<EpisodeScore>& episodes);

// What `driver` says at every step of `episode`: one [chunk, action_dim] a step. kShuffled shows the pictures in an
// order that follows from the episode's length alone; every other condition is up to the driver (Under()).
Result<std::vector<Tensor>> Predict(Driver& driver, const episode::Episode& episode, Condition condition);
// The same under `condition` for a driver that is not wrapped yet.
Result<std::vector<Tensor>> Predict(std::unique_ptr<Driver> driver, const episode::Episode& episode,
                                    Condition condition);

}  // namespace vlaq::evaluation

// Policies that do not look, on recorded episodes: what a policy must beat to be worth anything. Not aware of:
// verdicts.
#pragma once

#include <vector>

#include "data/episode_set.h"
#include "evaluate/open_loop.h"

namespace vlaq::evaluate {

struct Baselines {
  std::vector<double> constant_action;  // one a value, in its unit
  // One constant action throughout: by value the median of all that was recorded, which has the least mean absolute
  // error of all constants. It is chosen with the answers in sight, so no policy without eyes does better.
  std::vector<EpisodeScore> constant;
  // What was recorded a step before; nothing (0) before the first step.
  std::vector<EpisodeScore> repeat;
};

// Scores of both, for actions as `space` has them, in the order of the episodes. No frame is read, and no hash made.
// Errors: those of opening the episodes.
Result<Baselines> ScoreBaselines(const ActionSpace& space, const data::EpisodeSet& episodes);

}  // namespace vlaq::evaluate

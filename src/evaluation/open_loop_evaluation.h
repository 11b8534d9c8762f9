// An open-loop evaluation as a document ("vlaq.eval/1", mode "open_loop"): how far a policy's actions are from those
// recorded, per axis, per episode, under conditions, and against a second policy. Plain data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "evaluation/bootstrap.h"
#include "evaluation/open_loop.h"
#include "evaluation/subject.h"

namespace vlaq::evaluation {

struct ConditionScores {
  Condition condition = Condition::kNormal;
  std::vector<EpisodeScore> episodes;
};

struct OpenLoopContestant {
  Subject subject;
  ActionSpace space;
  std::vector<ConditionScores> conditions;
};

struct OpenLoopEvaluation {
  OpenLoopContestant policy;
  std::optional<OpenLoopContestant> against;
  std::vector<std::string> skipped;  // files left out, with the reason
};

// Axes that an action of this space has: 1 to 3.
size_t AxesOf(const ActionSpace& space);

// The number that the first policy's training reported as its MAE (0.222): mean |a - a*| over normalised linear_x and
// linear_y, first action of each step.
double OriginalMae(const Score& score);

// Mean |a - a*| of `a` minus that of `b`, over the same episodes in the same order; resampled by episode.
Estimate MaeDifference(const OpenLoopContestant& a, const OpenLoopContestant& b, size_t condition);

// How far the actions of `condition` moved away from those of kNormal: mean over steps and axes, normalised.
Estimate Movement(const ActionSpace& space, const std::vector<EpisodeScore>& episodes);

Json ToJson(const OpenLoopEvaluation& evaluation);

}  // namespace vlaq::evaluation

// An open-loop evaluation as a document ("vlaq.eval/1", mode "open_loop"): how far a policy's actions are from those
// recorded, per axis, per episode, under conditions, and against a second policy. Plain data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/version.h"
#include "evaluation/bootstrap.h"
#include "evaluation/open_loop.h"
#include "evaluation/subject.h"
#include "image/preprocess.h"

namespace vlaq::evaluation {

struct OpenLoopContestant {
  Subject subject;
  ActionSpace space;
  std::vector<ConditionScores> conditions;
};

struct OpenLoopEvaluation {
  OpenLoopContestant policy;
  std::optional<OpenLoopContestant> against;
  std::vector<std::string> skipped;                               // files left out, with the reason
  image::ChannelOrder channel_order = image::ChannelOrder::kRgb;  // of the recorded frames, as they were read
  std::string vlaq_version{kVersion};
};

// Axes that an action of this space has: 1 to 3.
size_t AxesOf(const ActionSpace& space);

// The number that the first policy's training reported as its MAE (0.222): mean |a - a*| over normalised linear_x and
// linear_y, first action of each step.
double OriginalMae(const Score& score);

// Figures of `a` minus those of `b` over the same episodes in the same order; resampled by episode. Below 0: `a` is
// nearer to the record; of `directions` (agreement), above.
struct Differences {
  Estimate mae;
  std::vector<Estimate> axes;  // mae, by axis
  Estimate mae_raw;            // m/s (rad/s)
  Estimate original;           // OriginalMae
  Estimate directions;
};
Differences Compare(const OpenLoopContestant& a, const OpenLoopContestant& b, size_t condition);

// The first and the fourth of them.
Estimate MaeDifference(const OpenLoopContestant& a, const OpenLoopContestant& b, size_t condition);
// `a` minus `b`, scores of the same episodes in the same order for actions of one space; m/s (rad/s).
Estimate RawMaeDifference(const ActionSpace& space, const std::vector<EpisodeScore>& a,
                          const std::vector<EpisodeScore>& b);
// Agreement of directions above what chance gives to these frequencies of recorded and predicted directions (the sum of
// their products): 0 for a policy whose directions have nothing to do with those recorded.
Estimate DirectionsAboveChance(const std::vector<EpisodeScore>& episodes);

// How far the actions of `condition` moved away from those of kNormal: mean over steps and axes, normalised.
Estimate Movement(const ActionSpace& space, const std::vector<EpisodeScore>& episodes);

Json ToJson(const OpenLoopEvaluation& evaluation);

}  // namespace vlaq::evaluation

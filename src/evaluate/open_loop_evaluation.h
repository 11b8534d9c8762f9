// An open-loop evaluation as a document ("vlaq.eval/2", mode "open_loop"): how far a policy's actions are from those
// recorded, per axis, per episode, under ablations, and against a second policy. Plain data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/version.h"
#include "evaluate/bootstrap.h"
#include "evaluate/open_loop.h"
#include "evaluate/policy_identity.h"
#include "image/preprocess.h"

namespace vlaq::evaluate {

struct OpenLoopPolicy {
  PolicyIdentity subject;
  ActionSpace space;
  std::vector<AblationScores> ablations;
};

struct OpenLoopEvaluation {
  OpenLoopPolicy policy;
  std::optional<OpenLoopPolicy> reference;
  std::vector<std::string> skipped;                               // files left out, with the reason
  image::ChannelOrder channel_order = image::ChannelOrder::kRgb;  // of the recorded frames, as they were read
  std::string vlaq_version{kVersion};
};

// Values that an action of this space has.
size_t AxesOf(const ActionSpace& space);

// Errors: kUsage unless the values that both have are the same ones.
Status CheckPairs(const ActionSpace& a, const ActionSpace& b);

// Figures of `a` minus those of `b` over the same episodes in the same order; resampled by episode. Below 0: `a` is
// nearer to the record; of `directions` (agreement), above.
struct Differences {
  Estimate mae;
  std::vector<std::string> axis_names;
  std::vector<Estimate> axes;          // mae, by axis
  Estimate mae_raw;                    // in the units of what is recorded
  std::optional<Estimate> original;    // of the training's own MAE, where the family has one
  std::optional<Estimate> directions;  // where the family has classes of actions
};
Differences Compare(const OpenLoopPolicy& a, const OpenLoopPolicy& b, size_t ablation);

// The first of them.
Estimate MaeDifference(const OpenLoopPolicy& a, const OpenLoopPolicy& b, size_t ablation);
// `a` minus `b`, scores of the same episodes in the same order for actions of one space; in the units of what is
// recorded.
Estimate RawMaeDifference(const ActionSpace& space, const std::vector<EpisodeScore>& a,
                          const std::vector<EpisodeScore>& b);
// Agreement of classes of actions above what chance gives to these frequencies of recorded and predicted ones (the sum
// of their products): 0 for a policy whose classes have nothing to do with those recorded.
Estimate DirectionsAboveChance(const std::vector<EpisodeScore>& episodes);

// How far the actions of `ablation` moved away from those of kNormal: mean over steps and axes, normalized.
Estimate Movement(const ActionSpace& space, const std::vector<EpisodeScore>& episodes);

Json ToJson(const OpenLoopEvaluation& evaluation);

}  // namespace vlaq::evaluate

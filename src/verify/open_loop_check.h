// Stage 3: does the policy do what was recorded? On episodes that neither trained nor calibrated it: better than
// policies that do not look, as well as its training says, at the scale it claims, and no worse than a reference, pair
// by pair. Not aware of: where episodes lie.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "data/episode_set.h"
#include "verify/judged_policy.h"
#include "verify/report.h"

namespace vlaq::verify {

struct OpenLoopCheckOptions {
  // Mean |a - a*|, normalized, that the policy may lose against the reference: the upper end of the 95 % interval of
  // the paired difference must lie below it. 0.01 is about a seventh of the error of a good small policy
  // (0.06 to 0.07), and 6 mm/s where 1 means 0.6 m/s.
  double max_mae_increase = 0.01;
  // Mean |a - a*|, normalized, that the policy may have at most; absent: not judged.
  std::optional<double> max_mae = std::nullopt;
  // What the checkpoint says of its own training (val_mae), normalized: twice that is allowed, since other episodes may
  // be harder, but another policy, scale or picture is further off.
  std::optional<double> validation_mae = std::nullopt;
  int threads = 1;  // episodes at a time
};

// Episodes of `lists` ("split.json:train", see data::ReadEpisodeList) must not be among `episodes`, which messages
// call `name`. Errors: kInput naming the common ones.
Status CheckUnseen(const data::EpisodeSet& episodes, const std::string& name, const std::vector<std::string>& lists,
                   Log& log, Report& report);

// Adds the checks of stage 3 to `report`: "recorded actions" (nearer to the record than the best constant action and
// than repeating the last recorded one), "directions" (above chance), "action scale", "validation error", "largest
// error" and with a reference "reference actions"; `reference` may be null. What too few episodes, or a policy that
// cannot hear their instructions, do not show is untestable. Errors: those of the policies and the episodes; kUsage if
// the two do not compare.
Status CheckOpenLoop(const JudgedPolicy& policy, const JudgedPolicy* reference, const data::EpisodeSet& episodes,
                     const OpenLoopCheckOptions& options, Log& log, Report& report);

}  // namespace vlaq::verify

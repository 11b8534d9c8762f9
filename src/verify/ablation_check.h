// Stage 4: does the policy look, and does it listen? On recorded episodes its pictures and its instruction are taken
// away in turn; a policy whose actions then stay as they were never used them, however small its error is.
//
// Not aware of: what the right action would have been (stage 3), whether it arrives (stage 5).
#pragma once

#include "base/log.h"
#include "data/episode_set.h"
#include "verify/judged_policy.h"
#include "verify/report.h"

namespace vlaq::verify {

struct AblationCheckOptions {
  // Mean |a - a'| per step and axis, normalized, by which an ablation must move the actions at least. A difference of
  // arithmetic moves them by 1e-5 (stage 1); a policy that looks and listens was measured to move by 0.25 to 0.56; what
  // moves less than a third of the error of a good policy (0.06) changes nothing that it does.
  double least_movement = 0.02;
  int threads = 1;  // episodes at a time
};

// Adds the checks of stage 4 to `report`: "image" fails unless blank, frozen and shuffled frames each move the actions,
// "instruction" unless exchanged sides do; the latter is untestable for a policy that cannot be told, and for episodes
// that name no side. Errors: those of the policies and the episodes.
Status CheckAblations(const JudgedPolicy& policy, const data::EpisodeSet& episodes, const AblationCheckOptions& options,
                      Log& log, Report& report);

}  // namespace vlaq::verify

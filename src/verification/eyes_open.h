// Rung 4: does the policy look, and does it listen? On recorded episodes its eyes and ears are shut in turn; a policy
// whose actions then stay as they were never used them, however small its error is.
//
// Not aware of: what the right action would have been (rung 3), whether it arrives (rung 5).
#pragma once

#include "base/log.h"
#include "episode/episode_set.h"
#include "verification/contender.h"
#include "verification/report.h"

namespace vlaq::verification {

struct EyesOpenOptions {
  // Mean |a - a'| per step and axis, normalised, by which a condition must move the actions at least. A difference of
  // arithmetic moves them by 1e-5 (rung 1); a policy that looks and listens was measured to move by 0.25 to 0.56; what
  // moves less than a third of the error of a good policy (0.06) changes nothing that it does.
  double least_movement = 0.02;
  int threads = 1;  // episodes at a time
};

// Adds the checks of rung 4 to `report`: "image" fails unless blank, frozen and shuffled frames each move the actions,
// "instruction" unless exchanged sides do; the latter is untestable for a policy that cannot be told, and for episodes
// that name no side. Errors: those of the drivers and the episodes.
Status CheckEyesOpen(const Contender& policy, const episode::EpisodeSet& episodes, const EyesOpenOptions& options,
                     Log& log, Report& report);

}  // namespace vlaq::verification
